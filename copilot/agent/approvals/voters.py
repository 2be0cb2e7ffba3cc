"""A caller before proposed actions: how he stands to their proposers, and what he may decide."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.approvals.deciding import (
    OnRecords,
    caller_of,
    can_read,
    facts_of,
    verdict_of,
)
from copilot.agent.approvals.grounds import Grounded, Reader, reads_what_it_touches
from crm.access.actions import Deciding, ProposalFacts
from crm.access.bindings import Bindings, bindings_of, role_of
from crm.access.policy import Policy, Verdict
from crm.audit.trail import address_of
from crm.models import EffectKind, User
from crm.principal import Principal


class Votable(Grounded, OnRecords, Protocol):
    """An action as far as it matters to who may decide on it."""

    @property
    def risk(self) -> str:
        """How much harm a wrong one does."""
        ...

    @property
    def proposer_id(self) -> int | None:
        """The user who proposed it; None for the local owner."""
        ...

    @property
    def assignee_id(self) -> int | None:
        """The user to whom it was handed, if any."""
        ...


_AT_ONCE = 500
_NOBODY = (Verdict(False, ()), Verdict(False, ()))


class Voter:
    """One caller in one call: whoever looks at many actions is looked up once."""

    def __init__(
        self, session: Session, *, policy: Policy, principal: Principal, now: datetime
    ) -> None:
        self.principal, self.policy = principal, policy
        self.reader = Reader(session, principal)
        self._session, self._now = session, now
        self._users: dict[int, User | None] = {}
        self._bindings: dict[int, Bindings] = {}

    def user(self, user_id: int | None) -> User | None:
        """Return a user as he was first seen in this call, None where there is none."""
        if user_id is None:
            return None
        if user_id not in self._users:
            fresh = user_id == self.principal.user_id
            self._users[user_id] = self._session.get(User, user_id, populate_existing=fresh)
        return self._users[user_id]

    def learn(self, user_ids: Iterable[int | None]) -> None:
        """Look many users up by a few statements, so that asking for each takes none."""
        known = {None, self.principal.user_id, *self._users}
        wanted = sorted(one for one in {*user_ids} - known if one is not None)
        for start in range(0, len(wanted), _AT_ONCE):
            ids = wanted[start : start + _AT_ONCE]
            found = self._session.scalars(select(User).where(User.id.in_(ids)))
            self._users.update(dict.fromkeys(ids) | {user.id: user for user in found})

    def verdicts(self, row: Votable) -> tuple[Verdict, Verdict]:
        """Return whether the caller may approve alone, and whether together with a second one."""
        if self.principal.user_id is not None and not self._is_active:
            return _NOBODY
        me = self.user(self.principal.user_id)
        # His role of now, however long ago he came in.
        facts, role = self._facts(row), role_of(me) if me else self.principal.role
        alone = verdict_of(self.policy, role, Deciding.APPROVE, facts)
        return alone, verdict_of(self.policy, role, Deciding.APPROVE_JOINTLY, facts)

    def may_see(self, row: Votable, *, is_readable: bool = False) -> bool:
        """Say whether the caller is shown the action.

        One sees what one proposed, what was delegated to one, and what one may decide as long as
        one may read the account and the deal that it is on, the record that it changes, and the
        conversation that suggested it; `is_readable` says that a query has made sure of account
        and deal already.
        """
        caller = self.principal
        if caller.is_local_owner:
            return True
        if caller.user_id is None:
            return False
        if caller.user_id in {row.proposer_id, row.assignee_id}:
            return True
        if not (is_readable or can_read(self._session, row, principal=caller)):
            return False
        return any(verdict.is_allowed for verdict in self.verdicts(row)) and (
            reads_what_it_touches(row, self.reader)
        )

    def still_counts(self, person: str, row: Votable) -> str | None:
        """Return by what an earlier voter is told from others, None where his vote is void by now.

        Who has left since, or lost the right to approve it, is not counted beside another; two
        accounts of one address are one person.
        """
        kind, _, number = person.partition(":")
        if person == address_of(self.principal) or kind != "user":
            user = self.user(self.principal.user_id) if kind == "user" else None
            return _identity(user, person)
        user = self.user(int(number))
        if user is None:
            return None
        voter = Voter(
            self._session,
            policy=self.policy,
            principal=caller_of(self._session, user, policy=self.policy, now=self._now),
            now=self._now,
        )
        may = any(verdict.is_allowed for verdict in voter.verdicts(row))
        return _identity(user, person) if may else None

    @property
    def _is_active(self) -> bool:
        user = self.user(self.principal.user_id)
        return user is not None and user.is_active and user.deleted_at is None

    def _facts(self, row: Votable) -> ProposalFacts:
        """Return the action's facts with how its proposer stands to this caller now."""
        facts, me = facts_of(row), self.principal.user_id
        if me is None:
            return replace(facts, own=row.proposer_id is None and self.principal.is_local_owner)
        bindings, proposer = self._bound(me), self.user(row.proposer_id)
        return replace(
            facts,
            own=row.proposer_id == me,
            team=proposer is not None and self._leads(me, proposer),
            stand_in=row.proposer_id in bindings.stand_in_for,
            delegated=row.assignee_id == me,
            recipient=row.kind == EffectKind.CREATE_TASK and row.payload.get("owner_id") == me,
        )

    def _leads(self, me: int, proposer: User) -> bool:
        """Say whether the proposer is of the caller's team, or of that of whom he stands in for.

        In what he proposed himself nobody stands in for somebody above him.
        """
        mine = self._bound(me)
        absent = mine.stand_in_for - {me} if proposer.id != me else frozenset[int]()
        return any(
            proposer.team_id in one.team_ids or proposer.id in one.report_ids
            for one in (mine, *map(self._bound, sorted(absent)))
        )

    def _bound(self, user_id: int) -> Bindings:
        if user_id not in self._bindings:
            user = self.user(user_id)
            found = bindings_of(self._session, user, at=self._now) if user else Bindings(user_id)
            self._bindings[user_id] = found
        return self._bindings[user_id]


def _identity(user: User | None, person: str) -> str:
    email = (user.email or "").strip().casefold() if user else ""
    return email or person
