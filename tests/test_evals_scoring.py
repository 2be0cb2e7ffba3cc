"""The scorer of evals tells right answers from wrong numbers, wrong names and refusals."""

from typing import Any

import pytest

from evals.gold import Gold, Question, Row
from evals.scoring import Score, Verdict, score


def gold(
    kind: str, *readings: list[Row], universe: set[str] = frozenset(), **settings: Any
) -> Gold:
    question = Question.model_validate(
        {"id": "q", "kind": kind, "question": "?", "language": "en", **settings}
    )
    found = tuple(tuple(rows) for rows in readings)
    return Gold(question, found, frozenset(universe), {"Price": ("价格",)})


def answer(*said: tuple[str, Any, str | None], status: str = "answered") -> dict[str, Any]:
    """Build a document with a sentence and a fact for each text, value and currency."""
    facts = [
        {"id": f"F{n}", "kind": "metric", "text": text, "value": value, "currency": currency}
        for n, (text, value, currency) in enumerate(said)
    ]
    sentences = [{"text": text, "facts": [f"F{n}"]} for n, (text, *_) in enumerate(said)]
    text = " ".join(one["text"] for one in sentences)
    return {"status": status, "answer": text, "sentences": sentences, "facts": facts}


def verdict(found: Score) -> str:
    return found.verdict.value


def test_a_cited_number_that_is_shown_is_right() -> None:
    assert (
        verdict(score(gold("number", [Row(value=1204)]), answer(("1,204 deals.", 1204, None))))
        == "right"
    )


def test_another_number_is_wrong_and_counted_as_stated() -> None:
    found = score(gold("number", [Row(value=1204)]), answer(("1,205 deals.", 1205, None)))
    assert found.verdict is Verdict.WRONG
    assert found.states_number


def test_a_number_that_is_cited_and_not_shown_is_wrong() -> None:
    found = score(gold("number", [Row(value=1204)]), answer(("Quite a few deals.", 1204, None)))
    assert found.verdict is Verdict.WRONG


def test_a_number_that_is_shown_and_in_no_fact_is_wrong() -> None:
    found = score(gold("number", [Row(value=12)]), answer(("12 of 30 deals.", 30, None)))
    assert found.verdict is Verdict.WRONG


def test_the_right_number_after_a_wrong_headline_is_wrong() -> None:
    said = answer(("9 deals were won.", 9, None), ("12 were open.", 12, None))
    assert verdict(score(gold("number", [Row(value=12)]), said)) == "wrong"


def test_extra_facts_after_the_headline_are_fine() -> None:
    said = answer(("12 were won.", 12, None), ("9 are open.", 9, None))
    assert verdict(score(gold("number", [Row(value=12)]), said)) == "right"


def test_another_currency_is_wrong() -> None:
    wanted = gold("number", [Row(value=500, currency="USD")])
    assert verdict(score(wanted, answer(("¥500", 500, "CNY")))) == "wrong"
    assert verdict(score(wanted, answer(("$500", 500, "USD")))) == "right"


def test_every_currency_has_to_be_stated() -> None:
    wanted = gold("number", [Row(value=500, currency="USD"), Row(value=70, currency="CNY")])
    both = answer(("$500", 500, "USD"), ("¥70", 70, "CNY"))
    assert verdict(score(wanted, both)) == "right"
    assert verdict(score(wanted, answer(("$500", 500, "USD")))) == "wrong"


def test_counts_are_exact_and_averages_may_be_rounded() -> None:
    said = answer(("43.9 days", 43.9, None))
    assert verdict(score(gold("number", [Row(value=43.75)]), said)) == "wrong"
    assert verdict(score(gold("number", [Row(value=43.75)], about=True), said)) == "right"


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("63.7%", 0.63748, "right"),
        ("64 %", 0.63748, "right"),
        ("$2.6 million", 2_569_402, "right"),
        ("257万元", 2_569_402, "right"),
        ("1,204.50", 1204.5, "right"),
        ("65%", 0.63748, "wrong"),
        ("$2.7 million", 2_569_402, "wrong"),
    ],
)
def test_numbers_are_read_as_they_are_written(text: str, value: float, shown: str) -> None:
    assert verdict(score(gold("number", [Row(value=value)]), answer((text, value, None)))) == shown


def test_any_honest_reading_is_accepted() -> None:
    wanted = gold("number", [Row(value=128)], [Row(value=77)])
    assert verdict(score(wanted, answer(("77 deals", 77, None)))) == "right"


def test_a_refusal_is_neither_right_nor_wrong() -> None:
    found = score(gold("number", [Row(value=3)]), answer(status="not_found"))
    assert found.verdict is Verdict.REFUSED


def test_nothing_found_is_right_where_there_is_nothing() -> None:
    wanted = gold("number", [Row(value=0)])
    assert verdict(score(wanted, answer(status="not_found"))) == "right"
    assert verdict(score(wanted, answer(("0 cases", 0, None)))) == "right"
    assert verdict(score(wanted, answer(("4 cases", 4, None)))) == "wrong"


RANKS = [Row("Ann Lee", 9), Row("Bo Chu", 7), Row("Cy Dow", 7)]


