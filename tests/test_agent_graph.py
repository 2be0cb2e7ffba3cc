"""The graph around the steps: what it keeps, what it costs without a model, and what it checks."""

import json
from typing import Any

import pytest

from copilot.agent.contract import Status
from copilot.agent.reading import phrasebook
from copilot.agent.values import value_mentions
from copilot.agent.wording import phrase
from crm.principal import Principal
from tests.agent_world import ANNA_ASKS, Company, company, computed, filled_company
from tests.statements import counted
from tools.names import NameIndex

__all__ = ["company", "filled_company"]

HOW_MANY = "how many deals did Anna Berg win?"


def kept(company: Company, thread: str) -> dict[str, Any]:
    """Everything that the checkpoints keep of a thread of the local owner."""
    assert company.saver is not None
    found = [
        one.checkpoint["channel_values"]
        for one in company.saver.list(None)
        if one.config["configurable"]["thread_id"].endswith(thread)
    ]
    return found[0]


def test_a_question_without_the_model_takes_three_steps(company: Company) -> None:
    steps: list[str] = []
    company.ask(HOW_MANY, on_step=steps.append)
    assert steps == ["plan", "act", "verify"]
    assert company.model.asked == []


def test_an_ending_stops_after_the_plan(company: Company) -> None:
    steps: list[str] = []
    company.ask("how many deals did Zorblax win?", on_step=steps.append)
    assert steps == ["plan"]


def test_names_are_read_once_while_nothing_is_imported(company: Company) -> None:
    with counted(company.store) as first:
        company.ask(HOW_MANY)
    with counted(company.store) as second:
        company.ask(HOW_MANY)
    assert len(second) < len(first)
    assert len(second) <= 12


def test_names_of_one_caller_are_not_handed_to_another(company: Company) -> None:
    company.ask(HOW_MANY)
    with counted(company.store) as ran:
        company.ask(HOW_MANY, by=ANNA_ASKS)
    assert any("FROM accounts" in statement for statement in ran)


def test_the_number_of_statements_does_not_grow_with_the_rows_listed(company: Company) -> None:
    company.ask(HOW_MANY)
    with counted(company.store) as few:
        company.ask("deals without an account")
    with counted(company.store) as many:
        company.ask("list the won deals")
    # Each currency is ranked by itself, which costs two statements whatever the number of rows.
    assert len(many) <= len(few) + 4


def test_what_is_kept_is_plain_json_without_the_caller(company: Company) -> None:
    company.ask("how many deals did I win?", by=ANNA_ASKS, thread="plain")
    state = kept(company, "plain")
    text = json.dumps({key: value for key, value in state.items() if not key.startswith("__")})
    assert '"value": 3' in text
    assert "Principal" not in text
    assert "user_id" not in text


def test_threads_without_a_name_are_new_each_time(company: Company) -> None:
    first, second = company.ask(HOW_MANY), company.ask(HOW_MANY)
    assert first.thread_id
    assert first.thread_id != second.thread_id


def test_the_same_question_gives_the_same_answer(company: Company) -> None:
    seen = {
        company.ask("win rate of East vs West").model_copy(
            update={"took_ms": 0, "thread_id": ""}
        ).model_dump_json()
        for _ in range(3)
    }  # fmt: skip
    assert len(seen) == 1


def test_only_the_model_s_words_are_checked(company: Company) -> None:
    answer = company.ask("what is the won amount by region in Q3 2026?")
    assert answer.status is Status.ANSWERED
    assert answer.dropped == []
    assert len(computed(answer)) == 3


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_answer_vocabulary_is_the_same_in_both_languages(language: Any) -> None:
    shown = phrase("unknown_name", language, names="“X{y}”")
    assert "X{y}" in shown, "a brace in a name is not read as a slot"
    with pytest.raises(KeyError):
        phrase("no such phrase", language)


def test_values_are_looked_for_only_beside_their_subject(company: Company) -> None:
    with company.store.session() as session:
        index = NameIndex.load(session, Principal.local_owner())
    book = phrasebook("en")
    lost = "deals lost on budget"
    found = value_mentions(lost, index, book.find(lost), [])
    assert [(one.text, one.candidates[0].dimension) for one in found] == [("budget", "lost_reason")]
    won = "deals won on budget"
    assert value_mentions(won, index, book.find(won), []) == []
    assert value_mentions(lost, index, book.find(lost), [(0, len(lost))]) == []
