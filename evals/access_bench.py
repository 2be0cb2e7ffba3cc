"""What the surfaces of the access matrix are asked on, and on whose behalf."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from crm.index.conversations import ConversationIndex
from crm.principal import Principal
from crm.store import Store
from evals.access_saying import said
from evals.access_world import NOW, World


@dataclass(frozen=True)
class Bench:
    """What the surfaces are asked on, and on whose behalf."""

    session: Session
    store: Store
    index: ConversationIndex
    world: World
    principal: Principal

    @property
    def by(self) -> dict[str, Any]:
        """The arguments that every tool takes."""
        return {"principal": self.principal, "as_of": NOW}

    def call(self, tool: Callable[..., Any], *given: Any, **named: Any) -> str:
        """Return what the caller reads of a tool that is called with these arguments."""
        return said(tool, self.session, *given, **self.by, **named)

    def ids(self, model: str) -> list[int]:
        """Return the ids of all rows of a model, readable or not."""
        return self.world.ids[model]


Surface = Callable[[Bench], Iterator[str]]
