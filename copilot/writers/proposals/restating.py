"""A customer's sentence told back to them by code: "our" becomes "your", nothing else changes."""

import re
from collections.abc import Sequence

from copilot.writers.proposals.cues import ADDRESSED
from crm.index.terms import is_stop_word, stem_of, terms_of
from tools.language import Language, has_han

_PERSONAL = re.compile(r"\b(?:I|me|my|mine|myself)\b|\bI['’]|[我俺](?![们方司])", re.IGNORECASE)
# "Last quarter" was another one by the day of the proposal: such words stand as a dated quotation.
_RELATIVE = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|now|currently|recently|soon|ago|at the moment|so far"
    r"|(?:this|last|next|coming|past)"
    r" (?:week|month|quarter|year|spring|summer|autumn|fall|winter|time|\w+day)"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b"
    r"|[今明昨后前去][天日晚年]|[上下本这][个]?(?:周|月|季度|星期|礼拜|半年|次)|目前|现在|最近|刚|前几年|周[一二三四五六日]",
    re.IGNORECASE,
)
_SWAPS: dict[Language, tuple[tuple[re.Pattern[str], str], ...]] = {
    "en": (
        (re.compile(r"\bWe\b"), "You"),
        (re.compile(r"\bwe\b"), "you"),
        (re.compile(r"\bOurselves\b|\bourselves\b"), "yourselves"),
        (re.compile(r"\bOurs\b|\bours\b"), "yours"),
        (re.compile(r"\bOur\b"), "Your"),
        (re.compile(r"\bour\b"), "your"),
        # "US" is a country.
        (re.compile(r"\b[Uu]s\b"), "you"),
    ),
    "zh": (
        (re.compile(r"我们(?=公司|集团)"), "贵"),
        (re.compile(r"我们这边|我们|咱们|我方|我司|我公司|本公司"), "贵方"),
    ),
}
_WISHES: dict[Language, re.Pattern[str]] = {
    "en": re.compile(
        r"(?:we (?:also |really )?(?:need|want|require|would like)(?! (?:to|you|that)\b)"
        r"|we(?:['’]re| are) looking for"
        r"|our (?:\w+ )?(?:policy|rules?|standards?) (?:says?|requires?|demands?) that)"
        r" (?P<core>.+)",
        re.IGNORECASE,
    ),
    "zh": re.compile(r"(?:我们|我方|我司)(?:还|也|都)?(?:需要|希望|要求)(?P<core>.{4,})"),
}
_SMALL = frozenset({"your", "yours", "all", "every", "each", "no", "both", "during", "before"})
_GLUE_WORDS = """
you your yours we our ours which while where so thus therefore because well include included
offer offered provide provided mean be been being both also already
"""
_GLUE = frozenset(_GLUE_WORDS.split())
# Too common to search for, and yet a claim of its own.
_TELLING = frozenset({"customer", "all", "any", "more", "most", "last", "no", "not", "anything"})
_GLUE_HAN = frozenset(
    "贵方司的了在和与并且因而故将为以及其已可也能被由于是有对该此所中上下从到把向会均都我们您等或者个些这那使得则"
)


def restate(words: str, language: Language) -> str | None:
    """Return the sentence with the customer as "you".

    None where somebody speaks of himself, to us, or of a day: what is meant would change.
    """
    if any(pattern.search(words) for pattern in (_PERSONAL, _RELATIVE, ADDRESSED)):
        return None
    for pattern, instead in _SWAPS[language]:
        words = pattern.sub(instead, words)
    return ended(words[:1].upper() + words[1:])


def goal_of(words: str, language: Language) -> str | None:
    """Return the customer's wish as an entry of a list of goals, None where restate() gives none.

    What stands before the wish itself ("We need", "Our policy says that") is left out.
    """
    found = _WISHES[language].match(words)
    return restate(words if found is None else found["core"], language)


def ended(words: str) -> str:
    """Return the sentence with a full stop."""
    return words if words[-1:] in ".!。！" else words + ("。" if has_han(words) else ".")


def lowered(sentence: str) -> str:
    """Return an English sentence as it goes on after "that".

    Its first word is made small unless a name or an abbreviation may stand there.
    """
    first, gap, rest = sentence.partition(" ")
    is_plain = first[1:].islower() and (is_stop_word(first.lower()) or first.lower() in _SMALL)
    return f"{first.lower()}{gap}{rest}" if is_plain or first == "A" else sentence


def strange_words(sentence: str, material: Sequence[str]) -> list[str]:
    """Return the words of a sentence that carry meaning and stand nowhere in its material.

    A small model adds what it has read elsewhere; the checks of amounts, dates and names do not
    see that "your customers need" is not "we need".
    """
    joined = " ".join(material)
    known = {stem_of(term) for term in terms_of(joined)}
    found = []
    for term in dict.fromkeys(terms_of(sentence)):
        if has_han(term):
            is_known = all(char in joined or char in _GLUE_HAN for char in term)
        else:
            is_plain = is_stop_word(term) and term not in _TELLING
            is_known = is_plain or term in _GLUE or stem_of(term) in known
        if not is_known:
            found.append(term)
    return found
