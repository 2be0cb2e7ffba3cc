"""What one simulated user does during a load run: reads of every kind, proposals, approvals."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from copilot.agent.approvals.applying import Applying, apply_approved
from copilot.agent.approvals.listing import ActionFilter, list_actions, show_action
from copilot.agent.approvals.proposing import Wanted, propose
from copilot.agent.approvals.voting import Ballot, vote
from copilot.agent.asking import ask
from copilot.agent.effects.internal import internal_effects
from copilot.agent.effects.record_updates import update_payload
from copilot.agent.graph import Graph
from copilot.cli.pictures import Asked, picture_of
from copilot.wiring import Installation
from crm.access import visible
from crm.errors import BadInput, CopilotError, NeedsApproval, NotAllowed, NotFound
from crm.models import Account, EffectKind, Opportunity, Vote
from crm.principal import Principal
from evals.load_figures import Sample
from tools.attributes import Entity

_QUESTIONS = (
    "How many deals did we win this year?",
    "win rate by team this year",
    "How many open deals do I have?",
    "top 3 accounts by revenue this year",
    "今年我们赢了多少单？",
    "what is the average deal size?",
)
_FOLLOW_UPS = ("and last year?", "and by team?", "那去年呢？")
_SEARCHES = ("security questionnaire", "price too high", "价格", "delivery date", "信息安全")
_KEPT = 200
_TURNS = 20


@dataclass
class Board:
    """What the users share: the actions that wait, so that several meet over one."""

    made: list[int] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


@dataclass
class LoadUser:
    """One user at work: with his own caller, thread and chance."""

    installation: Installation
    graph: Graph
    principal: Principal
    board: Board
    chance: random.Random
    thread: str
    _turns: int = 0
    _proposals: int = 0
    _is_after_number: bool = False
    _own: list[int] = field(default_factory=list)

    def run(self, until: float, *, think_s: float, least: int = 0) -> None:
        """Act until the monotonic clock says `until`, with pauses of `think_s` in the mean.

        At least so many times, however slow the machine is.
        """
        acts, weights = zip(*self._acts(), strict=True)
        done = 0
        while done < least or time.monotonic() < until:
            done += 1
            act: Callable[[], None] = self.chance.choices(acts, weights)[0]
            with self._measured(act.__name__.strip("_")):
                act()
            if think_s:
                time.sleep(self.chance.expovariate(1 / think_s))

    def _acts(self) -> Iterator[tuple[Callable[[], None], int]]:
        yield self._ask_number, 25
        yield self._ask_record, 15
        yield self._search, 15
        yield self._show, 10
        yield self._list_waiting, 8
        yield self._propose_task, 9
        yield self._propose_update, 3
        yield self._approve, 15

    @contextmanager
    def _measured(self, name: str) -> Iterator[None]:
        """Keep how long it took; a refusal that the product owes its user is no error."""
        started, outcome = time.perf_counter(), "done"
        try:
            yield
        except (BadInput, NotAllowed, NeedsApproval):
            outcome = "refused"
        except CopilotError as error:
            outcome = f"{type(error).__name__}: {error}"
        except Exception as error:  # noqa: BLE001
            outcome = f"{type(error).__name__}: {error}"
        self.board.samples.append(Sample(name, time.perf_counter() - started, outcome))

    @property
    def _now(self) -> datetime:
        return self.installation.now()

    def _ask(self, question: str) -> None:
        # Threads end like a person's do: after some turns a new one is begun.
        turn, self._turns = self._turns, self._turns + 1
        thread = f"{self.thread}-{turn // _TURNS}"
        answer = ask(
            self.graph, question, principal=self.principal, as_of=self._now, thread_id=thread
        )
        if answer.status == "error":
            raise RuntimeError(f"{question!r} ended in an error")

    def _ask_number(self) -> None:
        # What follows a number is read by code; after anything else the model would be asked.
        follows = self._turns % _TURNS and self._is_after_number and self.chance.random() < 0.2
        self._ask(self.chance.choice(_FOLLOW_UPS if follows else _QUESTIONS))
        self._is_after_number = True

    def _ask_record(self) -> None:
        self._is_after_number = False
        name = self._name_of(Account)
        self._ask(
            self.chance.choice(
                (f"who owns {name}?", f"open deals of {name}", f"{name} 的负责人是谁？")
            )
        )

    def _search(self) -> None:
        with self.installation.store.session() as session:
            self.installation.index.search(
                session, self.chance.choice(_SEARCHES), principal=self.principal
            )

    def _show(self) -> None:
        with self.installation.store.session() as session:
            number = self._number_of(Opportunity)
            picture_of(Entity.OPPORTUNITY, str(number), Asked(session, self.principal, self._now))

    def _list_waiting(self) -> None:
        with self.installation.store.session() as session:
            wanted = ActionFilter(mine_to_decide=True, limit=20)
            list_actions(
                session, wanted, policy=self.installation.policy, principal=self.principal,
                now=self._now,
            )  # fmt: skip

    def _propose_task(self) -> None:
        due = (self._now + timedelta(days=self.chance.randint(1, 30))).date()
        payload = {
            "subject": f"{self.thread} call {self._proposals}",
            "due_on": due.isoformat(),
            "owner_id": self.principal.user_id,
        }
        self._put(EffectKind.CREATE_TASK, payload)

    def _propose_update(self) -> None:
        number = self._number_of(Opportunity)
        changes = {"next_step": f"{self.thread} step {self._proposals}"}
        with self.installation.store.session() as session:
            payload = update_payload(
                session, "opportunity", number, changes, principal=self.principal
            )
        self._put(EffectKind.UPDATE_RECORD, payload)

    def _put(self, kind: EffectKind, payload: Mapping[str, Any]) -> None:
        self._proposals += 1
        wanted = Wanted(kind, payload, key=f"{self.thread}-{self._proposals}")
        with self.installation.store.session() as session:
            proposed = propose(
                session, wanted, effects=internal_effects(), policy=self.installation.policy,
                principal=self.principal, now=self._now,
            )  # fmt: skip
        self.board.made.append(proposed.id)
        self._own.append(proposed.id)

    def _approve(self) -> None:
        """Approve one of the latest and carry it out, as others may be doing in this moment."""
        made = self._own if self.chance.random() < 0.5 else self.board.made
        latest = made[-_KEPT:]
        if not latest:
            return
        number = self.chance.choice(latest)
        policy, store, now = self.installation.policy, self.installation.store, self._now
        caller = self.principal
        try:
            with store.session() as session:
                shown = show_action(session, number, policy=policy, principal=caller, now=now)
                ballot = Ballot(number, shown.payload_sha256, Vote.APPROVE)
                vote(session, ballot, policy=policy, principal=caller, now=now)
        except NotFound as error:
            # Not to be seen by this user, which is the right answer to him.
            raise NotAllowed(str(error)) from error
        apply_approved(store, number, Applying(internal_effects(), policy, caller, now))

    def _number_of(self, model: type[Opportunity]) -> int:
        with self.installation.store.session() as session:
            statement = visible(select(model.id), model, self.principal)
            numbers = session.scalars(statement.limit(300)).all()
        return self.chance.choice(numbers)

    def _name_of(self, model: type[Account]) -> str:
        with self.installation.store.session() as session:
            statement = visible(select(model.name), model, self.principal)
            names = session.scalars(statement.limit(300)).all()
        return self.chance.choice(names)
