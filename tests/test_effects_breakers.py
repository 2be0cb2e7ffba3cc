"""Mail servers and CRMs that are away: nothing is begun, nothing is lost, nothing happens twice."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from copilot.agent.approvals.applying import resume_applying
from copilot.agent.approvals.effects import NotBegun
from copilot.agent.effects.connected import ConnectedCrms
from copilot.agent.effects.internal import internal_effects
from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mail_attempts import Attempts, Stage
from copilot.agent.effects.mail_drafts import SaveMailDraft
from copilot.agent.effects.mail_effect import MailGuards
from copilot.agent.effects.mail_sending import SendMail
from copilot.breakers import FAILURES, Breaker, Resting, breaker_for, servers_at_rest
from copilot.mailboxes import mail_effects
from copilot.settings import Settings
from crm.errors import CopilotError, OutOfReach, TransientError
from crm.models import ActionStatus, EffectKind
from crm.store import Store
from ingest.sources.writing import WRITE_PACING
from tests.approval_world import NOW, Desk
from tests.mail_servers import PASSWORD, USER, Deliveries, run_smtp
from tests.rest_server import Answer
from tests.write_back_world import KINDS, World, connected

SEND, SAVE = EffectKind.SEND_MAIL, EffectKind.SAVE_MAIL_DRAFT
LONG_S = 3600.0


def mail_to(address: str) -> dict[str, Any]:
    return {
        "from": {"email": "anna@ours.example", "name": ""},
        "to": [{"email": address, "name": "Bob"}],
        "subject": "报价",
        "body": f"Hello {address}",
    }


class Mailing:
    """A desk whose mail goes through one port of this machine, behind breakers."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        port: int,
        *,
        sending: type[SendMail] = SendMail,
        is_copied_to_self: bool = False,
    ) -> None:
        self.folder, self.port, self.sending = folder, port, sending
        self.account = MailAccount(
            "anna@ours.example",
            USER,
            SecretStr(PASSWORD),
            smtp_host="127.0.0.1",
            smtp_port=port,
            smtp_security="none",
            imap_host="127.0.0.1",
            imap_port=port,
            imap_security="none",
            is_copied_to_self=is_copied_to_self,
        )
        self.desk = Desk(store, folder)
        self.breaker = self.carry_out(pause_s=LONG_S)

    def carry_out(self, *, pause_s: float) -> Breaker:
        """Carry out from now on as a process whose breaker pauses for so long; return that."""
        place, folder = f"127.0.0.1:{self.port}", self.folder / "b"
        breaker = breaker_for("mail server", place, folder=folder, pause_s=pause_s)
        attempts = Attempts(self.folder / "attempts")
        more: dict[str, Any] = {"guards": MailGuards(breaker, breaker), "sleep": lambda _s: None}
        self.desk.effects = {
            SEND: self.sending(self.account, attempts, **more),
            SAVE: SaveMailDraft(self.account, attempts, **more),
        }
        return breaker

    def approved(self, number: int = 0, kind: EffectKind = SEND) -> int:
        """Propose and approve a mail, and return its action."""
        mail = mail_to(f"bob{number}@acme.example")
        made = self.desk.propose("owner", kind, mail, f"mail-{number}")
        self.desk.vote("owner", made)
        return made.id

    def fail(self) -> None:
        """Let as many mails fail as the breaker waits for."""
        for number in range(100, 100 + FAILURES):
            with pytest.raises(NotBegun, match="out of reach"):
                self.desk.apply("owner", self.approved(number))


def trip(breaker: Breaker) -> None:
    def work() -> None:
        raise OutOfReach("nobody there")

    while not breaker.is_open:
        with pytest.raises(OutOfReach):
            breaker.call(work)


