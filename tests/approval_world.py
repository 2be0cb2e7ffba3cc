"""A small sales organisation for tests of approvals, and an effect whose deliveries are counted."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from copilot.agent.approvals.applying import Applied, Applying, apply_approved
from copilot.agent.approvals.deciding import caller_of
from copilot.agent.approvals.effects import Effects, Payload
from copilot.agent.approvals.listing import ActionView, show_action
from copilot.agent.approvals.proposing import Proposed, Wanted, propose
from copilot.agent.approvals.voting import Ballot, Decided, vote
from copilot.agent.effects.internal import internal_effects
from crm.access.policy import Policy, load_policy
from crm.errors import BadInput
from crm.models import (
    Account,
    Contact,
    EffectKind,
    Opportunity,
    ProposedAction,
    Stage,
    Team,
    User,
    Vote,
)
from crm.principal import Principal, Role
from crm.store import Store

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
PEOPLE = {
    "anna": (1, Role.REP, 2),
    "bo": (2, Role.REP, 2),
    "mia": (3, Role.MANAGER, 1),
    "max": (4, Role.MANAGER, 3),
    "eva": (5, Role.EXECUTIVE, None),
    "olga": (6, Role.OPERATIONS, None),
    "pat": (7, Role.PARTNER, None),
}
"""Name → id, role, team; team 2 is below team 1, where Mia is; team 3 stands apart."""

BY_RULE = (
    '@id("tasks need nobody") permit (principal, action == Action::"approve_automatically", '
    'resource is Proposal) when { resource.kind == "create_task" };'
)


def fill(store: Store) -> None:
    """Put the people, one account of Anna's, and two deals (hers and Bo's) into the store."""
    with store.session() as session:
        for number, parent in ((1, None), (2, 1), (3, None)):
            session.add(Team(**_sourced(number), name=f"Team {number}", parent_id=parent))
        session.flush()
        for name, (number, role, team) in PEOPLE.items():
            mail = f"{name}@acme.example"
            more = {"email": mail, "role": role.value, "team_id": team, "is_active": True}
            session.add(User(**_sourced(number), name=name.title(), **more))
        stages = (("Discovery", "open"), ("Negotiation", "open"), ("Won", "won"))
        for number, (name, status) in enumerate(stages, 1):
            session.add(Stage(**_sourced(number), name=name, position=number, status=status))
        session.flush()
        session.add(Account(**_sourced(1), name="Northwind", owner_id=1))
        session.flush()
        session.add(Contact(**_sourced(1), name="Priya Rao", account_id=1))
        for number, owner in ((1, 1), (2, 2)):
            deal = {"account_id": 1, "owner_id": owner, "stage_id": 1, "currency": "EUR"}
            money = {"amount_minor": 1_000_001, "next_step": "Call"}
            session.add(Opportunity(**_sourced(number), name=f"Deal {number}", **deal, **money))


def _sourced(number: int) -> dict[str, Any]:
    return {"id": number, "source": "test", "external_id": str(number), "synced_at": NOW}


class Delivery:
    """An external effect: it appends a line to a file, as a mail server would take a mail.

    The receiving side does not refuse a key that it has: it counts, so that a test sees doubles.
    `at` is called with the name of each moment, where a test may end the process.
    """

    kind = EffectKind.SEND_MAIL
    is_external = True

    def __init__(self, folder: Path, at: Callable[[str], None] = lambda _moment: None) -> None:
        self.box = folder / "box.txt"
        self.at = at
        self.error: Exception | None = None

    def check(self, session: Any, payload: Payload, *, principal: Any, now: Any) -> None:
        if payload.get("text") == "refused":
            raise BadInput("the text is 'refused': write another")

    def done_already(self, payload: Payload, *, key: str) -> dict[str, Any] | None:
        self.at("claimed")
        return {"delivered": key} if key in self.keys() else None

    def carry_out(
        self, session: Any, payload: Payload, *, key: str, principal: Any, now: Any
    ) -> dict[str, Any]:
        self.at("before delivery")
        if self.error is not None:
            raise self.error
        box = os.open(self.box, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(box, f"{key}\t{payload['text']}\n".encode())
        os.close(box)
        self.at("delivered")
        return {"delivered": key}

    def lines(self) -> list[list[str]]:
        """Return what was delivered: key and text."""
        if not self.box.exists():
            return []
        return [line.split("\t") for line in self.box.read_text("utf-8").splitlines()]

    def keys(self) -> list[str]:
        """Return the keys that were delivered, the first first."""
        return [line[0] for line in self.lines()]


class Desk:
    """One store with the people, the rules and the effects, for short tests."""

    def __init__(self, store: Store, folder: Path, policy: Policy | None = None) -> None:
        self.store = store
        self.policy = policy or load_policy()
        self.delivery = Delivery(folder)
        self.effects: Effects = {**internal_effects(), EffectKind.SEND_MAIL: self.delivery}
        self.now = NOW

    def who(self, name: str) -> Principal:
        """Return one of the people as a caller, or the local owner."""
        if name == "owner":
            return Principal.local_owner()
        with self.store.session() as session:
            user = session.get_one(User, PEOPLE[name][0])
            return caller_of(session, user, policy=self.policy, now=self.now)

    def mail(self, name: str = "anna", key: str = "mail", **more: Any) -> Proposed:
        """Propose a mail."""
        return self.propose(name, EffectKind.SEND_MAIL, {"text": "Hello 您好"}, key, **more)

    def discount(self, name: str, percent: float, key: str = "discount") -> Proposed:
        """Propose a discount on Anna's deal."""
        less = -(-1_000_001 * round(percent * 100) // 10_000)
        payload = {
            "opportunity_id": 1,
            "discount": round(percent * 100),
            "amount_minor": less,
            "currency": "EUR",
            "reason": "three years",
        }
        return self.propose(name, EffectKind.REQUEST_DISCOUNT, payload, key, opportunity_id=1)

    def propose(
        self, name: str, kind: EffectKind, payload: dict[str, Any], key: str, **more: Any
    ) -> Proposed:
        """Propose anything."""
        with self.store.session() as session:
            return propose(
                session,
                Wanted(kind, payload, key, **more),
                effects=self.effects,
                policy=self.policy,
                principal=self.who(name),
                now=self.now,
            )

    def vote(
        self,
        name: str,
        action: Proposed | int,
        choice: Vote = Vote.APPROVE,
        digest: str | None = None,
        reason: str | None = "because",
    ) -> Decided:
        """Vote, on the payload as it was proposed unless a digest is given."""
        number = action if isinstance(action, int) else action.id
        if digest is None:
            digest = self.row(number).payload_sha256
        ballot = Ballot(number, digest, choice, reason)
        who = self.who(name)
        with self.store.session() as session:
            return vote(session, ballot, policy=self.policy, principal=who, now=self.now)

    def applying(self, name: str = "owner", **more: Any) -> Applying:
        """Return what applying works with."""
        return Applying(self.effects, self.policy, self.who(name), self.now, **more)

    def apply(self, name: str, action: Proposed | int, **more: Any) -> Applied:
        """Carry an action out."""
        number = action if isinstance(action, int) else action.id
        return apply_approved(self.store, number, self.applying(name, **more))

    def show(self, name: str, number: int) -> ActionView:
        """Return an action as somebody sees it."""
        who = self.who(name)
        with self.store.session() as session:
            return show_action(session, number, policy=self.policy, principal=who, now=self.now)

    def row(self, number: int) -> ProposedAction:
        """Return the row."""
        with self.store.session() as session:
            return session.get_one(ProposedAction, number)

    def all_of(self, model: Any) -> list[Any]:
        """Return all rows of a table in order."""
        with self.store.session() as session:
            return list(session.scalars(select(model).order_by(model.__table__.primary_key.c[0])))

    def later(self, **by: float) -> None:
        """Let time pass."""
        self.now += timedelta(**by)
