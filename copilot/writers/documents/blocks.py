"""The blocks a document is made of, the same for every format."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from prompts.library import Language


@dataclass(frozen=True)
class Run:
    """A stretch of text; `notes` are numbers of end notes, `is_open` a gap the rep must fill."""

    text: str
    notes: tuple[int, ...] = ()
    is_open: bool = False
    is_small: bool = False


Cell = tuple[Run, ...]
"""What stands in a cell of a table."""


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 or 2; `starts_page` where what follows has a page of its own."""

    text: str
    level: Literal[1, 2] = 1
    starts_page: bool = False


@dataclass(frozen=True)
class Paragraph:
    """Runs that follow each other; newlines in them are line breaks."""

    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: tuple[tuple[Run, ...], ...]


@dataclass(frozen=True)
class Quote:
    """Somebody's words, and who said them when."""

    words: str
    attribution: str
    notes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Column:
    """A column of a table; `weight` is its share of the width."""

    title: str
    weight: float = 1.0
    is_number: bool = False


@dataclass(frozen=True)
class TotalRow:
    """A line under a table: label and amount."""

    label: str
    value: str
    is_grand: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells, one a column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    totals: tuple[TotalRow, ...] = ()


@dataclass(frozen=True)
class Bar:
    """A bar: label, length as a fraction of the longest, and the amount in words."""

    label: str
    share: float
    value: str


@dataclass(frozen=True)
class BarChart:
    """Amounts compared; `alt` says the same in words."""

    title: str
    bars: tuple[Bar, ...]
    alt: str


@dataclass(frozen=True)
class Span:
    """A stretch of time: start and end as fractions of the whole; equal ends are one day."""

    label: str
    start: float
    end: float
    value: str


@dataclass(frozen=True)
class Tick:
    """A mark on the time axis."""

    at: float
    label: str


@dataclass(frozen=True)
class TimeChart:
    """Milestones on a time axis; `alt` says the same in words."""

    title: str
    spans: tuple[Span, ...]
    ticks: tuple[Tick, ...]
    alt: str


@dataclass(frozen=True)
class SignatureBox:
    """Where one party signs; empty fields are left as lines."""

    company: str
    name: str
    title: str


@dataclass(frozen=True)
class Signatures:
    """The parties that sign, with the labels of the lines."""

    boxes: tuple[SignatureBox, ...]
    labels: tuple[str, str, str, str]


@dataclass(frozen=True)
class Notice:
    """A box for the rep that has to go before the document leaves."""

    title: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class Notes:
    """The end notes, numbered from 1."""

    items: tuple[str, ...]


Block = (
    Heading
    | Paragraph
    | Bullets
    | Quote
    | Table
    | BarChart
    | TimeChart
    | Signatures
    | Notice
    | Notes
)


@dataclass(frozen=True)
class Document:
    """A document in one language, ready for any format.

    `facts` are the label and value pairs of the cover or letterhead; `draft_mark` is shown on
    every page while something is open, else empty. Without a cover the document starts at once.
    """

    language: Language
    title: str
    subtitle: str
    customer: str
    company: str
    dated: date
    date_shown: str
    confidentiality: str
    draft_mark: str
    facts: tuple[tuple[str, str], ...]
    has_cover: bool
    contents_title: str
    page_label: str
    blocks: tuple[Block, ...]