@contextmanager
def hanging_up() -> Iterator[tuple[int, list[int]]]:
    """A server that hangs up on whoever comes; yields its port, and counts who came."""
    came: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    line = server.accept()[0]
                except OSError:
                    return
                # Counted first: who was hung up on may look at the count at once.
                came.append(1)
                line.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], came
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_mail_server_that_is_away_is_left_alone_and_the_action_stays(
    store: Store, tmp_path: Path
) -> None:
    with hanging_up() as (port, came):
        mailing = Mailing(store, tmp_path, port)
        mailing.fail()
        tries = len(came)
        assert tries >= FAILURES
        number = mailing.approved()
        with pytest.raises(NotBegun, match=r"is not asked since .*again at .* UTC") as why:
            mailing.desk.apply("owner", number)
        assert isinstance(why.value.__cause__, Resting)
        assert len(came) == tries

    row = mailing.desk.row(number)
    assert (row.status, row.claimed_until) == (ActionStatus.APPROVED, mailing.desk.now)
    assert "is asked again at" in str(row.error)
    assert not list((tmp_path / "attempts").rglob("*.json"))


def test_what_waited_for_the_mail_server_goes_out_once_when_it_is_back(
    store: Store, tmp_path: Path
) -> None:
    with run_smtp(deliveries := Deliveries()) as server:
        mailing = Mailing(store, tmp_path, server.port)
        waiting = [mailing.approved(number) for number in range(3)]
        trip(mailing.breaker)
        left = resume_applying(store, mailing.desk.applying())
        assert [one.status for one in left] == [ActionStatus.APPROVED] * 3
        assert all("is not asked since" in str(one.error) for one in left)
        assert deliveries.taken == []

        mailing.carry_out(pause_s=0.0)
        assert {one.id for one in resume_applying(store, mailing.desk.applying())} == {*waiting}
        assert resume_applying(store, mailing.desk.applying()) == []
        assert sorted(deliveries.by_body.values()) == [1, 1, 1]
        assert {mailing.desk.row(one).error for one in waiting} == {None}
    assert not mailing.breaker.is_open


def test_a_draft_begins_nothing_while_its_mailbox_is_left_alone(
    store: Store, tmp_path: Path
) -> None:
    with hanging_up() as (port, came):
        mailing = Mailing(store, tmp_path, port)
        mailing.fail()
        tries, number = len(came), mailing.approved(kind=SAVE)
        with pytest.raises(TransientError, match="is not asked since"):
            mailing.desk.apply("owner", number)
        mail, effect = mailing.desk.row(number).payload, mailing.desk.effects[SAVE]
        owner = mailing.desk.who("owner")
        with store.session() as session, pytest.raises(NotBegun, match="nothing was saved"):
            effect.carry_out(session, mail, key="k", principal=owner, now=NOW)
        assert len(came) == tries
    # It may be taken up at once: nobody has to wait for a lease.
    assert mailing.desk.row(number).claimed_until == mailing.desk.now


class NowhereYet(SendMail):
    """Sending whose mailbox holds no copy so far."""

    def _find(self, identity: Any, stage: Stage) -> str | None:
        return None


def test_a_mail_that_may_be_on_its_way_is_never_said_not_to_be_begun(
    store: Store, tmp_path: Path
) -> None:
    with run_smtp(Deliveries(drop_after=1.0)) as server:
        mailing = Mailing(store, tmp_path, server.port, sending=NowhereYet, is_copied_to_self=True)
        number = mailing.approved()
        with pytest.raises(TransientError, match="not known whether it was done"):
            mailing.desk.apply("owner", number)
        [note] = (tmp_path / "attempts").rglob("*.json")
        trip(mailing.breaker)
        mailing.desk.later(minutes=20)
        with pytest.raises(TransientError, match="is not asked since") as why:
            mailing.desk.apply("owner", number)
        assert not isinstance(why.value, NotBegun)
        row = mailing.desk.row(number)
        assert (row.status, json.loads(note.read_text("utf-8"))["stage"]) == ("applying", "begun")
    assert len(server.deliveries.taken) == 1


