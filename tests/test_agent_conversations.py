"""Answers from calls and emails quote their speakers; what a model adds is checked and cut."""

import pytest

from copilot.agent.contract import Status
from crm.facts import FactKind
from tests.agent_world import ANNA_ASKS, LINA_ASKS, Company, cited, company, filled_company

__all__ = ["company", "filled_company"]

SECURITY = "what did the customer say about security on the last call with Acme Corp?"
SECURITY_ZH = "客户在最近一次通话里对数据安全说了什么？"
QUOTE = "Legal wants the SOC2 security report before we sign."


def heard(summary: str = "", *, relevant: tuple[str, ...] = ("F1",)) -> dict[str, object]:
    """What the model says about the quotes it was shown."""
    return {"relevant": list(relevant), "summary": summary}


def test_a_quote_names_the_speaker_and_the_minute(company: Company) -> None:
    company.script(heard())
    answer = company.ask(SECURITY)
    assert answer.status is Status.ANSWERED
    quote = next(text for text, _ in cited(answer) if QUOTE in text)
    for part in ("Maria Lopez", "2026-11-12", "01:10"):
        assert part in quote
    fact = answer.facts[0]
    assert fact.kind is FactKind.SEGMENT
    assert fact.source == "conversation:1#1@01:10"
    assert "Security call" in answer.interpretation


def test_a_supported_summary_stands_first_and_cites_its_quotes(company: Company) -> None:
    company.script(heard("Maria Lopez said that legal wants the SOC2 security report."))
    answer = company.ask(SECURITY)
    assert answer.sentences[0].text.startswith("Maria Lopez said that legal wants")
    assert "F1" in answer.sentences[0].facts
    assert QUOTE in answer.sentences[1].text
    assert answer.dropped == []
    assert (answer.tokens.read, answer.tokens.written) == (10, 5)


@pytest.mark.parametrize(
    ("summary", "invented"),
    [
        ("They want 3 reports for security.", "3"),
        ("They will pay $500 for the security report.", "$500"),
        ("Legal wants the SOC2 security report by 2026-12-01.", "2026-12-01"),
        ("They say that 40% of the security work is done.", "40"),
    ],
)
def test_an_invented_number_is_cut_and_reported(
    company: Company, summary: str, invented: str
) -> None:
    company.script(heard(summary))
    answer = company.ask(SECURITY)
    assert answer.status is Status.ANSWERED
    assert [one.text for one in answer.dropped] == [summary]
    assert invented in answer.dropped[0].reason
    assert summary not in answer.answer
    assert QUOTE in answer.answer


def test_a_chinese_summary_with_an_invented_amount_is_cut(company: Company) -> None:
    company.script(heard("客户要求私有化部署，预算50万元。"))
    answer = company.ask(SECURITY_ZH, by=LINA_ASKS)
    assert len(answer.dropped) == 1
    assert "50万元" not in answer.answer
    assert "数据安全" in answer.answer


def test_the_model_sees_the_quotes_and_the_question_as_data_only(company: Company) -> None:
    model = company.script(heard())
    company.ask(SECURITY)
    prompt = model.prompt()
    assert f"<data>\n{SECURITY}\n</data>" in prompt
    system = model.asked[0][0].content
    assert "SOC2" not in system
    assert SECURITY not in system
    assert prompt.count("<data>") == prompt.count("</data>") == 2


def test_the_last_call_is_the_callers_own(company: Company) -> None:
    company.script(heard())
    mine = company.ask("what did the customer say about security on my last call?", by=ANNA_ASKS)
    assert {fact.source.split("#")[0] for fact in mine.facts} == {"conversation:1"}
    assert "Security call" in mine.interpretation
    company.script(heard("客户最担心数据安全，需要私有化部署。"))
    hers = company.ask(SECURITY_ZH, by=LINA_ASKS)
    assert {fact.source.split("#")[0] for fact in hers.facts} == {"conversation:2"}
    assert hers.language == "zh"
    assert "王伟" in hers.answer
    assert "01:10" in hers.answer
    assert "海星电话" in hers.interpretation


def test_a_last_call_that_says_nothing_widens_to_everything(company: Company) -> None:
    company.script(heard())
    answer = company.ask("what did Acme Corp say about the warranty on the last call?")
    assert answer.status is Status.ANSWERED
    assert {fact.kind for fact in answer.facts} == {FactKind.EMAIL}
    assert "warranty clause in writing" in answer.answer
    assert "searched" in answer.interpretation


@pytest.mark.parametrize(
    "question",
    [
        "what did Acme Corp say about helicopters?",
        "what did Acme Corp say about helicopters on the last call?",
        "客户对直升机说了什么？",
    ],
)
def test_nothing_said_is_told_without_a_model(company: Company, question: str) -> None:
    answer = company.ask(question)
    assert answer.status is Status.NOT_FOUND
    assert answer.facts == []
    assert answer.answer
    assert company.model.asked == []


def test_the_last_email_is_searched_as_an_email(company: Company) -> None:
    company.script(heard())
    answer = company.ask("what did Acme Corp say about the warranty in the last email?")
    assert answer.status is Status.ANSWERED
    assert {fact.kind for fact in answer.facts} == {FactKind.EMAIL}


def test_a_named_person_is_quoted_and_nobody_else(company: Company) -> None:
    company.script(heard())
    answer = company.ask("what did Maria Lopez say about the report?")
    assert answer.status is Status.ANSWERED
    assert all("Maria Lopez" in fact.text for fact in answer.facts)


def test_a_last_call_follows_the_account_that_was_spoken_of(company: Company) -> None:
    company.ask("who owns Acme Corp?", thread="t")
    company.script(heard())
    answer = company.ask("what did the customer say about security on the last call?", thread="t")
    assert {fact.source.split("#")[0] for fact in answer.facts} == {"conversation:1"}


def test_steps_are_told_in_order(company: Company) -> None:
    steps: list[str] = []
    company.script(heard())
    company.ask(SECURITY, on_step=steps.append)
    assert steps == ["plan", "act", "answer", "verify"]


def test_the_story_of_a_deal_is_told_from_its_records(company: Company) -> None:
    answer = company.ask("what happened with Acme renewal?")
    assert answer.status is Status.ANSWERED
    assert "2026-10-20" in answer.answer
    assert "2027-01-20" in answer.answer
    assert all(facts for _, facts in cited(answer))


@pytest.mark.parametrize(
    "question", ["when did we last speak with Acme Corp?", "上次联系Acme Corp是什么时候？"]
)
def test_the_last_contact_is_dated(company: Company, question: str) -> None:
    answer = company.ask(question)
    assert answer.status is Status.ANSWERED
    assert "2026-11-12" in answer.answer
    assert all(facts for _, facts in cited(answer))
