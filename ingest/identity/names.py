"""A person's name, taken apart: Latin words, Chinese characters, forms of address set aside."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import yaml

from ingest.identity.phones import is_a_number

_LONGEST = 120
_MOST_WORDS = 8
_HAN = re.compile("[\u3400-\u9fff]+")
_ASIDE = re.compile(r"[(（\[【<{].*?[)）\]】>}]")
_BEHIND = re.compile(r"\s(?:[-–—|@/•]|via|from|at)\s.*$|[|/@].*$", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_APOSTROPHES = str.maketrans(dict.fromkeys("'’`´ʼ‘", ""))
# Letters that Unicode does not take apart into a plain one and a mark.
_PLAIN = str.maketrans(
    {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)


@dataclass(frozen=True, slots=True)
class NameForm:
    """A name as it is compared.

    `latin` are its words, folded, in the order written; `han` its Chinese characters, simplified,
    one string for each order they may stand in, surname first. `surname` is set where only that is
    said (王总, 小陈, Mr. Nair), `rank` where a form of address says what the person is.
    """

    latin: tuple[str, ...] = ()
    han: tuple[str, ...] = ()
    surname: str = ""
    rank: str = ""

    @property
    def is_empty(self) -> bool:
        """Say whether there is no name in it."""
        return not (self.latin or self.han or self.surname)


EMPTY = NameForm()


@lru_cache(maxsize=20_000)
def form_of(name: str) -> NameForm:
    """Return the name taken apart; empty for numbers, addresses and labels such as `Speaker 1`."""
    if is_a_number(name):
        return EMPTY
    bare = _bare(name)
    groups = _HAN.findall(bare)
    latin_text = _HAN.sub(" ", bare)
    if groups:
        return _with_han(groups, _latin_words(latin_text))
    words, is_formal = _without_titles(_latin_words(_unfold_comma(latin_text)))
    if not words or any(word in _placeholders() for word in words):
        return EMPTY
    if is_formal and len(words) == 1:
        return NameForm(surname=words[0])
    return NameForm(latin=words)


def plain(name: str) -> str:
    """Return a name for use in a key: folded, one space between its words, at most 120 long."""
    cleaned = _printable(name)
    return " ".join(_fold(cleaned).split())


@cache
def vocabulary() -> dict[str, Any]:
    """Return the words of `words.yaml`."""
    text = (files("ingest.identity") / "words.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def surname_length(han: str) -> int:
    """Return how many characters of a Chinese name are the surname."""
    return 2 if len(han) > 2 and han[:2] in vocabulary()["compound_surnames"] else 1


def _printable(name: str) -> str:
    """Cut to length, then drop what is not seen: controls, direction marks, half characters."""
    shown = unicodedata.normalize("NFKC", name[: 2 * _LONGEST])
    kept = (" " if char.isspace() else char for char in shown)
    return "".join(c for c in kept if unicodedata.category(c)[0] != "C")[:_LONGEST]


def _bare(name: str) -> str:
    shown = _printable(name).strip()
    if "@" in shown and " " not in shown:
        return ""
    bare = _BEHIND.sub("", _ASIDE.sub(" ", shown)).strip()
    return bare.strip("\"'“”,;·")


def _fold(text: str) -> str:
    lowered = text.casefold().translate(_PLAIN).translate(_APOSTROPHES)
    taken_apart = unicodedata.normalize("NFKD", lowered)
    return "".join(char for char in taken_apart if unicodedata.category(char) != "Mn")


def _unfold_comma(text: str) -> str:
    """Return `Priya Nair` for `Nair, Priya`; what follows as a title stays behind."""
    last, comma, first = text.partition(",")
    words = _latin_words(first)
    if not comma or not words or all(word in _titles() for word in words):
        return text
    return f"{first} {last}"


def _latin_words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(_fold(text)))[:_MOST_WORDS]


def _without_titles(words: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    kept = tuple(word for word in words if word not in _titles())
    # "M. Ing" may be a name, however much its words look like titles.
    return (kept, len(kept) < len(words)) if kept else (words, False)


def _with_han(groups: list[str], latin: tuple[str, ...]) -> NameForm:
    parts = [simplified(group) for group in groups][:_MOST_WORDS]
    joined = "".join(parts)
    if any(word in joined for word in vocabulary()["placeholders_zh"]):
        return EMPTY
    words = tuple(word for word in latin if word not in _titles())
    if len(parts) == 1 and len(parts[0]) > 1 and parts[0][0] in "小老阿":
        rest = parts[0][1:]
        if _is_surname(rest):
            return NameForm(surname=rest)
    rest, rank = _without_rank(joined)
    if rank and _is_surname(rest):
        return NameForm(surname=rest, rank=rank, latin=words)
    if len(parts) == 2 and not rank:
        return NameForm(latin=words, han=_orders(*parts))
    return NameForm(latin=words, han=(rest,), rank=rank)


def _orders(first: str, second: str) -> tuple[str, ...]:
    if _is_surname(first) and not _is_surname(second):
        return (first + second,)
    if _is_surname(second) and not _is_surname(first):
        return (second + first,)
    return (first + second, second + first)


def _without_rank(han: str) -> tuple[str, str]:
    for rank in vocabulary()["titles_zh"]:
        rest = han.removesuffix(rank)
        if rest == han or not rest:
            continue
        # A single character at the end of a full name may belong to it: 李国工 is a name.
        if len(rank) > 1 or _is_surname(rest):
            return rest, rank
    return han, ""


def _is_surname(han: str) -> bool:
    words = vocabulary()
    return han in words["compound_surnames"] or (len(han) == 1 and han in words["surnames"])


@lru_cache(maxsize=20_000)
def simplified(han: str) -> str:
    """Return Chinese characters in simplified script."""
    return str(_converter().convert(han))


@cache
def _converter() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


@cache
def _titles() -> frozenset[str]:
    return frozenset(vocabulary()["titles"].split())


@cache
def _placeholders() -> frozenset[str]:
    return frozenset(vocabulary()["placeholders"].split())
