"""Numbers of the question answerer are exact, cited and plain, in English and Chinese."""

import re
from typing import Any

import pytest

from copilot.agent.contract import Answer, Status
from crm.facts import Fact, FactKind
from tests.agent_world import (
    ANNA_ASKS,
    AS_OF,
    GRACE_ASKS,
    LINA_ASKS,
    Company,
    cited,
    company,
    computed,
    filled_company,
    sources,
)

__all__ = ["company", "filled_company"]

USD, CNY = "USD", "CNY"

# Question → the value of every computed fact, in order.
EXACT: dict[str, list[Any]] = {
    "how many deals did Anna Berg win?": [3],
    "Anna Berg赢了多少单？": [3],
    "how many deals were won in 2026?": [5],
    "2026年赢单多少个？": [5],
    "how much did Tom Reed sell?": [(20_000, USD)],
    "what is the total won amount in Q3 2026?": [(80_000, CNY), (25_000, USD)],
    "2026年第三季度成交金额是多少？": [(80_000, CNY), (25_000, USD)],
    "what is the pipeline of West?": [(18_000, USD)],
    "what is the average deal size of Anna Berg?": [(20_000, USD)],
    "Anna Berg的平均客单价是多少？": [(20_000, USD)],
    "median deal size of Anna Berg": [(20_000, USD)],
    "how long is the sales cycle of 李娜?": [61],
    "what is the win rate of Anna Berg?": [0.75],
    "李娜的赢率是多少？": [0.666667],
    "what is the win rate by owner?": [0.75, 0.666667, 0.5],
    "how many deals did Anna Berg win and what is her win rate?": [0.75, 3],
    "what share of won deals came from East?": [0.428571],
    "上海的赢单占比是多少？": [0.285714],
    "what share of deals do we win?": [0.636364],
    "how many deals over $10,000 did Anna Berg win?": [2],
    "how many won deals are under $10,000?": [1],
    "which reps won more than 2 deals?": [1, 3],
    "哪些销售赢单超过2个？": [1, 3],
    "how many reps won more than 1 deal?": [3],
    "how many reps won more than 2 deals?": [1],
    "有多少销售赢单超过2个？": [1],
    "how many reps won more than 1 deal in 2026?": [2],
    "how many regions are there?": [3],
    "有多少个区域？": [3],
    "how many accounts are there?": [6],
    "有多少个客户？": [6],
    "how many deals did we win excluding East?": [4],
    "how many deals did we lose because of price?": [2],
    "how many accounts have no industry?": [1],
    "how many open cases are there?": [1],
    "what is the average case handle time?": [36],
    "what is the customer satisfaction of Acme Corp?": [4.5],
    "how many overdue tasks does Anna Berg have?": [1],
    "how many calls did Tom Reed make?": [0],
    "how much did we win in the East in Q1 2026?": [0],
    "list the reps who won more than 1 deal in Q3 2026": [0],
}

COMPARED: dict[str, list[Any]] = {
    "compare won deals in 2025 and 2026": [2, 5, 3],
    "2025年和2026年的赢单数相比差多少？": [2, 5, 3],
    "how many more deals did Anna Berg win than Tom Reed?": [3, 2, 1],
    "what is the difference in won amount between Anna Berg and Tom Reed?": [
        (60_000, USD), (20_000, USD), (40_000, USD),
    ],
    "win rate of East vs West": [0.75, 0.5, 0.25],
}  # fmt: skip

# Question → what the first sentence says, and what it does not say.
RANKED: dict[str, tuple[list[str], list[str]]] = {
    "who won the most deals?": (["Anna Berg", "3"], ["Tom Reed", "李娜"]),
    "谁赢单最多？": (["Anna Berg", "3"], ["Tom Reed", "李娜"]),
    "who won the fewest deals?": (["Tom Reed", "李娜", "2"], ["Anna Berg"]),
    "who has the second most won deals?": (["Tom Reed", "李娜", "2"], ["Anna Berg"]),
    "who is the third best rep by win rate?": (["Tom Reed", "50%"], ["Anna Berg", "李娜"]),
    "which region has the highest win rate?": (["East", "75%"], ["West", "上海"]),
    "哪个区域的赢率最高？": (["East", "75%"], ["West", "上海"]),
    "what is the lowest win rate by region?": (["West", "50%"], ["East", "上海"]),
    "which owner has the lowest win rate?": (["Tom Reed", "50%"], ["Anna Berg", "李娜"]),
}

