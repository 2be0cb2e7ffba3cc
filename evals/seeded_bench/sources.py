"""Source pairs of the verifier's test as they lie in YAML: facts, true sentences and false ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from copilot.grounding.sentences import CitedSentence
from copilot.grounding.verifier import Ground
from crm.facts import Fact, FactKind

SETS = Path(__file__).parents[1] / "seeded"
SetName = Literal["dev", "heldout", "last"]
SET_NAMES: tuple[SetName, ...] = ("dev", "heldout", "last")
HALVES: tuple[SetName, ...] = ("dev", "heldout")  # filled from templates; `last` has none


class ErrorKind(StrEnum):
    """What was changed to make a sentence false."""

    AMOUNT = "amount"
    DATE = "date"
    NAME = "name"
    PRODUCT = "product"
    PERCENT = "percent"
    POLARITY = "polarity"
    SPEAKER = "speaker"
    PROMISE = "promise"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GivenFact(_Part):
    """A fact of a source pair: who said it if anybody did, and whether a promise may rest on it."""

    kind: FactKind
    text: str
    side: Literal["theirs", "ours", "approved"] | None = None
    day: date | None = None
    value: float | None = None
    unit: str | None = None
    currency: str | None = None


class TrueSentence(_Part):
    """A correct sentence; `by` are the ids of its facts with blanks between, empty for none."""

    by: str = ""
    say: str
    why: str | None = None


class FalseSentence(TrueSentence):
    """A sentence that one change has made false; `why` where that is subtle."""

    kind: ErrorKind


class Source(_Part):
    """Facts about one customer with the sentences written from them; `names` are all it knows."""

    id: str
    origin: Literal["demo", "invented"]
    language: Literal["en", "zh"]
    today: date
    sender: str
    recipient: str
    names: tuple[str, ...]
    facts: dict[str, GivenFact]
    holds: tuple[TrueSentence, ...]
    wrong: tuple[FalseSentence, ...]

    def ground(self) -> Ground:
        """Return what a verifier checks these sentences against."""
        return Ground(
            facts={key: _fact(self.id, key, given) for key, given in self.facts.items()},
            today=self.today,
            language=self.language,
            known_names=frozenset((*self.names, self.sender, self.recipient)),
            free_names=frozenset((self.sender, self.recipient)),
            outside=self._ids("theirs"),
            approved=self._ids("approved"),
            attachments=(),
        )

    def _ids(self, side: str) -> frozenset[str]:
        return frozenset(key for key, fact in self.facts.items() if fact.side == side)


@dataclass(frozen=True)
class Case:
    """One sentence of a source; `error` is None for a correct one."""

    id: str
    source: Source
    sentence: CitedSentence
    error: ErrorKind | None
    why: str | None


def load_cases(name: SetName) -> list[Case]:
    """Return every case of a set in the order of its files, empty if the set is not installed."""
    return [case for source in load_sources(name) for case in _cases(source)]


def load_sources(name: SetName) -> list[Source]:
    """Return the source pairs of a set."""
    files = sorted((SETS / name).glob("*.yaml"))
    raw = [one for path in files for one in yaml.safe_load(path.read_text("utf-8"))]
    return [Source.model_validate(one) for one in raw]


def _cases(source: Source) -> Iterator[Case]:
    given = (("h", source.holds), ("w", source.wrong))
    for letter, sentences in given:
        for number, one in enumerate(sentences, start=1):
            error = one.kind if isinstance(one, FalseSentence) else None
            cited = CitedSentence(text=one.say, facts=tuple(one.by.split()))
            yield Case(f"{source.id}.{letter}{number}", source, cited, error, one.why)


def _fact(source: str, key: str, given: GivenFact) -> Fact:
    as_of = datetime.combine(given.day, time(12), UTC) if given.day else None
    return Fact(
        id=key,
        kind=given.kind,
        text=given.text,
        value=given.value,
        unit=given.unit,
        currency=given.currency,
        as_of=as_of,
        source=f"seeded:{source}#{key}",
    )
