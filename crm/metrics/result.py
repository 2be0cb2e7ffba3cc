"""What the metrics layer answers: cells and totals with everything that makes them defensible."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from crm.metrics.catalog import Unit, catalog
from crm.metrics.query import DateBasis, MetricQuery
from crm.metrics.words import describe_query, filters_in_words, value_in_words

Language = Literal["en", "zh"]


class Coverage(StrEnum):
    """Over which records a figure is, for who counts more records than he may open."""

    READABLE = "readable"
    ALL = "all"


_COMMA: dict[Language, str] = {"en": ", ", "zh": "，"}
_COVERAGE: dict[Language, dict[Coverage, str]] = {
    "en": {
        Coverage.READABLE: "over the records you may read",
        Coverage.ALL: "over all records, small groups not shown",
    },
    "zh": {
        Coverage.READABLE: "仅统计您可查看的记录",
        Coverage.ALL: "统计全部记录，过小的分组不显示",
    },
}


class MetricCell(BaseModel):
    """One value: money in major units of `currency`, rates and shares as fractions of 1.

    `keys` are the display names of the groups, "—" for none; `rows` the records that carry it.
    One that `is_hidden` would tell of records that its asker may not open: it has no value and no
    rows.
    """

    model_config = ConfigDict(frozen=True)

    keys: tuple[str, ...]
    value: Decimal | None
    currency: str | None
    rows: int
    is_hidden: bool = False

    def in_words(self, unit: Unit, language: Language = "en") -> str:
        """Return the value for people, such as `61.2%`, or that it is not shown."""
        if self.is_hidden:
            return "人数过少，不显示" if language == "zh" else "too few to show"
        return value_in_words(self.value, unit, self.currency, language)


class MetricResult(BaseModel):
    """The cells of a question, ordered within each currency, and totals over all rows.

    Money is never added across currencies: each currency has cells and a total of its own.
    `totals` take no notice of `limit` and `having`; `groups` counts the groups before the limit;
    `ties_cut` says that a cell equal to the last one shown was cut; `rows` counts all records.
    `coverage` is set where a policy counts records for the asker that he may not open: whether
    they are counted in here. Hidden cells then come last, whatever the limit.
    """

    model_config = ConfigDict(frozen=True)

    query: MetricQuery
    measure_label: str
    unit: Unit
    cells: tuple[MetricCell, ...]
    totals: tuple[MetricCell, ...]
    groups: int
    ties_cut: bool
    rows: int
    basis: DateBasis | None
    filter_names: tuple[tuple[str, ...], ...]
    definition: str
    as_of: datetime
    coverage: Coverage | None = None

    def filters_in_words(self, language: Language = "en") -> str:
        """Return the filters as words, such as `region East`, empty for none."""
        return filters_in_words(self.query, self.filter_names, language)

    def describe(self, language: Language = "en") -> str:
        """Return the interpretation line: `won deals, closed 2017-04-01 to 2017-06-30, …`."""
        measure = catalog().measure(self.query.measure)
        words = describe_query(self.query, measure, self.basis, self.filter_names, language)
        covered = self.coverage_in_words(language)
        return f"{words}{_COMMA[language]}{covered}" if covered else words

    def coverage_in_words(self, language: Language = "en") -> str:
        """Return over which records it is, where that is not plain; else nothing."""
        return _COVERAGE[language][self.coverage] if self.coverage else ""
