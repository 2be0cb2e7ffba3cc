"""Servers that are down: asked no more for a while, by any process, and what is said meanwhile."""

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from copilot.breakers import FAILURES, Breaker, Resting, breaker_for
from copilot.guarded_models import GuardedEmbedder
from copilot.llm.breaking import BreakingModel
from copilot.llm.client import Message
from copilot.llm.deadline import left_s, shared_patience, within
from copilot.llm.endpoint import EndpointModel
from crm.errors import PermanentError, TransientError
from crm.index.embedder import Vectors
from tests.fake_endpoint import FakeEndpoint, says
from tests.scripted import ScriptedModel
from tests.test_llm_endpoint import Choice

BUSY = TransientError("busy")
HELLO = [Message(role="user", content="hello")]


def fail(error: Exception = BUSY) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


def trip(breaker: Breaker) -> None:
    for _ in range(FAILURES):
        with pytest.raises(TransientError):
            breaker.call(fail())


def place(tmp_path: Path) -> Breaker:
    return Breaker("the model at 'here'", file=tmp_path / "b" / "model.json", pause_s=60.0)


def set_opened(tmp_path: Path, at: float) -> None:
    """Have the server given up at another moment, as if the clock had gone on or back."""
    file = tmp_path / "b" / "model.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "opened_at": at}))


def test_a_server_that_fails_in_a_row_is_not_asked_again(tmp_path: Path) -> None:
    breaker = place(tmp_path)
    trip(breaker)
    asked: list[int] = []
    with pytest.raises(Resting, match=r"not asked since \d\d:\d\d:\d\d UTC.*again at"):
        breaker.call(lambda: asked.append(1))
    assert not asked
    assert breaker.is_open


def test_the_last_failure_is_told_as_it_was(tmp_path: Path) -> None:
    breaker = place(tmp_path)
    for _ in range(FAILURES):
        with pytest.raises(TransientError, match=r"^busy$"):
            breaker.call(fail())


def test_another_process_knows_that_the_server_is_down(tmp_path: Path) -> None:
    trip(place(tmp_path))
    with pytest.raises(Resting):
        place(tmp_path).call(lambda: None)


def test_failures_of_several_processes_add_up(tmp_path: Path) -> None:
    for _ in range(FAILURES):
        with pytest.raises(TransientError, match="busy"):
            place(tmp_path).call(fail())
    with pytest.raises(Resting):
        place(tmp_path).call(lambda: None)


def test_a_success_between_failures_forgets_them(tmp_path: Path) -> None:
    breaker = place(tmp_path)
    for _ in range(2 * FAILURES):
        with pytest.raises(TransientError):
            breaker.call(fail())
        assert breaker.call(lambda: "well") == "well"


def test_a_refusal_is_no_failure(tmp_path: Path) -> None:
    breaker = place(tmp_path)
    for _ in range(2 * FAILURES):
        with pytest.raises(PermanentError):
            breaker.call(fail(PermanentError("no such model")))
    assert breaker.call(lambda: "asked") == "asked"


def test_after_the_pause_one_call_tells_whether_it_is_back(tmp_path: Path) -> None:
    breaker = place(tmp_path)
    trip(breaker)
    set_opened(tmp_path, time.time() - 61)
    with pytest.raises(TransientError, match="busy"):
        breaker.call(fail())
    with pytest.raises(Resting):
        breaker.call(lambda: None)
    set_opened(tmp_path, time.time() - 61)
    assert breaker.call(lambda: "back") == "back"
    assert not breaker.is_open


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"state": "ajar"}', '{"failures": "many"}'])
def test_a_broken_file_counts_as_a_server_that_is_well(tmp_path: Path, text: str) -> None:
    breaker = place(tmp_path)
    trip(breaker)
    (tmp_path / "b" / "model.json").write_text(text)
    assert breaker.call(lambda: "asked") == "asked"


def test_a_clock_that_was_set_back_keeps_nobody_out(tmp_path: Path) -> None:
    breaker = place(tmp_path)
    trip(breaker)
    set_opened(tmp_path, time.time() + 3600)
    assert breaker.call(lambda: "asked") == "asked"


