"""How much two names are alike, and in which way: the same, shortened, misspelt, transcribed."""

from enum import StrEnum
from functools import cache, lru_cache

from rapidfuzz.distance import OSA

from ingest.identity.names import NameForm, surname_length, vocabulary
from ingest.identity.readings import spelled

_UMLAUTS = (("ue", "u"), ("oe", "o"), ("ae", "a"))
_LONG_WORD = 6
# Endings by which languages tell a man's name from a woman's.
_ENDINGS = frozenset("aeio")


class Likeness(StrEnum):
    """In which way two names are alike, the closest first."""

    SAME = "same name"
    ORDER = "same name, other order"
    SHORTER = "same name without a middle name"
    PINYIN = "same name in the other script"
    NICKNAME = "short form of the first name"
    TYPO = "one letter apart"
    SOUND = "sounds the same"
    INITIAL = "initial and surname"
    GIVEN = "first name only"
    SURNAME = "surname only"

    @property
    def is_full(self) -> bool:
        """Say whether first name and surname agree."""
        return self not in {Likeness.INITIAL, Likeness.GIVEN, Likeness.SURNAME}


_RANKING = {kind: place for place, kind in enumerate(Likeness)}


@lru_cache(maxsize=200_000)
def compare(said: NameForm, known: NameForm) -> Likeness | None:
    """Return how a name that was said is like one in the CRM; None if they are two names."""
    found = [
        kind
        for kind in (_latin(said, known), _han(said, known), _across(said, known),
                     _surname_only(said, known))
        if kind is not None
    ]  # fmt: skip
    return min(found, key=_RANKING.__getitem__) if found else None


def _latin(said: NameForm, known: NameForm) -> Likeness | None:
    ours, theirs = said.latin, known.latin
    if not ours or not theirs:
        return None
    if ours == theirs:
        return Likeness.SAME if len(ours) > 1 else Likeness.GIVEN
    if len(ours) == 1 or len(theirs) == 1:
        return _one_word(ours, theirs)
    if sorted(ours) == sorted(theirs):
        return Likeness.ORDER
    if "".join(ours) == "".join(theirs):
        return Likeness.ORDER
    if len(ours) + len(theirs) > 4 and {ours[0], ours[-1]} == {theirs[0], theirs[-1]}:
        return _without_middle(ours[1:-1], theirs[1:-1])
    return _word_by_word(ours, theirs)


def _one_word(ours: tuple[str, ...], theirs: tuple[str, ...]) -> Likeness | None:
    """Compare where one of the names is a single word: `Priya`, or `chensiyuan` run together."""
    if len(ours) > len(theirs):
        return None
    word = ours[0]
    if len(theirs) > 1 and word in {"".join(theirs), "".join(theirs[::-1])}:
        return Likeness.ORDER
    if len(word) < 2:
        return None
    if word == theirs[0] or (len(theirs) > 1 and _is_nickname(word, theirs[0])):
        return Likeness.GIVEN
    return Likeness.SURNAME if word == theirs[-1] else None


def _without_middle(between: tuple[str, ...], beyond: tuple[str, ...]) -> Likeness | None:
    """Compare the words between first name and surname; two different ones are two people."""
    agree = all(_is_initial_of(one, other) for one, other in zip(between, beyond, strict=False))
    return Likeness.SHORTER if agree else None


def _word_by_word(ours: tuple[str, ...], theirs: tuple[str, ...]) -> Likeness | None:
    if len(ours) > 2 or len(theirs) > 2:
        ours, theirs = (ours[0], ours[-1]), (theirs[0], theirs[-1])
    straight = _both(_first_names(ours[0], theirs[0]), _surnames(ours[1], theirs[1]))
    swapped = _both(_first_names(ours[1], theirs[0]), _surnames(ours[0], theirs[1]))
    found = [kind for kind in (straight, swapped) if kind is not None]
    return min(found, key=_RANKING.__getitem__) if found else None


def _both(first: Likeness | None, last: Likeness | None) -> Likeness | None:
    """Return the weaker of two agreements; two weak ones together are none."""
    if first is None or last is None:
        return None
    if Likeness.SAME in (first, last):
        return last if first is Likeness.SAME else first
    return None


