"""The verify step keeps quotes and what their facts carry, and cuts the rest with a reason."""

from typing import Any

from copilot.agent.checking import check_sentences
from copilot.agent.contract import Status
from copilot.agent.desk import Request
from copilot.agent.graph import new_turn
from crm.facts import Fact, FactKind
from crm.principal import Principal
from tests.agent_world import AS_OF

QUOTE = 'Maria Lopez (customer), call "Security call" 2026-11-12, 01:10: "We need 2 reports."'
FACT = Fact(id="F1", kind=FactKind.SEGMENT, text=QUOTE, source="conversation:1#1@01:10")


def checked(*sentences: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Run the verify step over sentences that rest on one quote."""
    state: dict[str, Any] = {
        **new_turn("what did they say?"),
        "language": "en",
        "names": [],
        "needs_model": True,
        "status": Status.ANSWERED.value,
        "facts": [FACT.model_dump(mode="json")],
        "sentences": list(sentences),
        **changes,
    }
    return check_sentences(Request(principal=Principal.local_owner(), as_of=AS_OF), state)


def said(text: str, *facts: str) -> dict[str, Any]:
    return {"text": text, "facts": list(facts)}


def texts(changes: dict[str, Any], key: str) -> list[str]:
    return [one["text"] for one in changes[key]]


def test_a_quotation_stands() -> None:
    changes = checked(said(QUOTE, "F1"))
    assert texts(changes, "sentences") == [QUOTE]
    assert changes["dropped"] == []


def test_a_sentence_that_its_fact_carries_stands() -> None:
    changes = checked(said("They need 2 reports.", "F1"), said(QUOTE, "F1"))
    assert texts(changes, "sentences") == ["They need 2 reports.", QUOTE]


def test_a_sentence_with_another_number_is_cut_with_the_reason() -> None:
    changes = checked(said("They need 5 reports.", "F1"), said(QUOTE, "F1"))
    assert texts(changes, "sentences") == [QUOTE]
    assert texts(changes, "dropped") == ["They need 5 reports."]
    assert "5" in changes["dropped"][0]["reason"]


def test_a_sentence_that_cites_nothing_is_cut() -> None:
    changes = checked(said("They need 2 reports."), said(QUOTE, "F1"))
    assert texts(changes, "sentences") == [QUOTE]
    assert texts(changes, "dropped") == ["They need 2 reports."]


def test_a_sentence_that_cites_an_unknown_fact_is_cut() -> None:
    changes = checked(said("They need 2 reports.", "F9"), said(QUOTE, "F1"))
    assert texts(changes, "sentences") == [QUOTE]


def test_when_nothing_stands_the_ending_is_not_found() -> None:
    changes = checked(said("They need 5 reports for $900.", "F1"))
    assert changes["status"] == Status.NOT_FOUND.value
    assert len(changes["sentences"]) == 1
    assert "900" not in changes["sentences"][0]["text"]
    assert texts(changes, "dropped") == ["They need 5 reports for $900."]


def test_the_reason_is_in_the_language_of_the_question() -> None:
    changes = checked(said("他们需要5份报告。", "F1"), said(QUOTE, "F1"), language="zh")
    assert "事实" in changes["dropped"][0]["reason"]


def test_sentences_of_code_are_left_as_they_are() -> None:
    assert checked(said("Won deals: 5.", "F1"), needs_model=False) == {}
