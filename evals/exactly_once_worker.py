"""One process of the exactly-once proof: approves and applies until it is done or killed."""

import os
import random
import smtplib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from copilot.agent.approvals.applying import Applied, Applying, apply_approved, resume_applying
from copilot.agent.approvals.effects import Effect, Effects
from copilot.agent.approvals.voting import Ballot, vote
from copilot.agent.effects.mail_attempts import Attempt, Stage
from copilot.agent.effects.mailbox import OwnMailbox
from copilot.mailboxes import SECRETS, effects_on, mail_account
from copilot.settings import Settings
from crm.access.policy import load_policy
from crm.errors import CopilotError
from crm.models import ActionStatus, ProposedAction, Vote
from crm.principal import Principal
from crm.store import Store

ADDRESS = "anna@ours.example"
POINTS = (
    "after vote", "before done_already", "after done_already", "before carry_out",
    "after carry_out", "before begun", "after begun", "before content", "amid content",
    "after content", "after taken", "before append", "after append",
)  # fmt: skip
_WINDOW = 40
_LEASE = timedelta(seconds=1.2)
_PAUSE_S = 0.8
_OVER = {ActionStatus.APPLIED.value, ActionStatus.FAILED.value}


@dataclass(frozen=True)
class Place:
    """What the processes share: folder, ports, the password of the test mailbox, the database.

    Without a URL that is a file in the folder.
    """

    folder: Path
    imap_port: int
    smtp_port: int
    password: str
    user: str
    url: str | None = None

    @property
    def database(self) -> Path:
        """The file of the database, where it is one."""
        return self.folder / "crm.db"

    def store(self) -> Store:
        """Return a store on the database, whose tables are there."""
        return Store(self.url) if self.url else Store.sqlite(self.database)


@dataclass
class Bomb:
    """Ends the process without a word the `times`-th time that a point is reached."""

    point: str | None
    times: int
    told: Callable[[str], None]

    def at(self, point: str) -> None:
        """Go off here if it is time."""
        if point != self.point:
            return
        self.times -= 1
        if self.times <= 0:
            self.told(f"blown {point}")
            os._exit(137)


def mail_effects(place: Place) -> Effects:
    """Return the effects as an installation has them, with shorter waits for copies and servers.

    Copies to ourselves are the proof of sending.
    """
    settings = Settings.load(
        home=place.folder,
        workspace="once",
        mail_address=ADDRESS,
        mail_user=place.user,
        mail_imap_host="127.0.0.1",
        mail_imap_port=place.imap_port,
        mail_imap_security="none",
        mail_smtp_host="127.0.0.1",
        mail_smtp_port=place.smtp_port,
        mail_smtp_security="none",
        mail_copy_to_self=True,
    )
    secret = settings.workspace_dir / "secrets" / SECRETS["password"]
    if not secret.exists():
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.write_text(place.password, encoding="utf-8")
        secret.chmod(0o600)
    account = mail_account(settings)
    assert account is not None, "the settings above name a mailbox"
    brief = replace(account, folder_wait_s=0.9, timeout_s=20.0)
    return effects_on(brief, settings, pause_s=_PAUSE_S)


