"""The retrieval eval's own arithmetic, and that its questions are what they say they are."""

from collections import Counter
from importlib.resources import files

import yaml

from evals.retrieval import BUDGETS, RetrievalQuestion, Stretch, words_until


def questions() -> list[RetrievalQuestion]:
    document = yaml.safe_load((files("evals.questions") / "retrieval.yaml").read_text("utf-8"))
    return [RetrievalQuestion.model_validate(item) for item in document["questions"]]


def test_a_reader_stops_before_the_stretch_that_is_too_long() -> None:
    stretches = [Stretch(1, 0, 1, 200.0), Stretch(1, 5, 5, 100.0), Stretch(2, 0, 0, 1.0)]
    assert words_until(stretches, 300) == stretches[:2]
    assert words_until(stretches, 199) == []
    assert BUDGETS == (300, 1_000)


def test_there_are_enough_questions_of_every_sort_and_each_is_asked_once() -> None:
    asked = questions()
    sorts = Counter((each.language, each.said) for each in asked)
    assert sorts["en", "en"] >= 40
    assert sorts["zh", "zh"] >= 30
    assert sorts["zh", "en"] + sorts["en", "zh"] >= 20
    assert len({each.id for each in asked}) == len({each.question for each in asked}) == len(asked)


def test_a_question_on_one_account_names_it_or_who_spoke() -> None:
    for each in questions():
        names_somebody = "{account}" in each.question or "{speaker}" in each.question
        assert names_somebody is (each.nth is not None), each.id
