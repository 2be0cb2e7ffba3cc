"""Clauses of a text and the words that carry meaning in them, in English and Chinese."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from copilot.grounding.wordlist import load_table, pattern_of

_STOP_WORDS = """
a an the and or of for you your yours our ours are is was were be been being will would shall can
could should may might with that this these those there here have has had having do does did done
not no never none but from they them their theirs he she his her hers it its what when which who
whom whose how why as at by in on to into onto over out up down off about than then also any so if
we us i me my mine said says say told tell asked ask asks mentioned mention noted note customer
client please thank thanks just very really still already now one per each too re ve ll don didn
won isn cannot need needs side unit total amount value worth come comes came stand stands number
roughly around approximately nearly about amounting totals exactly currently
"""
_STOP = frozenset(_STOP_WORDS.split())
_ZH_STOP = (
    "的了是在和与我您们你他她它会将要对于这那就都及说到提可以能为个未并无也还又很请让把被着过给从向至第共计"
    "每总额达则其之而且但或者着吧呢吗呀啊"
)
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ]*(?:['’][a-z]+)?|[A-Za-z]\d+")
_ENDINGS = (
    "isation", "ization", "ations", "ation", "ments", "ingly", "edly", "ings", "ing", "ers",
    "ed", "er", "es", "al", "ly", "s", "e", "y",
)  # fmt: skip
_CUT = re.compile(r"(?<!\d)[.,](?!\d)|(?<=\d)[.,](?=\s|$)|[!?;:，。！？；：、\n]|[“”\"]|\s[-–—]\s")
_CONJUNCTION = re.compile(
    r"\b(?:and(?! (?:month|year|user)\b)|but|while|whereas|because|although|so that|though"
    r"|, so)\b|但是|但|而且|而|因为|所以|不过|并且|然而"
)


@dataclass(frozen=True)
class Token:
    """A word's stem, a pair of Chinese characters, or a concept such as `@budget`."""

    text: str
    start: int
    end: int

    @property
    def is_concept(self) -> bool:
        """Say whether this is a noun of the table rather than a plain word."""
        return self.text.startswith("@")


def stem(word: str) -> str:
    """Return a word without its ending, in lower case: good for comparing, not for showing."""
    plain = re.sub(r"['’].*$", "", word.lower())
    for ending in _ENDINGS:
        if plain.endswith(ending) and len(plain) - len(ending) >= 3 + (len(ending) > 3):
            plain = plain[: -len(ending)]
            break
    if len(plain) > 3 and plain[-1] == plain[-2] and plain[-1] not in "ls":
        plain = plain[:-1]
    return plain


def tokenise(text: str, kind: str | None = None) -> list[Token]:
    """Return the tokens in the order in which they stand; concepts are those of one kind."""
    found: list[Token] = []
    if kind is not None:
        for name, pattern in concepts(kind).items():
            for match in pattern.finditer(text):
                found.append(Token("@" + name, match.start(), match.end()))
        for token in found:
            text = text[: token.start] + "\x00" * (token.end - token.start) + text[token.end :]
    for match in _LATIN.finditer(text):
        word = match.group()
        if word.lower() not in _STOP and len(word) > 1:
            found.append(Token(stem(word), match.start(), match.end()))
    for match in _HAN.finditer(text):
        found += _pairs(match.group(), match.start())
    return sorted(found, key=lambda token: token.start)


def _pairs(run: str, start: int) -> list[Token]:
    return [
        Token(run[place : place + 2], start + place, start + place + 2)
        for place in range(len(run) - 1)
        if run[place] not in _ZH_STOP and run[place + 1] not in _ZH_STOP
    ]


@cache
def concepts(kind: str) -> dict[str, re.Pattern[str]]:
    """Return the nouns that a figure of this kind can belong to, each with its pattern."""
    return {name: pattern_of(words) for name, words in load_table("concepts").get(kind, {}).items()}


@cache
def kin_of(name: str) -> frozenset[str]:
    """Return the concept itself and those that may stand for it."""
    plain = name.removeprefix("@")
    pairs = [pair for pair in load_table("concepts")["kin"] if plain in pair]
    return frozenset("@" + each for pair in pairs for each in pair) | {name}


@lru_cache(maxsize=4096)
def words_of(text: str) -> frozenset[str]:
    """Return the set of stems and character pairs of a text."""
    return frozenset(token.text for token in tokenise(text))


def split_clauses(text: str, *, at_conjunctions: bool = True) -> list[str]:
    """Return the clauses of a text, cut at punctuation and, if asked for, at "and" and the like."""
    parts = _CUT.split(text)
    if at_conjunctions:
        parts = [piece for part in parts for piece in _CONJUNCTION.split(part)]
    return [part.strip() for part in parts if part and part.strip()]


def overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """Return which part of the first text's words stands in the second."""
    return len(first & second) / len(first) if first else 0.0
