"""Follow-up questions build on the last one, within a thread that belongs to its principal."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from copilot.agent.contract import Status
from crm.errors import TransientError
from crm.principal import Principal
from tests.agent_world import (
    ANNA_ASKS,
    LINA_ASKS,
    Company,
    company,
    computed,
    filled_company,
)

__all__ = ["company", "filled_company"]

NO_IDEA = {
    "tool": "none",
    "measure": "nothing",
    "group_by": "nothing",
    "covers_unclear_words": "no",
    "relevant": [],
    "summary": "",
}
FIRST = "how many deals were won in Q2 2026?"


def talk(
    company: Company, *questions: str, thread: str = "t", by: Principal | None = None
) -> list[list[Any]]:
    """Ask one after the other in one thread; give the computed values of each answer."""
    return [computed(company.ask(one, thread=thread, by=by)) for one in questions]


def test_a_period_or_a_name_continues_the_last_question(company: Company) -> None:
    assert talk(company, FIRST, "and in Q3?", "what about West?") == [[1], [3], [1]]


def test_a_name_of_the_same_kind_replaces_the_one_before(company: Company) -> None:
    company.ask("how many deals did Anna Berg win?", thread="t")
    answer = company.ask("what about Tom Reed?", thread="t")
    assert computed(answer) == [2]
    assert "Anna" not in answer.interpretation


def test_a_group_continues_the_last_question(company: Company) -> None:
    talk(company, FIRST, "and in Q3?")
    answer = company.ask("and by region?", thread="t")
    assert sorted(computed(answer)) == [1, 1, 1]
    assert "2026-07-01" in answer.interpretation


def test_chinese_follow_ups_continue_too(company: Company) -> None:
    assert talk(company, "East赢了多少单？", "那上海呢？", "2026年呢？") == [[3], [2], [1]]


def test_the_language_of_each_turn_is_its_own(company: Company) -> None:
    company.ask(FIRST, thread="t")
    answer = company.ask("那上海呢？", thread="t")
    assert answer.language == "zh"
    assert computed(answer) == [0]


def test_a_whole_question_does_not_inherit_anything(company: Company) -> None:
    talk(company, "how many deals did Anna Berg win in Q3 2026?")
    answer = company.ask("how many deals did Tom Reed win?", thread="t")
    assert computed(answer) == [2]
    assert "2026-07-01" not in answer.interpretation


def test_a_follow_up_without_a_thread_has_nothing_to_build_on(company: Company) -> None:
    company.ask(FIRST)
    company.script(NO_IDEA)
    answer = company.ask("and in Q3?")
    assert answer.status is Status.NOT_FOUND
    assert answer.facts == []


def test_a_thread_belongs_to_its_principal(company: Company) -> None:
    company.ask("how many deals did I win?", thread="same", by=ANNA_ASKS)
    for other in (LINA_ASKS, Principal.local_owner()):
        company.script(NO_IDEA)
        answer = company.ask("and in 2026?", thread="same", by=other)
        assert answer.status is Status.NOT_FOUND
        assert answer.facts == []
        assert "Anna" not in answer.model_dump_json()
    company.script()
    assert talk(company, "and in 2026?", thread="same", by=ANNA_ASKS) == [[2]]


def test_two_threads_do_not_mix(company: Company) -> None:
    talk(company, "how many deals did Anna Berg win?", thread="a")
    talk(company, "how much did Tom Reed sell?", thread="b")
    assert talk(company, "and in 2026?", thread="a") == [[2]]
    assert talk(company, "and in Q3 2026?", thread="b") == [[(15_000, "USD")]]


def test_facts_do_not_pile_up_across_turns(company: Company) -> None:
    company.ask("list the open deals", thread="t")
    answer = company.ask(FIRST, thread="t")
    assert [fact.id for fact in answer.facts] == ["F1"]
    assert len(answer.sentences) == 1
    assert "2026-07-01" not in answer.answer


def test_what_was_dropped_belongs_to_its_turn(company: Company) -> None:
    company.script({**NO_IDEA, "relevant": ["F1"], "summary": "They will pay $777."})
    told = company.ask("what did Acme Corp say about security?", thread="t")
    assert len(told.dropped) == 1
    answer = company.ask(FIRST, thread="t")
    assert answer.dropped == []
    assert answer.tokens.read == 0
    assert company.ask("how many deals did Zorblax win?", thread="t").dropped == []


def test_an_ending_leaves_the_thread_where_it_stood(company: Company) -> None:
    company.ask(FIRST, thread="t")
    unknown = company.ask("how many deals did Zorblax win?", thread="t")
    assert (unknown.status, unknown.facts) == (Status.NOT_FOUND, [])
    assert company.ask("who owns Globex?", thread="t").candidates
    assert company.ask("what is the profit?", thread="t").status is Status.DECLINED
    answer = company.ask("and in Q3?", thread="t")
    assert (answer.status, computed(answer)) == (Status.ANSWERED, [3])
    assert answer.candidates == []


def test_a_new_process_goes_on_where_the_old_one_stopped(company: Company, tmp_path: Path) -> None:
    path = str(tmp_path / "threads.db")
    with SqliteSaver.from_conn_string(path) as saver:
        company.fresh(saver)
        assert talk(company, FIRST, "and in Q3?") == [[1], [3]]
    with SqliteSaver.from_conn_string(path) as saver:
        company.fresh(saver)
        assert talk(company, "what about West?") == [[1]]


@pytest.mark.parametrize("step", ["plan", "act", "verify"])
def test_a_kill_between_steps_leaves_the_thread_usable(
    company: Company, tmp_path: Path, step: str
) -> None:
    def kill(reached: str) -> None:
        if reached == step:
            raise KeyboardInterrupt

    path = str(tmp_path / "threads.db")
    with SqliteSaver.from_conn_string(path) as saver:
        company.fresh(saver)
        company.ask(FIRST, thread="t")
        with pytest.raises(KeyboardInterrupt):
            company.ask("how much did Tom Reed sell?", thread="t", on_step=kill)
    with SqliteSaver.from_conn_string(path) as saver:
        company.fresh(saver)
        again = company.ask("how much did Tom Reed sell?", thread="t")
        assert (again.status, computed(again)) == (Status.ANSWERED, [(20_000, "USD")])
        assert len(again.sentences) == 1
        assert talk(company, "and in Q3 2026?") == [[(15_000, "USD")]]


def test_a_model_that_fails_leaves_the_thread_usable(company: Company) -> None:
    company.ask(FIRST, thread="t")
    company.script(TransientError("the model is busy: try again"))
    with pytest.raises(TransientError, match="busy"):
        company.ask("what was the moolah of Anna Berg?", thread="t")
    company.script()
    answer = company.ask("how many deals did Anna Berg win?", thread="t")
    assert (answer.status, computed(answer)) == (Status.ANSWERED, [3])
    assert answer.tokens.read == 0


def test_a_step_that_fails_leaves_the_thread_usable(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    company.ask(FIRST, thread="t")
    with monkeypatch.context() as patched:
        patched.setattr(company.index, "search", broken)
        with pytest.raises(sqlite3.OperationalError):
            company.ask("what did Acme Corp say about security?", thread="t")
    assert talk(company, "how many deals did Anna Berg win?", "and in 2026?") == [[3], [2]]
