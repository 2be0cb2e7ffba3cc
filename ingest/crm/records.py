"""What a row becomes: a record for one table, with its links to others still as names."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from crm.models import StageStatus
from ingest.crm.mapping import Mapping, Missing
from ingest.crm.names import normal


@dataclass(frozen=True, slots=True)
class Policy:
    """What a link does with a name that is not there: `fuzzy` is a similarity, 0 to 1."""

    missing: Missing
    fuzzy: float | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A reference by the source's id, by name, or both; `region` is for a new territory."""

    entity: str
    policy: Policy
    field: str
    id: str | None = None
    name: str | None = None
    region: str | None = None

    @property
    def shown(self) -> str:
        """The text of the cell."""
        return self.name or self.id or ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row was not taken."""

    row: int | str
    field: str
    value: str
    reason: str


@dataclass(slots=True)
class Record:
    """One row on its way into a table; one with problems goes to the rejects instead."""

    row: int
    key: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    product: Link | None = None
    extras: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, name: str, value: object, reason: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(self.row, name, str(value), reason))


@dataclass(frozen=True, slots=True)
class KnownStage:
    """A stage in the store."""

    id: int
    status: str

    @property
    def is_open(self) -> bool:
        """Say whether deals in it are still worked on."""
        return self.status == StageStatus.OPEN


@dataclass(frozen=True)
class StageBook:
    """The stages that rows may name, by comparable name."""

    by_name: dict[str, KnownStage]
    names: tuple[str, ...] = ()

    def find(self, name: str) -> KnownStage:
        """Return a stage.

        Raises:
            ValueError: none of that name is declared.
        """
        stage = self.by_name.get(normal(name))
        if stage is None:
            raise ValueError(f"no such stage; declare it under stages: ({', '.join(self.names)})")
        return stage


def settle_close(values: dict[str, Any], *, is_open: bool, close: date | None) -> None:
    """Put the close dates where the stage wants them.

    A won or lost deal closed on its close date and keeps its plan; an open deal has only a plan.
    """
    if is_open:
        planned = values.pop("closed_on", None) or close
        if "expected_close_on" not in values:
            values["expected_close_on"] = planned
        values["closed_on"] = None
    elif "closed_on" not in values:
        values["closed_on"] = close


def stage_records(mapping: Mapping) -> list[Record]:
    """Return the records of the stages that the mapping declares."""
    records = []
    for number, (name, stage) in enumerate(mapping.stages.items(), start=1):
        values = {
            "name": name,
            "position": stage.position or number,
            "status": stage.status.value,
            "probability": stage.probability,
        }
        records.append(Record(row=0, key=f"name:{normal(name)}", values=values))
    return records


def with_alias(link: Link, aliases: dict[str, dict[str, str]]) -> Link:
    """Return the link under the name that the mapping's aliases give it."""
    known = aliases.get(link.entity)
    if not known or link.name is None:
        return link
    return replace(link, name=known.get(normal(link.name), link.name))