def test_a_server_that_puts_off_one_mail_is_asked_for_the_next(
    store: Store, tmp_path: Path
) -> None:
    deliveries = Deliveries()
    with run_smtp(deliveries) as server:
        mailing = Mailing(store, tmp_path, server.port)
        for number in range(FAILURES + 1):
            deliveries.refusals[f"bob{number}@acme.example"] = "451 4.7.1 Greylisted"
            with pytest.raises(NotBegun, match="Greylisted"):
                mailing.desk.apply("owner", mailing.approved(number))
        assert mailing.desk.apply("owner", mailing.approved(99)).is_new
    assert len(deliveries.taken) == 1


def test_an_installation_leaves_its_mail_servers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    monkeypatch.setenv("SALES_COPILOT_SECRET_MAIL", PASSWORD)
    with hanging_up() as (port, came):
        settings = Settings.load(
            home=tmp_path, mail_address="anna@ours.example",
            mail_smtp_host="127.0.0.1", mail_smtp_port=port, mail_smtp_security="none",
            mail_imap_host="localhost", mail_imap_port=port, mail_imap_security="none",
        )  # fmt: skip
        for place in (f"127.0.0.1:{port}", f"localhost:{port}"):
            trip(breaker_for("mail server", place, folder=settings.breakers_dir))
        desk = Desk(store, tmp_path)
        desk.effects = mail_effects(settings)
        for kind in (SEND, SAVE):
            made = desk.propose("owner", kind, mail_to("bob@acme.example"), kind.value)
            desk.vote("owner", made)
            with pytest.raises(TransientError, match="is not asked since"):
                desk.apply("owner", made)
        assert came == []


def behind_breaker(world: World, folder: Path) -> Breaker:
    """Put the CRM of a world behind a breaker, and return it."""
    breaker = breaker_for("CRM", "here", folder=folder, pause_s=LONG_S)
    source = world.source
    crms = ConnectedCrms(lambda: {source.name: source}, guard=lambda _address: breaker)
    world.desk.effects = internal_effects(crms)
    return breaker


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_crm_that_is_away_is_left_alone_and_gets_its_change_later(
    store: Store, tmp_path: Path, kind: str
) -> None:
    with connected(kind, store, tmp_path) as world:
        breaker = behind_breaker(world, tmp_path / "b")
        change, task = world.change({"next_step": "Demo"}), world.task()
        trip(breaker)
        asked = len(world.server.server.requests)
        left = resume_applying(store, world.desk.applying())
        assert len(world.server.server.requests) == asked
        assert ["is asked again at" in str(one.error) for one in left] == [True, True]
        assert world.there("NextStep" if kind == "salesforce" else "hs_next_step") == "Call"

        world.connect(world.source)
        assert [one.id for one in resume_applying(store, world.desk.applying())] == [
            change.id,
            task.id,
        ]
        assert len(world.server.changes) == 2
        assert world.deal.next_step == "Demo"


@pytest.mark.parametrize(
    ("answer", "is_left_alone"),
    [
        (Answer(503, {"message": "down"}), True),
        (Answer(429, {"message": "slow down"}, {"Retry-After": "3600"}), False),
        (Answer(403, {"message": "no"}), False),
    ],
)
def test_only_a_crm_that_is_not_there_is_left_alone(
    hs: World,
    tmp_path: Path,
    answer: Answer,
    is_left_alone: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once = replace(WRITE_PACING, sleep=lambda _s: None)
    monkeypatch.setattr("ingest.sources.hubspot_writing.WRITE_PACING", at_once)
    breaker = behind_breaker(hs, tmp_path / "b")
    numbers = [hs.change({"next_step": "Demo"}, key=str(n)).id for n in range(FAILURES)]
    hs.server.server.respond = lambda _request: answer
    for number in numbers:
        with pytest.raises(CopilotError):
            hs.desk.apply("owner", number)
    assert breaker.is_open is is_left_alone
    assert len(list(servers_at_rest(tmp_path / "b", datetime.now(UTC)))) == is_left_alone