def test_where_nothing_can_be_written_this_process_still_knows(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("a file where the folder should be")
    breaker = place(tmp_path)
    trip(breaker)
    with pytest.raises(Resting):
        breaker.call(lambda: None)


def test_calls_on_several_threads_run_at_once(tmp_path: Path) -> None:
    breaker, together = place(tmp_path), threading.Barrier(4, timeout=20)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(breaker.call, together.wait) for _ in range(4)]
        assert sorted(call.result() for call in calls) == [0, 1, 2, 3]


def test_servers_do_not_share_a_breaker(tmp_path: Path) -> None:
    trip(breaker_for("model", "https://one", folder=tmp_path))
    with pytest.raises(Resting, match="the model at 'https://one'"):
        breaker_for("model", "https://one", folder=tmp_path).call(lambda: None)
    breaker_for("model", "https://two", folder=tmp_path).call(lambda: None)
    breaker_for("embedder", "https://one", folder=tmp_path).call(lambda: None)


def test_a_model_that_is_down_is_asked_no_more(tmp_path: Path) -> None:
    scripted = ScriptedModel([BUSY] * FAILURES)
    model = BreakingModel(scripted, place(tmp_path))
    for _ in range(FAILURES + 3):
        with pytest.raises(TransientError):
            model.structured(HELLO, Choice, max_tokens=9)
    assert len(scripted.asked) == FAILURES


class _SilentEmbedder:
    name, dimensions = "silent", 3

    def embed_passages(self, texts: list[str]) -> Vectors:
        raise BUSY

    def embed_query(self, text: str) -> Vectors:
        raise BUSY


def test_an_embedder_that_is_down_is_asked_no_more(tmp_path: Path) -> None:
    embedder = GuardedEmbedder(_SilentEmbedder(), place(tmp_path))
    for _ in range(FAILURES):
        with pytest.raises(TransientError, match="busy"):
            embedder.embed_query("who?")
    with pytest.raises(Resting):
        embedder.embed_passages(["this"])


def test_work_that_hangs_is_given_up() -> None:
    never = threading.Event()
    with pytest.raises(TransientError, match="too slow"):
        within(0.05, never.wait, late="too slow")
    never.set()


def test_work_that_fails_in_time_tells_why() -> None:
    with pytest.raises(TimeoutError, match="its own"):
        within(60, fail(TimeoutError("its own")), late="too slow")


def test_work_knows_how_long_it_has() -> None:
    left = within(700.0, left_s, late="too slow")
    assert left is not None
    assert 600 < left <= 700
    assert left_s() is None


def test_calls_that_share_their_patience_have_one_limit_together() -> None:
    never = threading.Event()
    with shared_patience():
        with pytest.raises(TransientError):
            within(0.05, never.wait, late="too slow")
        asked: list[int] = []
        with pytest.raises(TransientError):
            within(0.05, lambda: asked.append(1), late="too slow")
        assert not asked
    within(60, lambda: asked.append(1), late="too slow")
    assert asked == [1]
    never.set()


def test_a_server_that_takes_calls_and_never_answers_costs_one_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        model = EndpointModel("fake", base_url=url, timeout_s=3, max_retries=3)
        with pytest.raises(TransientError, match="did not answer in time"):
            model.structured(HELLO, Choice, max_tokens=9)
        silent.settimeout(60)
        silent.accept()[0].close()
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody came a second time before it was given up
            silent.accept()
        model.close()


def test_a_repair_has_no_time_of_its_own() -> None:
    slow = says("no JSON at all")
    fake = FakeEndpoint(type(slow)(slow.status, slow.body, slow.headers, 0.4))
    model = EndpointModel("fake", base_url=fake.url, timeout_s=0.6, max_retries=0)
    with pytest.raises(TransientError, match="did not answer in time"):
        model.structured(HELLO, Choice, max_tokens=9)
    model.close()
    fake.close()
