"""Whatever is killed, repeated or done at once: an approved action happens exactly once."""

import random
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import update

from copilot.agent.approvals.applying import resume_applying
from copilot.agent.approvals.editing import Edit, edit
from copilot.agent.approvals.effects import Effect, Effects, effect_for
from crm.audit.verifying import verify_trail
from crm.errors import BadInput, CopilotError, NotFound, PermanentError, TransientError
from crm.models import Activity, AuditEvent, EffectKind, Opportunity, ProposedAction, Vote
from crm.store import Store
from tests.approval_world import PEOPLE, Desk, fill

TASK = {"subject": "Call Priya 给王总打电话", "due_on": "2026-11-20", "owner_id": 1}
MOMENTS = ("claimed", "before delivery", "delivered")
HERE = Path(__file__).parent.parent


class Killed(BaseException):
    """The process ends here, as far as the code under test can tell."""


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    """The organisation with the rules that come with the product."""
    fill(store)
    return Desk(store, tmp_path)


def approved(desk: Desk, key: str = "mail") -> int:
    made = desk.mail(key=key)
    desk.vote("anna", made)
    return made.id


def in_a_process(desk: Desk, moment: str, hours: float = 0) -> int:
    """Resume in a process of its own that is killed at the moment; return its exit code."""
    url = desk.store.engine.url.render_as_string(hide_password=False)
    words = [url, str(desk.delivery.box.parent), moment, str(hours)]
    module = [sys.executable, "-m", "tests.approval_process"]
    return subprocess.run([*module, *words], cwd=HERE, check=False, timeout=120).returncode


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_process_killed_in_between_leaves_one_delivery(desk: Desk, moment: str) -> None:
    number = approved(desk)
    assert in_a_process(desk, moment) == 9
    assert desk.row(number).status == "applying"

    with pytest.raises(TransientError, match="being carried out"):
        desk.apply("anna", number)
    assert in_a_process(desk, "never", hours=1) == 0

    row = desk.row(number)
    assert (row.status, row.result) == ("applied", {"delivered": "mail"})
    assert desk.delivery.keys() == ["mail"]
    found = [one.action for one in desk.all_of(AuditEvent)]
    last = "action.find_applied" if moment == "delivered" else "action.apply"
    assert found[-3:] == ["action.claim", "action.claim", last]


def test_two_who_apply_at_once_deliver_once(desk: Desk) -> None:
    for round_ in range(8):
        number = approved(desk, f"mail {round_}")

        def click(_: int, number: int = number) -> str:
            try:
                return str(desk.apply("anna", number).status)
            except TransientError:
                return "busy"

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(click, range(8)))
        assert "applied" in found
        assert desk.row(number).status == "applied"
    assert sorted(desk.delivery.keys()) == [f"mail {round_}" for round_ in range(8)]


def test_two_approvers_at_once_end_in_one_effect(desk: Desk) -> None:
    def approve_and_apply(name: str, number: int) -> None:
        try:
            if desk.vote(name, number).missing == 0:
                desk.apply(name, number)
        except TransientError:
            pass

    for round_ in range(6):
        made = desk.discount("anna", 30, key=f"discount {round_}")
        mail = desk.mail(key=f"mail {round_}", elevated=True)
        with ThreadPoolExecutor(4) as pool:
            for name in ("mia", "eva", "mia", "olga"):
                pool.submit(approve_and_apply, name, made.id)
                if name != "olga":
                    pool.submit(approve_and_apply, name, mail.id)
        resume_applying(desk.store, desk.applying())
        assert {desk.row(made.id).status, desk.row(mail.id).status} == {"applied"}
    assert len(desk.all_of(Activity)) == 6
    assert sorted(desk.delivery.keys()) == [f"mail {round_}" for round_ in range(6)]
    with desk.store.session() as session:
        assert verify_trail(session).faults == ()


def test_an_internal_effect_happens_with_its_record_or_not_at_all(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desk.propose("anna", EffectKind.CREATE_TASK, TASK, "task")
    desk.vote("anna", made)

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("copilot.agent.approvals.applying._record_done", die)
        with pytest.raises(Killed):
            desk.apply("anna", made)
    assert (desk.all_of(Activity), desk.row(made.id).status) == ([], "approved")

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda _: desk.apply("anna", made), range(6)))

    assert sum(one.is_new for one in done) == 1
    assert [row.subject for row in desk.all_of(Activity)] == [TASK["subject"]]


