"""A caller before proposed actions: how he stands to their proposers, and what he may decide."""

from dataclasses import replace
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from copilot.agent.approvals.deciding import Described, OnRecords, can_read, facts_of, verdict_of
from crm.access.actions import Deciding, ProposalFacts
from crm.access.bindings import Bindings, bindings_of
from crm.access.policy import Policy, Verdict
from crm.models import User
from crm.principal import Principal


class Votable(Described, OnRecords, Protocol):
    """An action as far as it matters to who may decide on it."""

    @property
    def proposer_id(self) -> int | None:
        """The user who proposed it; None for the local owner."""
        ...

    @property
    def assignee_id(self) -> int | None:
        """The user to whom it was handed, if any."""
        ...


_NOBODY = (Verdict(False, ()), Verdict(False, ()))


class Voter:
    """One caller in one call: whoever looks at many actions is looked up once."""

    def __init__(
        self, session: Session, *, policy: Policy, principal: Principal, now: datetime
    ) -> None:
        self.principal = principal
        self._session, self._policy, self._now = session, policy, now
        self._users: dict[int, User | None] = {}
        self._bindings: Bindings | None = None

    def user(self, user_id: int | None) -> User | None:
        """Return a user as he was first seen in this call, None where there is none."""
        if user_id is None:
            return None
        if user_id not in self._users:
            fresh = user_id == self.principal.user_id
            self._users[user_id] = self._session.get(User, user_id, populate_existing=fresh)
        return self._users[user_id]

    def verdicts(self, row: Votable) -> tuple[Verdict, Verdict]:
        """Return whether the caller may approve alone, and whether together with a second one."""
        if self.principal.user_id is not None and not self._is_active:
            return _NOBODY
        facts, role = self._facts(row), self.principal.role
        alone = verdict_of(self._policy, role, Deciding.APPROVE, facts)
        return alone, verdict_of(self._policy, role, Deciding.APPROVE_JOINTLY, facts)

    def may_see(self, row: Votable, *, is_readable: bool = False) -> bool:
        """Say whether the caller is shown the action.

        One sees what one proposed, what was delegated to one, and what one may decide as long as
        one may read the account and the deal that it is on; `is_readable` says that a query has
        made sure of that already.
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
        return any(verdict.is_allowed for verdict in self.verdicts(row))

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
            team=proposer is not None and proposer.team_id in bindings.team_ids,
            stand_in=row.proposer_id in bindings.stand_in_for,
            delegated=row.assignee_id == me,
        )

    def _bound(self, me: int) -> Bindings:
        if self._bindings is None:
            user = self.user(me)
            found = bindings_of(self._session, user, at=self._now) if user else Bindings(me)
            self._bindings = found
        return self._bindings