def work(place: Place, seed: int, point: str | None, times: int) -> None:
    """Approve and apply what is open, in an order of this process's own, until nothing is."""
    chance = random.Random(seed)
    log = os.open(place.folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def told(what: str) -> None:
        os.write(log, f"{what}\n".encode())

    bomb = Bomb(point, times, told)
    _wire(bomb)
    effects = {kind: _Mined(one, bomb) for kind, one in mail_effects(place).items()}
    worker = _Worker(place.store(), effects, bomb, chance, told)
    while worker.take_round():
        pass
    told("finished")


class _Worker:
    def __init__(
        self,
        store: Store,
        effects: Effects,
        bomb: Bomb,
        chance: random.Random,
        told: Callable[[str], None],
    ) -> None:
        self._store = store
        self._effects = effects
        self._bomb = bomb
        self._chance = chance
        self._told = told
        self._policy = load_policy()
        self._owner = Principal.local_owner()

    def take_round(self) -> bool:
        """Vote on some open actions, apply them, and take up what others left; False at the end."""
        # Mostly what nobody is at, and now and then what another process has in its hands.
        held = () if self._chance.random() < 0.15 else (ActionStatus.APPLYING.value,)
        statement = (
            select(ProposedAction.id, ProposedAction.payload_sha256)
            .where(ProposedAction.status.not_in((*_OVER, *held)))
            .order_by(ProposedAction.id)
            .limit(_WINDOW)
        )
        with self._store.session() as session:
            found = [(row.id, row.payload_sha256) for row in session.execute(statement)]
        self._chance.shuffle(found)
        for action_id, digest in found[: self._chance.randint(1, 8)]:
            self._approve(action_id, digest)
            for _ in range(self._chance.choice((1, 1, 2))):
                self._apply(action_id)
        if not found:
            time.sleep(0.1)
        for left in resume_applying(self._store, self._applying()):
            self._said(left)
        return self._is_open()

    def _is_open(self) -> bool:
        is_open = select(ProposedAction.id).where(ProposedAction.status.not_in(_OVER)).limit(1)
        with self._store.session() as session:
            return session.execute(is_open).first() is not None

    def _approve(self, action_id: int, digest: str) -> None:
        ballot = Ballot(action_id, digest, Vote.APPROVE)
        with self._store.session() as session:
            decided = vote(
                session, ballot, policy=self._policy, principal=self._owner, now=datetime.now(UTC)
            )
        self._told("approved" if decided.is_new else "approved again")
        self._bomb.at("after vote")

    def _apply(self, action_id: int) -> None:
        try:
            applied = apply_approved(self._store, action_id, self._applying())
        except CopilotError as error:
            self._told(f"postponed {type(error.__cause__ or error).__name__}")
        else:
            self._said(applied)

    def _said(self, applied: Applied) -> None:
        if applied.error is not None and applied.result is None:
            self._told("postponed in resuming")
        elif not applied.is_new:
            self._told("applied before")
        else:
            was_found = bool(applied.result and applied.result.get("was_found"))
            self._told("found again" if was_found else "applied")

    def _applying(self) -> Applying:
        now = datetime.now(UTC)
        return Applying(self._effects, self._policy, self._owner, now, _LEASE)


class _Mined:
    """An effect with points before and after each of its steps."""

    is_external = True

    def __init__(self, effect: Effect, bomb: Bomb) -> None:
        self._effect = effect
        self._bomb = bomb
        self.kind = effect.kind

    def check(self, *given: Any, **named: Any) -> None:
        self._effect.check(*given, **named)

    def done_already(self, payload: Mapping[str, Any], *, key: str) -> dict[str, Any] | None:
        self._bomb.at("before done_already")
        found = self._effect.done_already(payload, key=key)
        self._bomb.at("after done_already")
        return found

    def carry_out(self, *given: Any, **named: Any) -> dict[str, Any]:
        self._bomb.at("before carry_out")
        result = self._effect.carry_out(*given, **named)
        self._bomb.at("after carry_out")
        return result


def _wire(bomb: Bomb) -> None:
    """Put points inside the effects' steps, in this process alone."""
    note, append, send, reply = (
        Attempt.note,
        OwnMailbox.append,
        smtplib.SMTP.send,
        smtplib.SMTP.getreply,
    )
    state = {"is_content": False}

    def mined_note(self: Attempt, stage: Stage) -> None:
        bomb.at(f"before {stage}")
        note(self, stage)
        bomb.at(f"after {stage}")

    def mined_append(self: OwnMailbox, *given: Any, **named: Any) -> None:
        bomb.at("before append")
        append(self, *given, **named)
        bomb.at("after append")

    def mined_send(self: smtplib.SMTP, data: Any) -> None:
        state["is_content"] = isinstance(data, bytes) and data.endswith(b"\r\n.\r\n")
        if state["is_content"] and bomb.point == "amid content":
            send(self, data[: len(data) // 2])
            bomb.at("amid content")
            data = data[len(data) // 2 :]
        elif state["is_content"]:
            bomb.at("before content")
        send(self, data)

    def mined_reply(self: smtplib.SMTP) -> tuple[int, bytes]:
        found = reply(self)
        if state["is_content"]:
            state["is_content"] = False
            bomb.at("after content")
        return found

    Attempt.note = mined_note  # type: ignore[method-assign]
    OwnMailbox.append = mined_append  # type: ignore[method-assign]
    smtplib.SMTP.send = mined_send  # type: ignore[method-assign, assignment]
    smtplib.SMTP.getreply = mined_reply  # type: ignore[method-assign]


def read_log(folder: Path) -> list[str]:
    """Return what all processes told, one line each."""
    path = folder / "log"
    return path.read_text().splitlines() if path.exists() else []
