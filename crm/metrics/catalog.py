"""The catalogue of measures and dimensions, read from one YAML file each."""

from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from crm.errors import BadInput
from crm.metrics.query import DateBasis
from crm.metrics.subjects import SUBJECTS

Unit = Literal["money", "count", "ratio", "days", "hours", "score", "people"]
Aggregate = Literal["count", "sum", "mean", "median", "min", "max"]
# Sums and counts of records split into parts; averages, rates and extremes do not.
ADDITIVE: tuple[Aggregate, ...] = ("count", "sum")


class Dimension(BaseModel):
    """A way to group or filter. Numbers can only be filtered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    label: dict[str, str]
    aliases: dict[str, tuple[str, ...]]
    formula: dict[str, str]
    entity: str | None = None
    kind: Literal["entity", "text", "choice", "time", "number"]
    choices: tuple[str, ...] = ()
    unit: Literal["money", "count", "ratio", "days", "people", "year"] | None = None

    @property
    def definition(self) -> str:
        """What it is, in English."""
        return self.formula["en"]


class Measure(BaseModel):
    """A number that can be asked for: which records, which value, and how it is aggregated.

    `stages` limits deals by the status of their stage; `where` names one more condition, and
    `value` the number taken from each record, both kept in code; `counts` is what is counted
    once where that is not the record itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    label: dict[str, str]
    aliases: dict[str, tuple[str, ...]]
    formula: dict[str, str]
    entity: str
    unit: Unit
    aggregate: Aggregate
    value: str = "one"
    stages: tuple[Literal["open", "won", "lost"], ...] = ()
    where: str | None = None
    counts: Literal["account"] | None = None
    date: DateBasis | None = None
    dates: tuple[DateBasis, ...] = ()
    period_is_in_condition: bool = False
    per_currency: bool = False

    @property
    def definition(self) -> str:
        """Its formula in words, in English."""
        return self.formula["en"]

    @property
    def is_additive(self) -> bool:
        """Say whether parts sum up to the whole, so that a share makes sense."""
        return self.aggregate in ADDITIVE

    @property
    def splits_by_currency(self) -> bool:
        """Say whether every result is kept apart by currency."""
        return self.unit == "money" or self.per_currency

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of the dimensions by which it can be grouped or filtered."""
        return SUBJECTS[self.entity].dimension_names

    @property
    def date_bases(self) -> tuple[DateBasis, ...]:
        """The dates on which it can be placed, its own first; none for things without a date."""
        if self.date is None:
            return ()
        others = self.dates or tuple(SUBJECTS[self.entity].dates)
        return (self.date, *(basis for basis in others if basis is not self.date))


class Catalog(BaseModel):
    """All measures and dimensions by name."""

    model_config = ConfigDict(frozen=True)

    measures: dict[str, Measure]
    dimensions: dict[str, Dimension]

    def measure(self, name: str) -> Measure:
        """Return a measure; raises BadInput naming the known ones."""
        if name not in self.measures:
            raise BadInput(f"unknown measure {name!r}: use one of {', '.join(self.measures)}")
        return self.measures[name]

    def dimensions_for(self, measure: str) -> tuple[Dimension, ...]:
        """Return the dimensions valid for a measure; raises BadInput for an unknown measure."""
        return tuple(self.dimensions[name] for name in self.measure(measure).dimensions)

    def dimension(self, name: str, measure: Measure) -> Dimension:
        """Return a dimension of a measure; raises BadInput naming the valid ones."""
        if name not in self.dimensions or name not in measure.dimensions:
            valid = ", ".join(measure.dimensions)
            raise BadInput(f"{measure.name} has no dimension {name!r}: use one of {valid}")
        return self.dimensions[name]


@cache
def catalog() -> Catalog:
    """Return the catalogue, read once."""
    return Catalog(
        measures={one["name"]: Measure.model_validate(one) for one in _definitions("measures")},
        dimensions={
            one["name"]: Dimension.model_validate(one) for one in _definitions("dimensions")
        },
    )


def _definitions(folder: str) -> list[dict[str, object]]:
    here = files("crm.metrics") / "definitions" / folder
    paths = sorted((path for path in here.iterdir() if path.name.endswith(".yaml")), key=str)
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]
