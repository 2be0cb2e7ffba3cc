"""Which invited person a name stands for: first names, nicknames, other scripts and spellings."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from rapidfuzz.distance import Levenshtein

from ingest.identity import Person
from ingest.speech.name_words import (
    COMPOUND_SURNAMES,
    HONORIFICS,
    NICKNAMES,
    ORDINARY_WORDS,
    SURNAMES,
    TITLES,
)

# Two people who fit this nearly alike are a question, not an answer.
_CLEARLY = 0.06
_LEAST = 0.75
_HAN = re.compile("[\u3400-\u9fff]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SIMILAR_SOUNDS = (
    ("zh", "z"), ("ch", "c"), ("sh", "s"), ("ang", "an"), ("eng", "en"), ("ing", "in"),
    ("l", "n"),
)  # fmt: skip


@dataclass(frozen=True)
class Match:
    """A person by their place in the list, and how well the name fits, 0 to 1."""

    place: int
    score: float


@dataclass(frozen=True)
class _Names:
    """What one person may be called: Latin words, Chinese family and given name."""

    words: tuple[str, ...]
    family: str = ""
    given: str = ""

    @property
    def han(self) -> str:
        return self.family + self.given


class Roster:
    """The people who may be speaking."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.people = tuple(people)
        self._names = [_names_of(person) for person in people]

    def find(self, heard: str, *, is_surely_a_name: bool = True) -> Match | None:
        """Return whom the name stands for; None for nobody, or for more than one alike.

        Words that are not surely a name have to be spelled or pronounced exactly as one.
        """
        score = _score_han if is_han(heard) else _score_latin
        scores = [score(heard, names, is_loose=is_surely_a_name) for names in self._names]
        ranked = sorted(range(len(scores)), key=lambda place: -scores[place])
        if not ranked or scores[ranked[0]] < _LEAST:
            return None
        best = scores[ranked[0]]
        has_rival = len(ranked) > 1 and scores[ranked[1]] > best - _CLEARLY
        return None if has_rival else Match(ranked[0], best)


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name, without accents, in lower case, honorifics left out."""
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", name)
        if not unicodedata.combining(letter)
    )
    found = (word.casefold().replace("’", "'") for word in _WORD.findall(plain))
    return tuple(word for word in found if word not in HONORIFICS)


def split_han(name: str) -> tuple[str, str]:
    """Return the family and given part of a Chinese name."""
    size = 2 if name[:2] in COMPOUND_SURNAMES and len(name) > 2 else 1
    return name[:size], name[size:]


def is_han(text: str) -> bool:
    """Say whether there are Chinese characters in the text."""
    return _HAN.search(text) is not None


def looks_like_han_name(text: str) -> bool:
    """Say whether Chinese characters may be a full name: a known family name and one or two."""
    family, given = split_han(text)
    return family in SURNAMES | COMPOUND_SURNAMES and 1 <= len(given) <= 2


def pinyin_of(han: str) -> tuple[str, ...]:
    """Return how Chinese characters sound, a syllable each, without tones."""
    from pypinyin import lazy_pinyin

    return tuple(lazy_pinyin(han))


def _names_of(person: Person) -> _Names:
    name = person.name
    if "@" in name or not name.strip():
        local = (person.email or name).partition("@")[0]
        name = re.sub(r"[\d._+-]+", " ", local)
    han = "".join(_HAN.findall(name))
    words = words_of(_HAN.sub(" ", name))
    if len(han) >= 2:
        family, given = split_han(han)
        return _Names(words, family, given)
    return _Names(words)


def _score_latin(heard: str, names: _Names, *, is_loose: bool) -> float:
    said = words_of(heard)
    known = names.words
    if names.han:
        known += (_sound(names.family), _sound(names.given))
    if not said or not known:
        return 0.0
    left = list(known)
    scores = []
    for word in said:
        best = max(left, key=lambda one: _alike(word, one, is_loose=is_loose), default="")
        scores.append(_alike(word, best, is_loose=is_loose) if best else 0.0)
        if best:
            left.remove(best)
    if len(said) == 1 and said[0] == known[-1] and len(known) > 1 and not names.han:
        # A family name alone is less common than a first name, and shared more often.
        return 0.95
    return min(scores)


def _sound(han: str) -> str:
    return "".join(pinyin_of(han))


@cache
def _alike(said: str, known: str, *, is_loose: bool) -> float:
    if said == known:
        return 1.0
    if said in NICKNAMES.get(known, ()) or known in NICKNAMES.get(said, ()):
        return 0.95
    if min(len(said), len(known)) < 3 or said in ORDINARY_WORDS:
        return 0.0
    if _phonetic(said) == _phonetic(known):
        return 0.9
    if not is_loose:
        return 0.0
    if known.startswith(said):
        return 0.88
    if len(said) >= 4 and len(_consonants(said)) >= 3 and _consonants(said) == _consonants(known):
        return 0.85
    ratio = Levenshtein.normalized_similarity(said, known)
    is_near = len(said) >= 4 and len(known) >= 4 and said[0] == known[0] and ratio >= 0.75
    return 0.8 if is_near else 0.0


def _phonetic(word: str) -> str:
    """Return the word as it sounds, roughly: one letter a sound, vowels told apart only first."""
    sound = word.replace("'", "")
    for pattern, letter in (
        ("ph", "f"), ("ck", "k"), ("th", "t"), ("sch", "s"), ("sh", "s"), ("gh", "g"), ("wh", "w"),
        ("qu", "k"), ("c", "k"), ("q", "k"), ("x", "ks"), ("z", "s"), ("y", "i"), ("v", "f"),
        ("j", "g"), ("h", ""), ("w", "f"),
    ):  # fmt: skip
        sound = sound.replace(pattern, letter)
    sound = re.sub(r"(.)\1+", r"\1", sound)
    sound = re.sub("e$", "", sound)
    return re.sub("[aeiou]+", "a", sound)


def _consonants(word: str) -> str:
    sound = _phonetic(word)
    return sound[:1] + sound[1:].replace("a", "")


def _score_han(heard: str, names: _Names, *, is_loose: bool) -> float:
    han = "".join(_HAN.findall(heard))
    family = family_addressed(han)
    if family:
        return _score_family(family, names)
    if not 2 <= len(han) <= 4:
        return 0.0
    if names.han:
        if han == names.han:
            return 1.0
        if han == names.given and len(han) >= 2:
            return 0.95
        if _sounds_of(han) == _sounds_of(names.han):
            return 0.9
        is_given = len(names.given) >= 2 and _sounds_of(han) == _sounds_of(names.given)
        return 0.85 if is_given and is_loose else 0.0
    return _score_transliterated(han, names)


def family_addressed(han: str) -> str:
    """Return the family name in `小王`, `王总` or `王经理`; nothing where there is no such form."""
    if len(han) == 2 and han[0] in "小老阿":
        return han[1]
    for title in TITLES:
        family = han.removesuffix(title)
        if family != han and (len(family) == 1 or family in COMPOUND_SURNAMES):
            return family
        full_family, given = split_han(family)
        if family != han and len(given) in (1, 2) and full_family in SURNAMES:
            # A full name before a title is judged as the full name.
            return ""
    return ""


def _score_family(family: str, names: _Names) -> float:
    if names.family:
        if family == names.family:
            return 0.9
        return 0.8 if pinyin_of(family) == pinyin_of(names.family) else 0.0
    sound = _sound(family)
    return 0.8 if sound in (names.words[:1] + names.words[-1:]) else 0.0


def _score_transliterated(han: str, names: _Names) -> float:
    """Score a Chinese name against one written in pinyin, whichever part comes first."""
    family, given = split_han(han)
    said = {_sound(family), _sound(given)}
    written = "".join(names.words)
    if written in (_sound(family) + _sound(given), _sound(given) + _sound(family)):
        return 0.9
    return 0.85 if said <= set(names.words) else 0.0


@cache
def _sounds_of(han: str) -> tuple[str, ...]:
    """Return the syllables with those made one that speakers and recognisers mix up."""
    sounds = []
    for syllable in pinyin_of(han):
        plain = syllable
        for one, other in _SIMILAR_SOUNDS:
            plain = plain.replace(one, other)
        sounds.append(plain)
    return tuple(sounds)