def test_the_first_of_a_ranking_needs_name_and_value() -> None:
    wanted = gold("ranking", RANKS)
    assert verdict(score(wanted, answer(("Ann Lee won 9.", 9, None)))) == "right"
    assert verdict(score(wanted, answer(("Ann Lee won 8.", 8, None)))) == "wrong"
    assert verdict(score(wanted, answer(("Bo Chu leads with 9.", 9, None)))) == "wrong"
    assert (
        verdict(score(wanted, answer(("Bo Chu 7.", 7, None), ("Ann Lee 9.", 9, None)))) == "wrong"
    )


def test_ties_may_stand_in_either_order() -> None:
    said = answer(("Ann Lee 9", 9, None), ("Cy Dow 7", 7, None), ("Bo Chu 7", 7, None))
    assert verdict(score(gold("ranking", RANKS, top=3), said)) == "right"


def test_the_second_of_a_ranking_is_not_the_first() -> None:
    wanted = gold("ranking", [Row("A1", 9), Row("B2", 8), Row("C3", 7)], nth=2)
    assert verdict(score(wanted, answer(("B2 with 8", 8, None)))) == "right"
    assert verdict(score(wanted, answer(("A1 with 9", 9, None)))) == "wrong"


def test_part_of_a_longer_name_is_not_the_name() -> None:
    wanted = gold("ranking", [Row("Max Ultra", 9), Row("Max", 7)])
    assert verdict(score(wanted, answer(("Max Ultra 9", 9, None)))) == "right"
    wanted = gold("ranking", [Row("Max", 9), Row("Max Ultra", 7)])
    assert verdict(score(wanted, answer(("Max Ultra 9", 9, None)))) == "wrong"


def test_months_and_quarters_may_be_written_in_words() -> None:
    wanted = gold("ranking", [Row("2017-10", 5), Row("2017-01", 3)])
    assert verdict(score(wanted, answer(("October 2017: 5", 5, None)))) == "right"
    wanted = gold("ranking", [Row("2025 Q4", 5), Row("2025 Q1", 3)])
    assert verdict(score(wanted, answer(("第四季度 5 单", 5, None)))) == "right"


def test_a_list_holds_all_and_only_the_right_names() -> None:
    rows, universe = [Row("Acme"), Row("Beta")], {"Acme", "Beta", "Corp"}
    wanted = gold("list", rows, universe=universe)
    assert verdict(score(wanted, answer(("Acme, Beta", 2, None)))) == "right"
    assert verdict(score(wanted, answer(("Acme", 1, None)))) == "wrong"
    assert verdict(score(wanted, answer(("Acme, Beta, Corp", 3, None)))) == "wrong"


def test_a_text_may_be_in_the_other_language() -> None:
    wanted = gold("text", [Row("Price")])
    assert verdict(score(wanted, answer(("主要是价格。", None, None)))) == "right"
    assert verdict(score(wanted, answer(("主要是竞争。", None, None)))) == "wrong"


def test_the_unanswerable_is_to_be_refused_without_a_number() -> None:
    wanted = gold("unanswerable")
    assert verdict(score(wanted, answer(status="declined"))) == "right"
    assert verdict(score(wanted, answer(("12 deals", 12, None), status="declined"))) == "wrong"
    assert verdict(score(wanted, answer(("12 deals", 12, None)))) == "wrong"


def test_a_nought_is_honest_only_where_it_is_allowed() -> None:
    nought = answer(("0 deals", 0, None))
    assert verdict(score(gold("unanswerable", zero_ok=True), nought)) == "right"
    assert verdict(score(gold("unanswerable"), nought)) == "wrong"


def test_the_ambiguous_is_asked_back_or_answered_for_each() -> None:
    wanted = gold("ambiguous", [Row("Carla M", 5), Row("Carla S", 3)])
    assert verdict(score(wanted, answer(status="ambiguous"))) == "right"
    assert verdict(score(wanted, answer(("M 5", 5, None), ("S 3", 3, None)))) == "right"
    assert verdict(score(wanted, answer(("Carla 8", 8, None)))) == "wrong"


def test_a_question_in_two_parts_has_a_headline_of_two_sentences() -> None:
    said = answer(("5 deals slipped.", 5, None), ("They are worth $90.", 90, "USD"))
    wanted = [Row(value=90, currency="USD")]
    assert verdict(score(gold("number", wanted, parts=2), said)) == "right"
    assert verdict(score(gold("number", wanted), said)) == "wrong"


def test_names_beside_those_of_a_list_are_fine_where_they_are_expected() -> None:
    said = answer(("Acme, owned by Corp", 1, None))
    wanted = {"universe": {"Acme", "Corp"}}
    assert (
        verdict(score(gold("list", [Row("Acme")], may_mention=["Corp"], **wanted), said)) == "right"
    )
    assert verdict(score(gold("list", [Row("Acme")], **wanted), said)) == "wrong"


def test_a_count_before_the_first_of_a_ranking_does_no_harm() -> None:
    said = answer(("30 reps.", 30, None), ("Ann Lee won 9.", 9, None))
    assert verdict(score(gold("ranking", RANKS), said)) == "right"