# Question → the records listed and the count before them.
LISTED: dict[str, tuple[Any, set[str]]] = {
    "list the open deals": (4, {f"opportunity:{n}" for n in (12, 13, 14, 15)}),
    "列出进行中的商机": (4, {f"opportunity:{n}" for n in (12, 13, 14, 15)}),
    "deals without an account": (1, {"opportunity:15"}),
    "没有客户的商机有哪些？": (1, {"opportunity:15"}),
    "which deals over $20,000 did we win?": (1, {"opportunity:3"}),
    "what are the top 2 open deals of Anna Berg by amount?": (
        (29_000, USD), {"opportunity:12", "opportunity:15"},
    ),
}  # fmt: skip

SLIPPED = [
    "which of Anna's deals slipped this quarter, and what are they worth?",
    "Anna Berg本季度延期了哪些商机？",
]


@pytest.mark.parametrize("question", EXACT)
def test_a_number_is_exact(company: Company, question: str) -> None:
    answer = company.ask(question)
    assert answer.status is Status.ANSWERED
    assert computed(answer) == EXACT[question]


@pytest.mark.parametrize("question", COMPARED)
def test_a_comparison_computes_the_difference(company: Company, question: str) -> None:
    answer = company.ask(question)
    assert answer.status is Status.ANSWERED
    assert computed(answer) == COMPARED[question]


def test_a_fall_is_told_as_a_fall(company: Company) -> None:
    answer = company.ask("compare won deals in Q3 2026 and Q4 2026")
    assert computed(answer) == [3, 1, -2]
    assert "fell by 2" in answer.answer


@pytest.mark.parametrize("question", RANKED)
def test_a_ranking_names_the_place_asked_for(company: Company, question: str) -> None:
    said, unsaid = RANKED[question]
    answer = company.ask(question)
    assert answer.status is Status.ANSWERED
    first = answer.sentences[0].text
    assert all(word in first for word in said), first
    assert not any(word in first for word in unsaid), first


def test_money_is_ranked_in_each_currency_by_itself(company: Company) -> None:
    answer = company.ask("which product sold best?")
    best = [one.text for one in answer.sentences if "highest won amount" in one.text]
    assert len(best) == 2
    assert any("Atlas One" in text and "¥80,000" in text for text in best)
    assert any("Atlas Pro" in text and "$50,000" in text for text in best)


def test_the_top_n_are_shown_best_first(company: Company) -> None:
    answer = company.ask("top 2 products by win rate")
    assert [fact.value for fact in answer.facts if fact.unit == "ratio"] == [0.75, 0.666667]
    assert [one.text.split(":")[0] for one in answer.sentences[1:3]] == ["Atlas Pro", "Beacon Lite"]


def test_a_share_adds_up_to_one_in_each_currency(company: Company) -> None:
    answer = company.ask("what is the share of won amount by region?")
    assert sorted(computed(answer)) == [(0.25, USD), (0.75, USD), (1, CNY)]


@pytest.mark.parametrize("question", LISTED)
def test_a_list_names_the_records_behind_the_count(company: Company, question: str) -> None:
    count, records = LISTED[question]
    answer = company.ask(question)
    assert answer.status is Status.ANSWERED
    assert computed(answer)[0] == count
    assert sources(answer, "opportunity:") == records


@pytest.mark.parametrize("question", SLIPPED)
def test_slipped_deals_come_with_their_worth_and_their_names(
    company: Company, question: str
) -> None:
    answer = company.ask(question)
    assert computed(answer) == [1, (25_000, USD)]
    assert sources(answer, "opportunity:") == {"opportunity:12"}
    assert "2026-10-01" in answer.interpretation
    assert "2026-12-31" in answer.interpretation