def test_two_who_find_it_approved_at_the_same_moment_do_it_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desk.propose("anna", EffectKind.CREATE_TASK, TASK, "task")
    desk.vote("anna", made)
    both_have_looked = Barrier(2, timeout=30)

    def wait_for_the_other(effects: Effects, kind: str) -> Effect:
        both_have_looked.wait()
        return effect_for(effects, kind)

    monkeypatch.setattr("copilot.agent.approvals.applying.effect_for", wait_for_the_other)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: desk.apply("anna", made), range(2)))

    assert sorted(one.is_new for one in done) == [False, True]
    assert done[0].result == done[1].result
    assert len(desk.all_of(Activity)) == 1


def test_a_lease_that_ran_out_is_taken_up_and_a_running_one_is_not(desk: Desk) -> None:
    number = approved(desk)
    desk.delivery.at = _killer("before delivery")
    with pytest.raises(Killed):
        desk.apply("anna", number)
    desk.delivery.at = lambda _: None

    assert resume_applying(desk.store, desk.applying()) == []
    desk.later(minutes=11)
    (taken,) = resume_applying(desk.store, desk.applying())

    assert (taken.status, taken.is_new, desk.row(number).attempts) == ("applied", True, 2)
    assert desk.delivery.keys() == ["mail"]


def test_what_the_receiver_refuses_fails_with_its_words(desk: Desk) -> None:
    number = approved(desk)
    desk.delivery.error = BadInput("no such recipient 'x@y': correct it")

    with pytest.raises(BadInput, match="no such recipient"):
        desk.apply("anna", number)
    row = desk.row(number)
    assert (row.status, row.error) == ("failed", "no such recipient 'x@y': correct it")
    desk.delivery.error = None
    with pytest.raises(BadInput, match="no such recipient"):
        desk.apply("anna", number)
    assert desk.delivery.keys() == []


def test_a_set_up_that_is_mended_lets_it_go_on(desk: Desk) -> None:
    number = approved(desk)
    desk.delivery.error = PermanentError("the password is wrong: set another")
    with pytest.raises(PermanentError):
        desk.apply("anna", number)
    assert desk.row(number).status == "approved"

    desk.delivery.error = None
    assert desk.apply("anna", number).is_new
    assert desk.delivery.keys() == ["mail"]


def test_what_is_not_known_is_looked_up_before_it_is_tried_again(desk: Desk) -> None:
    number = approved(desk)
    desk.delivery.at = _failing("delivered", TransientError("the line went dead: try again"))
    with pytest.raises(TransientError, match="line went dead"):
        desk.apply("anna", number)
    with pytest.raises(TransientError, match="being carried out"):
        desk.apply("anna", number)
    desk.delivery.at = _failing("claimed", TransientError("the server is away: try again"))
    desk.later(minutes=11)
    with pytest.raises(TransientError, match="server is away"):
        desk.apply("anna", number)

    desk.delivery.at = lambda _: None
    assert desk.apply("anna", number).result == {"delivered": "mail"}
    assert desk.delivery.keys() == ["mail"]


def test_what_was_begun_is_neither_edited_nor_rejected(desk: Desk) -> None:
    number = approved(desk)
    desk.delivery.error = PermanentError("the password is wrong: set another")
    with pytest.raises(PermanentError):
        desk.apply("anna", number)

    with pytest.raises(BadInput, match="begun"):
        desk.vote("anna", number, Vote.REJECT)
    with pytest.raises(BadInput, match="begun"):
        _edit(desk, number, "other words")


def test_one_that_fails_does_not_hold_up_the_rest(desk: Desk) -> None:
    update_deal = {
        "entity": "opportunity",
        "entity_id": 1,
        "fields": {"next_step": {"before": "Call", "after": "Send the quote"}},
    }
    made = desk.propose("anna", EffectKind.UPDATE_RECORD, update_deal, "update")
    desk.vote("anna", made)
    mail = approved(desk)
    with desk.store.session() as session:
        session.execute(update(Opportunity).values(next_step="Wait"))

    found = {one.id: one for one in resume_applying(desk.store, desk.applying())}

    assert found[mail].status == "applied"
    assert "'Wait' by now" in (found[made.id].error or "")
    assert desk.row(made.id).status == "failed"


