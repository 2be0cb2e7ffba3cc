"""What goes in and out of identification: people as files name them, and who they turned out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.models import IdentityEntity, Side


@dataclass(frozen=True)
class Person:
    """A participant as the file names them; `side` where the file says it."""

    name: str
    email: str | None = None
    role: str | None = None
    side: Side | None = None
    phone: str | None = None


@dataclass(frozen=True)
class Hints:
    """What a file says about its account and opportunity: an id or a name."""

    account: str | None = None
    opportunity: str | None = None


NO_HINTS = Hints()


@dataclass(frozen=True)
class Evidence:
    """All that a conversation offers for telling who was in it and what it is about.

    `conversation_id` is None before it is stored; `stated_account_id` is an account it is known to
    belong to already, which is not looked for again; `is_new` is set when it is being stored for
    the first time, so that nothing can have been decided on it.
    """

    people: tuple[Person, ...]
    title: str
    started_at: datetime
    hints: Hints = NO_HINTS
    conversation_id: int | None = None
    stated_account_id: int | None = None
    is_new: bool = False


@dataclass(frozen=True)
class Candidate:
    """Somebody a participant may be; `score` is 0 to 1 and rests on the `reasons`."""

    entity: IdentityEntity
    id: int
    name: str
    company: str | None
    account_id: int | None
    score: float
    reasons: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the candidate as a question keeps it."""
        return {
            "entity": self.entity.value,
            "id": self.id,
            "name": self.name,
            "company": self.company,
            "score": round(self.score, 3),
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True)
class Ruling:
    """A link that code is sure enough of to make by itself, to be recorded as a decision."""

    position: int
    key: str
    candidate: Candidate


@dataclass(frozen=True)
class Doubt:
    """A participant who may be one of the candidates, to be asked about; best first."""

    position: int
    key: str
    person: Person
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class KnownPerson:
    """A participant with the user or contact they are, if known."""

    person: Person
    side: Side | None = None
    user_id: int | None = None
    contact_id: int | None = None
    account_id: int | None = None

    @property
    def is_known(self) -> bool:
        """Say whether the participant is tied to a user or a contact."""
        return self.user_id is not None or self.contact_id is not None


@dataclass(frozen=True)
class Link:
    """Where a conversation belongs, and what was newly decided or stays to be asked."""

    people: tuple[KnownPerson, ...]
    account_id: int | None
    opportunity_id: int | None
    owner_id: int | None
    rulings: tuple[Ruling, ...] = ()
    doubts: tuple[Doubt, ...] = ()
