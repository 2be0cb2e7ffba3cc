"""What the metrics layer answers: cells and totals with everything that makes them defensible."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from crm.metrics.catalog import Unit, catalog
from crm.metrics.query import DateBasis, MetricQuery
from crm.metrics.words import describe_query, filters_in_words

Language = Literal["en", "zh"]


class MetricCell(BaseModel):
    """One value: money in major units of `currency`, rates and shares as fractions of 1.

    `keys` are the display names of the groups, "—" for none; `rows` the records that carry it.
    """

    model_config = ConfigDict(frozen=True)

    keys: tuple[str, ...]
    value: Decimal | None
    currency: str | None
    rows: int


class MetricResult(BaseModel):
    """The cells of a question, ordered within each currency, and totals over all rows.

    Money is never added across currencies: each currency has cells and a total of its own.
    `totals` take no notice of `limit` and `having`; `groups` counts the groups before the limit;
    `ties_cut` says that a cell equal to the last one shown was cut; `rows` counts all records.
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

    def filters_in_words(self, language: Language = "en") -> str:
        """Return the filters as words, such as `region East`, empty for none."""
        return filters_in_words(self.query, self.filter_names, language)

    def describe(self, language: Language = "en") -> str:
        """Return the interpretation line: `won deals, closed 2017-04-01 to 2017-06-30, …`."""
        measure = catalog().measure(self.query.measure)
        return describe_query(self.query, measure, self.basis, self.filter_names, language)
