"""How Chinese names are read aloud and written in Latin letters, without tones."""

from functools import cache, lru_cache
from itertools import product
from typing import Any

from ingest.identity.names import surname_length, vocabulary

_MOST = 64


@lru_cache(maxsize=50_000)
def readings_of(char: str) -> tuple[str, ...]:
    """Return the ways a character is read, plain letters; ü as `u` and as people type it, `v`."""
    from pypinyin import Style, pinyin

    found = pinyin(char, style=Style.NORMAL, heteronym=True)[0]
    plain = [reading.replace("ü", "v") for reading in found]
    both = [other for reading in plain for other in (reading.replace("v", "u"), reading)]
    return tuple(dict.fromkeys(reading for reading in both if reading.isalpha()))


@lru_cache(maxsize=50_000)
def spelled(han: str) -> "Spelling":
    """Return a Chinese name, surname first, in Latin letters."""
    length = surname_length(han)
    return Spelling(_surname(han[:length]), _joined(han[length:]), _initials(han[length:]))


class Spelling:
    """The readings of a surname and of a given name, each in all variants."""

    __slots__ = ("given", "initials", "surname")

    def __init__(
        self, surname: frozenset[str], given: frozenset[str], initials: frozenset[str]
    ) -> None:
        self.surname, self.given, self.initials = surname, given, initials


def _surname(han: str) -> frozenset[str]:
    special = _special().get(han)
    return frozenset({special}) if special else _joined(han)


def _joined(han: str) -> frozenset[str]:
    if not han:
        return frozenset()
    return frozenset("".join(parts) for parts in _variants(han))


def _initials(han: str) -> frozenset[str]:
    return frozenset("".join(part[0] for part in parts) for parts in _variants(han)) - {""}


def _variants(han: str) -> list[tuple[str, ...]]:
    choices = [readings_of(char) for char in han[:6]]
    found: list[tuple[str, ...]] = []
    for parts in product(*choices):
        found.append(parts)
        if len(found) >= _MOST:
            break
    return found


@cache
def _special() -> dict[str, Any]:
    readings: dict[str, Any] = vocabulary()["surname_readings"]
    return readings
