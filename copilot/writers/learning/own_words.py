"""Figures, days and names that a rep wrote into a draft herself: hers to answer for."""

from dataclasses import dataclass
from datetime import date

from copilot.grounding.dates import find_dates
from copilot.grounding.names import find_addresses, find_codes, find_names, find_phones, fold
from copilot.grounding.quantities import find_quantities
from copilot.writers.draft import Draft
from copilot.writers.learning.wording import sentences_of
from tools.letter_parts import split_letter

_MOST = 20
_MOST_SENTENCES = 400
_LONGEST_PIECE = 600


@dataclass(frozen=True)
class OwnWords:
    """What stands in the final text and not in the draft, as written."""

    figures: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Say whether there is anything."""
        return bool(self.figures or self.names)


def own_words(draft: Draft, final_body: str, *, today: date) -> OwnWords:
    """Return the figures (sums, numbers, days, addresses) and names that only the edit states."""
    before = f"{draft.subject}\n{draft.body}"
    people = tuple(name for name in (draft.sender, *(one.name for one in draft.to)) if name)
    drafted = {value for one in find_quantities(before)[0] for value in one.values}
    known = _Known(before, fold(before), frozenset(drafted), people)
    text = split_letter(final_body, sender=draft.sender).text
    figures: list[str] = []
    names: list[str] = []
    for piece in _pieces(text):
        if piece not in before:
            figures += _figures(piece, known, today)
            names += _names(piece, known, today)
    return OwnWords(_first(figures), _first(names))


@dataclass(frozen=True)
class _Known:
    """What the draft says: as written, folded, its quantities, and the two people of the letter."""

    text: str
    folded: str
    quantities: frozenset[float]
    people: tuple[str, ...]


def _pieces(text: str) -> list[str]:
    """Return the sentences, long ones cut: the readers take long for text that is no prose."""
    return [
        sentence[start : start + _LONGEST_PIECE]
        for sentence in sentences_of(text)[:_MOST_SENTENCES]
        for start in range(0, len(sentence), _LONGEST_PIECE)
    ]


def _figures(text: str, known: _Known, today: date) -> list[str]:
    addresses, rest = find_addresses(text)
    days, rest = find_dates(rest, today)
    phones, rest = find_phones(rest)
    _, rest = find_codes(rest)
    amounts, _ = find_quantities(rest)
    found = [one for one in (*addresses, *phones) if one not in known.text]
    found += [one.raw for one in days if fold(one.raw) not in known.folded]
    return found + [
        one.raw for one in amounts if not one.is_article and known.quantities.isdisjoint(one.values)
    ]


def _names(text: str, known: _Known, today: date) -> list[str]:
    _, rest = find_addresses(text)
    _, rest = find_dates(rest, today)
    codes, rest = find_codes(rest)
    _, rest = find_quantities(rest)
    found = [one.raw for one in (*codes, *find_names(rest, known.people))]
    return [one for one in found if fold(one) not in known.folded and one not in known.people]


def _first(found: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(bare for one in found if (bare := one.strip(" .,;:，。；："))))[
        :_MOST
    ]
