"""What was found for a draft before it is chosen: a piece without an id, with its weight."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from copilot.grounding.pack.model import Role
from crm.facts import Fact

_NEVER = datetime.min.replace(tzinfo=UTC)
Key = tuple[str, str]


@dataclass(frozen=True)
class Found:
    """A fact that may go into a pack.

    `answers` is the key of the finding that this one of ours answers. `weight` says how much it
    matters beside others of its role; `is_asked` that it stands in the mail to be answered, so
    that a reply without it would be none. Those of one `group` are chosen together or not at all.
    """

    fact: Fact
    role: Role
    who: str | None = None
    quote: str | None = None
    answers: Key | None = None
    is_open: bool = False
    due_on: date | None = None
    weight: float = 0.0
    is_asked: bool = False
    group: str = ""
    place: tuple[int, int] = field(default=(0, 0))

    @property
    def key(self) -> Key:
        """What tells it from others: its source and its text."""
        return self.fact.source, self.fact.text

    @property
    def said_at(self) -> datetime:
        """When it was said or recorded, the beginning of time if unknown."""
        return self.fact.as_of or _NEVER
