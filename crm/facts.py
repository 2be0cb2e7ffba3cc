"""Facts: what tools return and sentences cite. A fact is a receipt made by code."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class FactKind(StrEnum):
    """Where a fact comes from."""

    METRIC = "metric"
    RECORD = "record"
    SEGMENT = "segment"
    EMAIL = "email"
    ACTIVITY = "activity"
    SETTING = "setting"


class Fact(BaseModel):
    """One citable statement.

    `text` is the statement in words; `value` its plain number where it has one (money in major
    units with `currency`, rates as fractions of 1 with unit "ratio"); `rows` how many records
    stand behind it; `source` a stable address such as `opportunity:12`,
    `conversation:7#4-6@03:12` or `metric:won_amount`.
    """

    model_config = ConfigDict(frozen=True)

    id: str = ""
    kind: FactKind
    text: str
    value: float | int | str | None = None
    unit: str | None = None
    currency: str | None = None
    rows: int | None = None
    as_of: datetime | None = None
    source: str


class EvidencePack:
    """Facts in a stable order with ids F1…Fn; the same source and text is kept once."""

    def __init__(self) -> None:
        self._facts: dict[tuple[str, str], Fact] = {}

    def add(self, fact: Fact) -> Fact:
        """Return the fact with its id in this pack, adding it if it is new."""
        key = (fact.source, fact.text)
        if key not in self._facts:
            self._facts[key] = fact.model_copy(update={"id": f"F{len(self._facts) + 1}"})
        return self._facts[key]

    @property
    def facts(self) -> list[Fact]:
        """All facts, in the order in which they came."""
        return list(self._facts.values())
