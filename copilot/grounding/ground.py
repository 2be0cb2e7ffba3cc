"""The ground of a check: the facts, and who may be named, quoted or promised for."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from copilot.grounding.entailment import Entailment
from crm.facts import Fact, FactKind


@dataclass(frozen=True)
class Ground:
    """What sentences are checked against.

    `known_names` are names to look for (accounts, people, products), `free_names` need no fact
    (sender and recipient). `outside` are ids of facts in the customer's words, which cannot carry
    a promise of ours; None takes every call segment and email for such. `approved` are ids of
    facts on which a commitment may rest (a quote, the price book, a policy); None asks for no
    approval, and leaves claims about acts, quotations and praise of ourselves unchecked.
    `attachments` are names of files that go with the text. `entailment`, where there is one, has
    the last word on sentences that hold by rule: below `entailment_threshold` they fail.
    `language` is that of the messages.
    """

    facts: Mapping[str, Fact]
    today: date
    language: str = "en"
    known_names: Collection[str] = ()
    free_names: Collection[str] = ()
    outside: Collection[str] | None = None
    approved: Collection[str] | None = None
    attachments: Collection[str] = ()
    entailment: Entailment | None = None
    entailment_threshold: float = 0.5

    @property
    def is_strict(self) -> bool:
        """Say whether the text leaves the house: commitments, acts and praise are checked."""
        return self.approved is not None

    def outside_ids(self) -> frozenset[str]:
        """Return the ids of the facts that hold somebody else's words."""
        if self.outside is not None:
            return frozenset(self.outside)
        quoted = {FactKind.SEGMENT, FactKind.EMAIL}
        return frozenset(key for key, fact in self.facts.items() if fact.kind in quoted)

    def approved_facts(self) -> list[Fact]:
        """Return the facts on which a commitment may rest."""
        return [self.facts[each] for each in sorted(self.approved or ()) if each in self.facts]


def with_facts(ground: Ground, facts: Iterable[Fact]) -> Ground:
    """Return the ground over other facts, keyed by their ids."""
    return replace(ground, facts={fact.id: fact for fact in facts})
