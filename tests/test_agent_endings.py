"""A question that cannot be answered ends honestly, with no number and without the model."""

import pytest

from copilot.agent.contract import Answer, Status
from crm.errors import BadInput
from tests.agent_world import LINA_ASKS, Company, company, filled_company

__all__ = ["company", "filled_company"]


def ended(company: Company, question: str) -> Answer:
    """Ask with a model that may not be asked."""
    answer = company.ask(question)
    assert company.model.asked == []
    assert answer.sentences, "an ending says something"
    assert answer.facts == []
    return answer


@pytest.mark.parametrize(
    "question",
    [
        "how many deals did Zorblax win?",
        "how many deals did Zorblax Industries win in Q3 2026?",
        "what is the win rate of Boris Quux?",
    ],
)
def test_an_unknown_name_is_named_and_not_guessed(company: Company, question: str) -> None:
    answer = ended(company, question)
    assert answer.status is Status.NOT_FOUND
    assert "Zorblax" in answer.answer or "Quux" in answer.answer


@pytest.mark.parametrize(
    "question", ["how many deals did Globex buy?", "Globex赢了多少单？", "who owns Globex?"]
)
def test_an_ambiguous_account_is_asked_back(company: Company, question: str) -> None:
    answer = ended(company, question)
    assert answer.status is Status.AMBIGUOUS
    assert len(answer.candidates) == 2
    assert any("Globex Foods" in one for one in answer.candidates)
    assert any("Globex Labs" in one for one in answer.candidates)


def test_the_full_name_settles_the_question_back(company: Company) -> None:
    answer = company.ask("how many deals did we win with Globex Labs?")
    assert [fact.value for fact in answer.facts] == [1]


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("what is the profit margin?", "profit"),
        ("what is Anna Berg's commission?", "commission"),
        ("give me a forecast of Q4", "forecast"),
        ("利润率是多少？", "利润率"),
    ],
)
def test_what_the_crm_does_not_hold_is_declined(
    company: Company, question: str, named: str
) -> None:
    answer = ended(company, question)
    assert answer.status is Status.DECLINED
    assert named in answer.answer


@pytest.mark.parametrize(
    "question",
    [
        "send an email to Maria Lopez",
        "delete the deal Acme renewal",
        "update the stage of Acme renewal",
        "assign Acme Corp to Tom Reed",
        "帮我删除这个商机",
    ],
)
def test_a_side_effect_is_declined(company: Company, question: str) -> None:
    answer = ended(company, question)
    assert answer.status is Status.DECLINED
    assert not any(word in answer.answer for word in ("have sent", "was sent", "已发送", "已删除"))


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("how many deals were won in 2019?", "2025-09", "2026-10"),
        ("how much did Anna Berg sell in Q1 2027?", "2025-09", "2026-10"),
        ("2019年赢了多少单？", "2025-09", "2026-10"),
        ("compare won deals in 2018 and 2019", "2025-09", "2026-10"),
    ],
)
def test_a_period_without_records_is_told_with_the_range_there_is(
    company: Company, question: str, first: str, last: str
) -> None:
    answer = ended(company, question)
    assert answer.status is Status.NOT_FOUND
    assert first in answer.answer
    assert last in answer.answer


@pytest.mark.parametrize("question", ["how many leads are there?", "有多少线索？"])
def test_data_that_was_never_imported_is_no_zero(company: Company, question: str) -> None:
    assert ended(company, question).status is Status.NOT_FOUND


def test_a_rate_over_nothing_is_no_zero(company: Company) -> None:
    answer = company.ask("what is the win rate of Anna Berg in Q1 2026?")
    assert answer.status is Status.NOT_FOUND
    assert answer.facts == []


@pytest.mark.parametrize("question", ["", "   ", "\n\t"])
def test_an_empty_question_is_refused(company: Company, question: str) -> None:
    with pytest.raises(BadInput, match="empty"):
        company.ask(question)
    assert company.model.asked == []


@pytest.mark.parametrize("question", ["why " * 501, "赢" * 2_001, "x" * 50_000])
def test_a_question_that_is_too_long_is_refused(company: Company, question: str) -> None:
    with pytest.raises(BadInput, match="2,000"):
        company.ask(question)
    assert company.model.asked == []


def test_the_longest_question_allowed_is_read(company: Company) -> None:
    question = "how many deals did Anna Berg win?".ljust(2_000, "?")
    assert company.ask(question).facts[0].value == 3


def test_a_person_who_asks_for_another_s_unknown_name_gets_no_own_number(company: Company) -> None:
    answer = company.ask("how many deals did Zorblax and I win?", by=LINA_ASKS)
    assert answer.status is Status.NOT_FOUND
    assert answer.facts == []


@pytest.mark.parametrize(
    ("question", "holder"),
    [("who owns Acme Corp?", "Anna Berg"), ("海星物流的负责人是谁？", "李娜")],
)
def test_a_field_of_a_record_is_looked_up(company: Company, question: str, holder: str) -> None:
    answer = company.ask(question)
    assert answer.status is Status.ANSWERED
    assert [fact.value for fact in answer.facts] == [holder]
    assert answer.sentences[0].facts == ("F1",)
    assert holder in answer.answer


def test_an_empty_field_is_not_found(company: Company) -> None:
    answer = company.ask("what is the industry of Initech?")
    assert answer.status is Status.NOT_FOUND
    assert "Software" not in answer.answer
