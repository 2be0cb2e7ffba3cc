from datetime import date

import pytest

from copilot.grounding.sentences import CitedSentence, ProblemKind
from copilot.grounding.verifier import Ground, check_sentence
from crm.facts import Fact, FactKind

THEIRS = 'Marcus Bell (customer) said: "Our security team needs to see your SOC 2 report."'
OURS = 'Anna Lindqvist (our side) said: "We send our report to your team by Friday."'


def problems(text: str, said: str, *, outside: bool) -> set[ProblemKind]:
    fact = Fact(id="F1", kind=FactKind.SEGMENT, text=said, source="conversation:1#1")
    ground = Ground(
        facts={"F1": fact},
        today=date(2026, 11, 16),
        free_names=["Marcus Bell", "Anna Lindqvist"],
        outside={"F1"} if outside else set(),
    )
    return {one.kind for one in check_sentence(CitedSentence(text=text, facts=("F1",)), ground)}


@pytest.mark.parametrize(
    ("text", "said", "outside"),
    [
        ("You asked whether our security team can see your SOC 2 report.", THEIRS, True),
        ("You mentioned that your SOC 2 report is needed.", THEIRS, True),
        ("I will send your report by Friday.", OURS, False),
        ("您提到我们有二十五家门店。", "王总（客户）：“我们有二十五家门店。”", True),
    ],
)
def test_a_thing_that_changes_hands_is_a_problem(text: str, said: str, outside: bool) -> None:
    assert ProblemKind.SPEAKER in problems(text, said, outside=outside)


@pytest.mark.parametrize(
    ("text", "said", "outside"),
    [
        ("You mentioned that your security team needs to see our SOC 2 report.", THEIRS, True),
        ("You said: “Our security team needs to see your SOC 2 report.”", THEIRS, True),
        ("We send our report to your team by Friday.", OURS, False),
        ("您提到贵司有二十五家门店。", "王总（客户）：“我们有二十五家门店。”", True),
    ],
)
def test_pronouns_seen_from_the_writer_pass(text: str, said: str, outside: bool) -> None:
    assert ProblemKind.SPEAKER not in problems(text, said, outside=outside)
