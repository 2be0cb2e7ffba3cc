"""What may be asked of the metrics layer: a measure, how to group, filter and cut it."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from crm.period import Period


class FilterOp(StrEnum):
    """How a filter compares; the last four take one number."""

    IN = "in"
    NOT_IN = "not_in"
    IS_EMPTY = "is_empty"
    NOT_EMPTY = "not_empty"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    MORE_THAN = "more_than"
    LESS_THAN = "less_than"


COMPARISONS = (FilterOp.AT_LEAST, FilterOp.AT_MOST, FilterOp.MORE_THAN, FilterOp.LESS_THAN)


class DateBasis(StrEnum):
    """Which of a record's dates the period and the time dimensions look at."""

    OPENED = "opened"
    CLOSED = "closed"
    EXPECTED_CLOSE = "expected_close"
    OCCURRED = "occurred"
    DUE = "due"


class Filter(BaseModel):
    """A condition on one dimension.

    `values` are display names, exactly as stored (or ids as int) for names and words, labels such
    as `2017`, `Q2 2017`, `2017-04`, `2017-W14` for time, and numbers for numeric attributes: money
    in major units, rates as fractions of 1. `NOT_IN` keeps records that have no value at all.
    """

    model_config = ConfigDict(frozen=True)

    dimension: str
    op: FilterOp = FilterOp.IN
    values: tuple[str | int | float, ...] = ()


class Having(BaseModel):
    """A condition on each group's value: money in major units, rates and shares as fractions."""

    model_config = ConfigDict(frozen=True)

    op: FilterOp
    value: float


class MetricQuery(BaseModel):
    """One question to the metrics layer.

    `limit` cuts each currency's cells on its own. Without `order`, time runs forwards and anything
    else from the highest value down. `share` turns values into fractions: of the total over all
    groups, or, with no `by`, of the same measure and period without the filters.
    """

    model_config = ConfigDict(frozen=True)

    measure: str
    by: tuple[str, ...] = Field(default=(), max_length=2)
    filters: tuple[Filter, ...] = ()
    period: Period | None = None
    basis: DateBasis | None = None
    order: Literal["desc", "asc"] | None = None
    limit: int | None = Field(default=None, ge=1)
    having: Having | None = None
    share: bool = False
