"""What the verifier says about single sentences, and what happens to those that fail."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from copilot.grounding.sentences import CitedSentence, Dropped
from copilot.grounding.verifier import Ground, check_sentence, verify, verify_with_rewrite
from crm.facts import Fact, FactKind

TODAY = date(2026, 11, 16)
TABLE: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "cases/verifier_sentences.yaml").read_text("utf-8")
)
FACTS = {
    name: Fact(
        id=name,
        source=f"test:{name}",
        **{key: value for key, value in spec.items() if key != "outside"},
    )
    for name, spec in TABLE["facts"].items()
}
OUTSIDE = {name for name, spec in TABLE["facts"].items() if spec.get("outside")}
GROUND = Ground(FACTS, TODAY, outside=OUTSIDE)


def fact(text: str, **columns: Any) -> Fact:
    return Fact(
        id="F1", kind=columns.pop("kind", FactKind.RECORD), text=text, source="t:1", **columns
    )


def kinds(text: str, evidence: Fact, **ground: Any) -> list[str]:
    problems = check_sentence(
        CitedSentence(text=text, facts=("F1",)), Ground({"F1": evidence}, TODAY, **ground)
    )
    return [problem.kind.value for problem in problems]


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: f"{case['text']} {case['facts']}")
def test_sentence_is_judged_as_the_table_says(case: dict[str, Any]) -> None:
    problems = check_sentence(CitedSentence(text=case["text"], facts=tuple(case["facts"])), GROUND)
    found = {problem.kind.value for problem in problems}
    assert case.get("problem") in found if "problem" in case else not found, problems


@pytest.mark.parametrize(
    ("sentence", "text", "expected"),
    [
        ("The budget is 1.2 million.", "Budget 1,200,000 in all.", []),
        ("About 50 seats are in use.", "Seats in use: 52.", []),
        ("50 seats are in use.", "Seats in use: 52.", ["number"]),
        ("A dozen sites go first.", "Sites that go first: 12.", []),
        ("Half of the sites go first.", "Share that goes first: 50 %.", []),
        ("25 seats are in use.", "Share in use: 25 %.", ["number"]),
        ("The deal closes in Q4.", "Expected close 2026-12-18.", []),
        ("The deal closes in Q3.", "Expected close 2026-12-18.", ["date"]),
        ("The deal closes in December.", "Expected close 2026-12-18.", []),
        ("The deal closes on 18 December.", "Expected close in December 2026.", ["date"]),
        ("We need 12 to 14 November.", "Free from 12-14 November.", []),
        ("We need 12 to 15 November.", "Free from 12-14 November.", ["date"]),
        ("We talked at 3 pm.", "Call at 15:00.", []),
        ("We talked at 4 pm.", "Call at 15:00.", ["time"]),
        ("You need SOC-2.", "Is SOC 2 covered?", []),
        ("You need SOC 3.", "Is SOC 2 covered?", ["name"]),
        ("You need GTX 50.", "The GTX 500 is old.", ["name"]),
        ("It is two things: speed and cost.", "Speed and cost matter.", []),
        ("下午三点半开会。", "会议 15:30 开始。", []),
        ("下午四点开会。", "会议 15:30 开始。", ["time"]),
        ("共有三十多家门店。", "门店 31 家。", []),
        ("万一延期也不要紧，十分感谢。", "延期不要紧。", []),
        ("三分之一的账号闲置。", "闲置账号占 33.3%。", []),
        ("三分之二的账号闲置。", "闲置账号占 33.3%。", ["percentage"]),
        ("三季度成交。", "成交日 2026-08-05。", []),
        ("大地科技公司很满意。", "华晨科技公司很满意。", ["name"]),
    ],
)
def test_formats_are_compared_by_meaning(sentence: str, text: str, expected: list[str]) -> None:
    assert kinds(sentence, fact(text)) == expected


def test_fact_value_supports_money_and_ratio_without_being_in_the_text() -> None:
    assert (
        kinds("It is worth €1,500.", fact("Amount of the deal.", value=1500, currency="EUR")) == []
    )
    assert kinds(
        "It is worth $1,500.", fact("Amount of the deal.", value=1500, currency="EUR")
    ) == ["amount"]
    assert kinds("The rate is 37.5 %.", fact("Win rate.", value=0.375, unit="ratio")) == []


def test_sender_and_recipient_need_no_fact() -> None:
    evidence = fact("The demo is agreed.")
    assert kinds("Anna and Tom agreed on the demo.", evidence) == ["name", "name"]
    assert (
        kinds(
            "Anna and Tom agreed on the demo.", evidence, free_names=["Anna Schmidt", "Tom Becker"]
        )
        == []
    )


def test_known_names_are_found_where_their_form_does_not_show_them() -> None:
    evidence = fact("客户希望尽快上线。")
    assert kinds("晨光希望尽快上线。", evidence) == []
    assert kinds("晨光希望尽快上线。", evidence, known_names=["晨光"]) == ["name"]


def test_call_segments_count_as_the_customers_words_unless_told_otherwise() -> None:
    spoken = fact('Somebody said: "The discount is 60 %."', kind=FactKind.SEGMENT)
    assert kinds("The discount is 60 %.", spoken) == ["promise"]
    assert kinds("The discount is 60 %.", spoken, outside=()) == []


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("You asked whether Okta is supported: it does.", "ask"),
        ("You asked about Okta. We support it.", "ask"),
        ("您问到折扣：可以。", "zh_ask"),
        ("You asked us to send the security whitepaper.", "ours"),
        ("您提到这周要安全白皮书。", "zh_ours"),
    ],
)
def test_neither_side_speaks_with_the_others_words(text: str, cited: str) -> None:
    problems = check_sentence(CitedSentence(text=text, facts=(cited,)), GROUND)
    assert "speaker" in {problem.kind.value for problem in problems}


def test_verify_keeps_order_and_gives_reasons_in_the_language_asked_for() -> None:
    sentences = [
        CitedSentence(text="The deal is worth $120,000.", facts=("deal",)),
        CitedSentence(text="The deal is worth $999.", facts=("deal",)),
        CitedSentence(text="Thank you.", facts=()),
    ]
    result = verify(sentences, Ground(FACTS, TODAY, "zh", outside=OUTSIDE))
    assert [sentence.text for sentence in result.kept] == [
        "The deal is worth $120,000.",
        "Thank you.",
    ]
    assert result.dropped == [
        Dropped(text="The deal is worth $999.", reason="引用的事实里没有金额“$999”")
    ]


def test_failing_sentences_are_rewritten_once_together_then_dropped() -> None:
    asked: list[Sequence[Dropped]] = []

    def rewrite(failed: Sequence[Dropped]) -> list[CitedSentence]:
        asked.append(failed)
        return [
            CitedSentence(text="The deal is worth $120,000.", facts=("deal",)),
            CitedSentence(text="It closes in May.", facts=("deal",)),
        ]

    sentences = [
        CitedSentence(text="The deal is worth $1.", facts=("deal",)),
        CitedSentence(text="Thanks a lot.", facts=()),
        CitedSentence(text="It closes in June.", facts=("deal",)),
        CitedSentence(text="It closes in July.", facts=("deal",)),
    ]
    result = verify_with_rewrite(rewrite, sentences, GROUND)
    assert len(asked) == 1
    assert [each.text for each in asked[0]] == [
        sentences[0].text,
        sentences[2].text,
        sentences[3].text,
    ]
    assert [each.text for each in result.kept] == ["The deal is worth $120,000.", "Thanks a lot."]
    assert [each.text for each in result.dropped] == ["It closes in May.", "It closes in July."]


def test_nothing_is_rewritten_when_everything_holds() -> None:
    def rewrite(_failed: Sequence[Dropped]) -> list[CitedSentence]:
        raise AssertionError("no call was needed")

    held = [CitedSentence(text="The deal is worth $120,000.", facts=("deal",))]
    assert verify_with_rewrite(rewrite, held, GROUND).kept == held
