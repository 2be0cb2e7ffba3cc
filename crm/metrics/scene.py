"""What a statement is compiled for: the caller, the clock, the period and the question's shape."""

from dataclasses import dataclass
from datetime import date, datetime

from crm.metrics.catalog import Dimension, Measure
from crm.metrics.query import DateBasis, Filter, MetricQuery
from crm.metrics.subjects import SUBJECTS, Subject
from crm.period import FiscalCalendar, Period
from crm.principal import Principal


@dataclass(frozen=True)
class Condition:
    """A checked filter: `keys` are ids, stored words, time keys or numbers; `shown` their names."""

    dimension: Dimension
    filter: Filter
    keys: tuple[int | str | float | date, ...]
    shown: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """A checked question together with everything that its statement depends on.

    `principal` is whom names are shown to; `counted_by` whose rows count, if not his alone.
    """

    query: MetricQuery
    measure: Measure
    by: tuple[Dimension, ...]
    conditions: tuple[Condition, ...]
    basis: DateBasis | None
    principal: Principal
    as_of: datetime
    calendar: FiscalCalendar
    counted_by: Principal | None = None

    @property
    def subject(self) -> Subject:
        """The kind of record that is measured."""
        return SUBJECTS[self.measure.entity]

    @property
    def period(self) -> Period | None:
        """The asked period."""
        return self.query.period

    @property
    def is_chronological(self) -> bool:
        """Say whether cells run forwards in time rather than by value."""
        has_time = any(dimension.kind == "time" for dimension in self.by)
        return has_time and self.query.order is None and self.query.limit is None
