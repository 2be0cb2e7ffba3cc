"""Changes of a CRM under kills, lost answers, repeats and races: the CRM holds one each."""

import random
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from copilot.agent.approvals.applying import apply_approved, resume_applying
from copilot.agent.effects.record_updates import update_payload
from crm.audit.verifying import verify_trail
from crm.errors import CopilotError
from crm.models import Activity, EffectKind, Opportunity, ProposedAction
from crm.principal import Principal
from crm.store import Store
from tests.rest_server import Answer
from tests.write_back_process import MOMENTS, watched
from tests.write_back_world import KINDS, World, connected


def kinds_made(world: World) -> Counter[str]:
    return Counter(name for name, _record_id, _values in world.server.changes)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_process_that_is_killed_leaves_one_change_and_one_task(
    store: Store, tmp_path: Path, kind: str, moment: str
) -> None:
    with connected(kind, store, tmp_path) as world:
        world.change({"next_step": "Demo"})
        world.task()
        args = [str(store.engine.url), str(tmp_path), kind, world.server.server.url]
        for minutes in (5, 20, 40):
            ended = subprocess.run(
                [sys.executable, "-m", "tests.write_back_process", *args, moment, str(minutes)],
                check=False, capture_output=True, timeout=120,
            )  # fmt: skip
            assert ended.returncode in (0, 9), ended.stderr.decode()
        world.desk.later(minutes=90)
        left = resume_applying(store, world.desk.applying())

        assert all(one.error is None for one in left), left
        assert {row.status for row in world.desk.all_of(ProposedAction)} == {"applied"}
        assert sorted(kinds_made(world).values()) == [1, 1]
        assert world.deal.next_step == "Demo"
        assert len(world.desk.all_of(Activity)) == 1


@pytest.mark.parametrize("kind", list(KINDS))
def test_several_who_apply_at_once_make_one_change(store: Store, tmp_path: Path, kind: str) -> None:
    with connected(kind, store, tmp_path) as world:
        made = [world.change({"next_step": "Demo"}).id, world.task().id]

        def applied(number: int) -> None:
            with suppress(CopilotError):
                apply_approved(store, made[number % 2], world.desk.applying())

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(applied, range(12)))
        assert sorted(kinds_made(world).values()) == [1, 1]


class Killed(BaseException):
    """Ends an attempt as a killed process would: nothing that follows runs."""


class Weather:
    """What befalls attempts, by the dice: kills at moments, answers that are lost or put off."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self.world, self.dice = world, dice
        self.met: Counter[str] = Counter()
        self._answer = world.server.respond
        world.server.server.respond = self.respond
        watched(world.source, self.at)

    def at(self, moment: str) -> None:
        if self.dice.random() < 0.15:
            self.met[f"killed {moment}"] += 1
            raise Killed

    def respond(self, request: Any) -> Answer:
        is_read = request.method == "GET" or request.path.endswith(("read", "token"))
        lot = self.dice.random()
        if lot < 0.04:
            self.met["busy"] += 1
            return Answer(429, {}, {"Retry-After": "3600"})
        answer: Answer = self._answer(request)
        if not is_read and lot < 0.24:
            self.met["answer lost"] += 1
            return Answer(504, {"message": "gone"})
        if not is_read and lot < 0.3:
            self.met["connection cut"] += 1
            return Answer(answer.status, raw=b'{"id": "', is_cut=True)
        return answer


def propose_many(world: World) -> dict[int, int]:
    """Propose and approve a change of every deal and a task on it; action → deal."""
    found = {}
    who = Principal.local_owner()
    for deal in world.desk.all_of(Opportunity):
        with world.desk.store.session() as session:
            fields = {"next_step": f"Step {deal.id} 下一步", "amount": f"{deal.id} {deal.currency}"}
            update = update_payload(session, "opportunity", deal.id, fields, principal=who)
        task = {
            "subject": "Same words",
            "due_on": "2026-11-20",
            "opportunity_id": deal.id,
        }
        for kind, payload in ((EffectKind.UPDATE_RECORD, update), (EffectKind.CREATE_TASK, task)):
            made = world.approved(kind, payload, f"{kind.value} {deal.id}")
            found[made.id] = deal.id
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", list(KINDS))
def test_random_ends_of_attempts_leave_exactly_one_change_each(
    store: Store, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(20261122)
    with connected(kind, store, tmp_path, deals=40) as world:
        actions = propose_many(world)
        assert len(actions) == 80
        weather = Weather(world, dice)
        recorded = "copilot.agent.approvals.applying._record_done"
        original = apply_approved.__globals__["_record_done"]

        def recording(*args: Any, **more: Any) -> Any:
            done = original(*args, **more)
            weather.at("recording")
            return done

        monkeypatch.setattr(recorded, recording)
        left = set(actions)
        for _round in range(60):
            for number in dice.sample(sorted(left), len(left)):
                for _click in range(dice.choice((1, 1, 2))):
                    with suppress(CopilotError, Killed):
                        apply_approved(store, number, world.desk.applying())
            left = {one.id for one in world.desk.all_of(ProposedAction) if one.status != "applied"}
            if not left:
                break
            world.desk.later(minutes=11)
            world.server.tick(minutes=11)

        assert not left
        assert kinds_made(world) == Counter(
            {"Opportunity": 40, "Task": 40} if kind == "salesforce" else {"deals": 40, "tasks": 40}
        )
        changed = [one for name, one, _values in world.server.changes if name.lower() != "task"]
        assert len(set(changed)) == len(changed)
        for deal in world.desk.all_of(Opportunity):
            assert (deal.next_step, deal.amount_minor) == (f"Step {deal.id} 下一步", deal.id * 100)
        ties = Counter(row.opportunity_id for row in world.desk.all_of(Activity))
        assert set(ties.values()) == {1}
        assert len(ties) == 40
        with store.session() as session:
            assert verify_trail(session).faults == ()
        # What was not disturbed would prove nothing.
        assert weather.met["answer lost"] >= 5, weather.met
        assert sum(count for name, count in weather.met.items() if "killed" in name) >= 20
