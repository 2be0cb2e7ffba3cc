"""One caller at the approvals of an installation: what he sees, decides, edits and carries out."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import typer

from copilot.agent.act_telling import Hearer, summary_of
from copilot.agent.approvals.applying import Applied, Applying, apply_approved, resume_applying
from copilot.agent.approvals.editing import Edit, delegate, edit
from copilot.agent.approvals.expiring import expire_due
from copilot.agent.approvals.listing import (
    ActionFilter,
    ActionPage,
    ActionView,
    list_actions,
    show_action,
)
from copilot.agent.approvals.voting import Ballot, Decided, vote
from copilot.cli.context import Context, moment, who_asks
from copilot.wiring import Installation
from copilot.writers.learning.keeping import expire_drafts
from crm.errors import BadInput
from crm.models import Vote
from crm.principal import Principal

_SHORTEST_DIGEST = 8


@dataclass(frozen=True)
class Seat:
    """Who decides in this call, and when; nothing is read before it is asked for."""

    installation: Installation
    principal: Principal
    now: datetime

    @property
    def applying(self) -> Applying:
        """What carrying out works with."""
        policy = self.installation.policy
        return Applying(self.installation.effects, policy, self.principal, self.now)

    def listed(self, wanted: ActionFilter) -> ActionPage:
        """Return a page of the actions that the caller may see."""
        with self.installation.store.session() as session:
            return list_actions(session, wanted, **self._asked)

    def shown(self, number: int) -> ActionView:
        """Return one action. Raises NotFound."""
        with self.installation.store.session() as session:
            return show_action(session, number, **self._asked)

    def summaries(self, views: Iterable[ActionView]) -> list[str]:
        """Return in one line each what the actions would do, names as the caller may read them."""
        with self.installation.store.session() as session:
            hearer = Hearer(session, self.principal, "en")
            return [summary_of(hearer, view) for view in views]

    def decide(
        self,
        view: ActionView,
        choice: Vote,
        *,
        digest: str | None = None,
        reason: str | None = None,
    ) -> tuple[Decided, Applied | None]:
        """Vote on the payload that was looked at, and carry out what is approved by that."""
        ballot = Ballot(view.id, _seen(view, digest), choice, reason)
        with self.installation.store.session() as session:
            decided = vote(session, ballot, **self._asked)
        if decided.missing or choice is Vote.REJECT:
            return decided, None
        return decided, apply_approved(self.installation.store, view.id, self.applying)

    def edit(self, number: int, payload: Mapping[str, Any], *, digest: str | None) -> ActionView:
        """Replace what an action would do, and return it as it is now."""
        wanted = Edit(number, _seen(self.shown(number), digest), payload)
        with self.installation.store.session() as session:
            edit(session, wanted, effects=self.installation.effects, **self._asked)
        return self.shown(number)

    def delegate(self, number: int, receiver: Principal) -> None:
        """Hand an action to somebody else."""
        with self.installation.store.session() as session:
            delegate(session, number, receiver.user_id or 0, **self._asked)

    def carry_out(self, number: int | None) -> list[Applied]:
        """Carry one approved action out, or all that are approved or were interrupted."""
        store = self.installation.store
        if number is not None:
            return [apply_approved(store, number, self.applying)]
        return resume_applying(store, self.applying)

    @property
    def _asked(self) -> dict[str, Any]:
        policy = self.installation.policy
        return {"policy": policy, "principal": self.principal, "now": self.now}


@contextmanager
def seated(ctx: typer.Context, who: str | None, *, as_json: bool) -> Iterator[Seat]:
    """Yield the caller's seat inside the error edge, after what is overdue has expired."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        expire_overdue(installation, principal)
        yield Seat(installation, principal, moment(installation))


def expire_overdue(installation: Installation, principal: Principal) -> None:
    """Expire the actions and drafts, whosever, on which nobody decided in time."""
    now = moment(installation)
    with installation.store.session() as session:
        expire_due(session, principal=principal, now=now)
        expire_drafts(session, principal=principal, now=now)


def _seen(view: ActionView, digest: str | None) -> str:
    """Return the digest to vote on: of the payload that the caller says to have looked at."""
    if digest is None:
        return view.payload_sha256
    given = digest.strip().lower()
    if len(given) < _SHORTEST_DIGEST:
        raise BadInput(f"--hash {digest!r} is too short: give at least 8 characters of it")
    return view.payload_sha256 if view.payload_sha256.startswith(given) else given