def test_a_kind_that_nothing_carries_out_cannot_be_proposed(desk: Desk) -> None:
    with pytest.raises(PermanentError, match="save_mail_draft"):
        desk.propose("anna", EffectKind.SAVE_MAIL_DRAFT, {"text": "x"}, "draft")


@pytest.mark.parametrize("seed", range(5))
def test_random_votes_edits_kills_and_restarts_deliver_each_exactly_once(
    desk: Desk, seed: int
) -> None:
    for run in range(40):
        _random_run(desk, random.Random(seed * 1_000 + run), f"{seed}-{run}")

    rows = desk.all_of(ProposedAction)
    sent = {row.key for row in rows if row.status == "applied"}
    assert {row.status for row in rows} <= {"applied", "rejected", "failed", "waiting"}
    assert len(sent) > 20
    assert sorted(desk.delivery.keys()) == sorted(sent)
    texts = dict(desk.delivery.lines())
    assert texts == {row.key: row.payload["text"] for row in rows if row.key in sent}
    with desk.store.session() as session:
        assert verify_trail(session).faults == ()


def _random_run(desk: Desk, chance: random.Random, key: str) -> None:
    """Do what people, networks and power cuts do to one action, then let everything settle."""
    made = desk.mail(key=key, elevated=chance.random() < 0.3)
    for _ in range(chance.randint(2, 10)):
        with suppress(CopilotError, Killed):
            _random_step(desk, chance, made.id, key)
    desk.delivery.at, desk.delivery.error = (lambda _: None), None
    desk.later(minutes=11)
    resume_applying(desk.store, desk.applying())


def _random_step(desk: Desk, chance: random.Random, number: int, key: str) -> None:
    name = chance.choice(list(PEOPLE))
    line_dead = TransientError("the line went dead: try again")
    moment = chance.choice(MOMENTS)
    desk.delivery.at = chance.choice([lambda _: None, _killer(moment), _failing(moment, line_dead)])
    desk.delivery.error = chance.choice(
        [None, None, None, PermanentError("wrong password: set another"), BadInput("no: mend it")]
        if chance.random() < 0.2
        else [None]
    )
    match chance.randrange(8):
        case 0:
            _edit(desk, number, f"edited {chance.random()}")
        case 1 if chance.random() < 0.2:
            desk.vote(name, number, Vote.REJECT)
        case 2:
            desk.mail(key=key)
        case 3:
            with ThreadPoolExecutor(3) as pool:
                for who in ("anna", "mia", "eva"):
                    pool.submit(desk.vote, who, number)
        case 4:
            with ThreadPoolExecutor(3) as pool:
                for who in ("anna", "mia", "mia"):
                    pool.submit(desk.apply, who, number)
        case 5:
            desk.later(minutes=chance.choice([1, 11]))
        case 6:
            desk.vote(chance.choice(["anna", "mia"]), number)
        case _:
            resume_applying(desk.store, desk.applying())


def _edit(desk: Desk, number: int, text: str) -> None:
    who = desk.who("anna")
    with desk.store.session() as session:
        edit(
            session,
            Edit(number, desk.row(number).payload_sha256, {"text": text}),
            effects=desk.effects,
            policy=desk.policy,
            principal=who,
            now=desk.now,
        )


def _killer(moment: str) -> Callable[[str], None]:
    def at(name: str) -> None:
        if name == moment:
            raise Killed

    return at


def _failing(moment: str, error: Exception) -> Callable[[str], None]:
    def at(name: str) -> None:
        if name == moment:
            raise error

    return at


def test_nobody_carries_out_what_is_not_his_to_see(desk: Desk) -> None:
    number = approved(desk)

    with pytest.raises(NotFound):
        desk.apply("bo", number)
    assert desk.delivery.keys() == []
    assert desk.row(number).claimed_until is None
    assert timedelta(minutes=1) < desk.applying().lease
