"""What a period found in a text looks like, while it is put together and when it is done."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from crm.period import Period
from tools.periods.clock import Clock

Kind = Literal[
    "day",
    "week",
    "month",
    "quarter",
    "half",
    "year",
    "rolling",
    "to_date",
    "range",
    "since",
    "after",
    "before",
    "until",
    "vague",
]


@dataclass(frozen=True)
class PeriodMention:
    """A period named in a text, at characters `start_char` … `end_char` (end excluded).

    `is_open_start` / `is_open_end` say that the asker left that side open: `period` then starts on
    `date.min`, or ends today (on `date.max` where it starts later). `is_ambiguous` marks a date
    that reads two ways (11/05/2016); `period` is then the month-first reading.
    """

    start_char: int
    end_char: int
    text: str
    period: Period
    kind: Kind
    is_open_start: bool = False
    is_open_end: bool = False
    is_future: bool = False
    is_ambiguous: bool = False


@dataclass(frozen=True)
class Atom:
    """A piece of a mention: what one rule found, before neighbours are joined to it.

    `in_year` gives the piece in another year, for pieces that name none ("March", "Q2");
    `year_used` is the year it stands in. A whole year carries its two names instead. A weak atom
    counts only once joined to another.
    """

    start: int
    end: int
    period: Period
    kind: Kind
    in_year: Callable[[int], Period | None] | None = None
    is_fiscal: bool = False
    year_used: int | None = None
    fiscal_year: int | None = None
    calendar_year: int | None = None
    is_weak: bool = False
    is_end_edge: bool = False
    is_ambiguous: bool = False
    is_open_start: bool = False
    is_open_end: bool = False

    @property
    def is_year(self) -> bool:
        """Say whether this is a whole year that may complete a month or quarter beside it."""
        return self.calendar_year is not None

    @property
    def is_floating(self) -> bool:
        """Say whether no year was named yet."""
        return self.in_year is not None and self.year_used is None


Builder = Callable[["re.Match[str]", Clock], Atom | None]


@dataclass(frozen=True)
class Rule:
    """A pattern, and what builds an atom from its match (None: not a period after all)."""

    pattern: "re.Pattern[str]"
    build: Builder