def _first_names(one: str, other: str) -> Likeness | None:
    if one == other or without_umlauts(one) == without_umlauts(other):
        return Likeness.SAME
    if len(one) == 1 or len(other) == 1:
        return Likeness.INITIAL if one[0] == other[0] else None
    if _is_nickname(one, other):
        return Likeness.NICKNAME
    return Likeness.TYPO if _is_typo(one, other) else None


def _surnames(one: str, other: str) -> Likeness | None:
    if one == other or without_umlauts(one) == without_umlauts(other):
        return Likeness.SAME
    return Likeness.TYPO if _is_typo(one, other) else None


def _is_typo(one: str, other: str) -> bool:
    """Say whether a slip of the finger makes one of the other; Jan and Jana are two names."""
    if min(len(one), len(other)) < _LONG_WORD - 1 or one[0] != other[0]:
        return False
    if OSA.distance(one, other, score_cutoff=1) > 1:
        return False
    is_ending = one[:-1] == other or other[:-1] == one or one[:-1] == other[:-1]
    return not (is_ending and ({one[-1], other[-1]} & _ENDINGS))


def _is_initial_of(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0])


def without_umlauts(word: str) -> str:
    """Return a folded word with ue, oe and ae as u, o and a, so that Mueller is Müller."""
    for long, short in _UMLAUTS:
        word = word.replace(long, short)
    return word


def _is_nickname(one: str, other: str) -> bool:
    return bool(_nicknames().get(one, frozenset()) & _nicknames().get(other, frozenset()))


def _han(said: NameForm, known: NameForm) -> Likeness | None:
    best: Likeness | None = None
    for one in said.han:
        for other in known.han:
            kind = _han_pair(one, other)
            if kind is not None and (best is None or _RANKING[kind] < _RANKING[best]):
                best = kind
    return best


def _han_pair(said: str, known: str) -> Likeness | None:
    if said == known:
        return Likeness.SAME if len(said) > 1 else Likeness.SURNAME
    if len(said) > 1 and said == known[surname_length(known) :]:
        return Likeness.GIVEN
    if len(said) == len(known) > 1:
        ours, theirs = spelled(said), spelled(known)
        if ours.surname & theirs.surname and ours.given & theirs.given:
            return Likeness.SOUND
    return None


def _across(said: NameForm, known: NameForm) -> Likeness | None:
    """Compare Chinese characters on one side with Latin letters on the other."""
    if said.latin and not said.han and known.han and not known.latin:
        return _transcribed(said.latin, known.han[0])
    if known.latin and not known.han and said.han and not said.latin:
        kinds = [_transcribed(known.latin, han) for han in said.han]
        return next((kind for kind in kinds if kind and kind.is_full), None)
    return None


def _transcribed(words: tuple[str, ...], han: str) -> Likeness | None:
    spelling = spelled(han)
    if len(han) < 2 or not spelling.given:
        return None
    for split in range(1, len(words)):
        parts = "".join(words[:split]), "".join(words[split:])
        for surname, given in (parts, parts[::-1]):
            if surname in spelling.surname and given in spelling.given:
                return Likeness.PINYIN
            if surname in spelling.surname and given in spelling.initials:
                return Likeness.INITIAL
    if len(words) > 1:
        return None
    whole = {a + b for a in spelling.surname for b in spelling.given}
    whole |= {b + a for a in spelling.surname for b in spelling.given}
    if words[0] in whole:
        return Likeness.PINYIN
    if words[0] in spelling.given and len(han) - surname_length(han) > 1:
        return Likeness.GIVEN
    return Likeness.SURNAME if words[0] in spelling.surname else None


def _surname_only(said: NameForm, known: NameForm) -> Likeness | None:
    surname = said.surname
    if not surname:
        return None
    for han in known.han:
        if han.startswith(surname) or surname in spelled(han).surname:
            return Likeness.SURNAME
    if known.latin and known.latin[-1] == surname:
        return Likeness.SURNAME
    if known.latin and len(surname) <= 2 and not surname.isascii():
        ends = {known.latin[0], known.latin[-1]}
        return Likeness.SURNAME if spelled(surname + "一").surname & ends else None
    return None


@cache
def _nicknames() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, line in enumerate(vocabulary()["nicknames"]):
        for word in line.split():
            found.setdefault(word, set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}