def test_a_first_person_question_is_about_the_caller(company: Company) -> None:
    asked = "how many deals did I win in 2026?"
    assert computed(company.ask(asked, by=ANNA_ASKS)) == [2]
    assert computed(company.ask(asked, by=LINA_ASKS)) == [1]
    assert computed(company.ask("我今年赢了多少单？", by=LINA_ASKS)) == [1]
    mine = company.ask("what are my open deals?", by=ANNA_ASKS)
    assert sources(mine, "opportunity:") == {"opportunity:12", "opportunity:15"}


def test_a_managers_team_is_those_who_report_to_her(company: Company) -> None:
    answer = company.ask("how many deals did my team win?", by=GRACE_ASKS)
    assert computed(answer) == [7]
    assert "Grace Kim" in answer.interpretation


def test_a_named_person_is_not_replaced_by_the_caller(company: Company) -> None:
    answer = company.ask("how many deals did Tom Reed win?", by=ANNA_ASKS)
    assert computed(answer) == [2]
    assert "Anna" not in answer.interpretation


def test_the_interpretation_says_what_was_computed(company: Company) -> None:
    answer = company.ask("how much did Anna Berg sell in Q3 2026?")
    for part in ("won amount", "2026-07-01", "2026-09-30", "Anna Berg", "2026-11-16"):
        assert part in answer.interpretation
    assert "截至2026-11-16" in company.ask("Anna Berg赢了多少单？").interpretation


@pytest.mark.parametrize("question", ["Anna Berg赢了多少单？", "列出进行中的商机"])
def test_a_chinese_question_is_answered_in_chinese(company: Company, question: str) -> None:
    answer = company.ask(question)
    assert answer.language == "zh"
    assert "商机" in answer.answer
    assert "deals" not in answer.answer


ALL = [*EXACT, *COMPARED, *RANKED, *LISTED, *SLIPPED]
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_PLACE = re.compile(r"number \d+ (?:highest|lowest)|排第\d+")


def numbers(text: str) -> set[float]:
    return {float(found.replace(",", "")) for found in _NUMBER.findall(text)}


@pytest.mark.parametrize("question", ALL)
def test_every_number_of_an_answer_stands_in_a_fact_it_cites(
    company: Company, question: str
) -> None:
    answer = company.ask(question)
    for text, facts in cited(answer):
        assert facts, f"{text!r} cites nothing"
        known = {number for fact in facts for number in numbers(fact.text)}
        missing = numbers(_PLACE.sub("", text)) - known
        assert not missing, f"{missing} of {text!r} stand in no cited fact"


@pytest.mark.parametrize("question", ALL)
def test_every_computed_fact_is_a_receipt(company: Company, question: str) -> None:
    answer = company.ask(question)
    for fact in answer.facts:
        assert fact.as_of == AS_OF
        assert fact.source
        if fact.kind is FactKind.METRIC:
            check_receipt(fact)


def check_receipt(fact: Fact) -> None:
    """The value is a plain number that the text states; rows and source are filled."""
    assert type(fact.value) in {int, float}, fact
    assert fact.rows is not None
    assert fact.source.startswith("metric:")
    assert (fact.currency is not None) == (fact.unit == "money" and fact.value != 0) or (
        fact.unit == "ratio"
    )
    if fact.value == 0:
        return  # "none", "no change": zero is said in words
    scale = 100 if fact.unit == "ratio" else 1
    wanted = abs(float(fact.value)) * scale  # type: ignore[arg-type]
    assert any(abs(number - wanted) < 0.006 for number in numbers(fact.text)), fact


def test_an_answer_keeps_the_published_shape(company: Company) -> None:
    shown = company.ask("how many deals did Anna Berg win?", thread="kept").model_dump(mode="json")
    assert shown["status"] == "answered"
    assert shown["tokens"] == {"in": 0, "out": 0}
    assert shown["thread_id"] == "kept"
    assert shown["sentences"] == [{"text": shown["answer"], "facts": ["F1"]}]
    assert shown["facts"][0]["value"] == 3
    assert Answer.model_validate(shown).facts[0].rows == 3
