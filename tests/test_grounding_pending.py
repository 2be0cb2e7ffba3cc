"""Commitments wait for a person; everything else is rewritten or cut, with reasons in words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from copilot.grounding.sentences import CitedSentence, Dropped, Problem, ProblemKind
from copilot.grounding.verifier import Ground, check_sentence, verify, verify_with_rewrite
from crm.facts import Fact, FactKind

ASKED = Fact(
    id="F1",
    kind=FactKind.SEGMENT,
    text='Priya Raman (customer) said: "Can we get 10 % discount?"',
    source="c:1",
)
QUOTE = Fact(
    id="F2", kind=FactKind.RECORD, text="Quote Q-1: total $500, discount 5 %.", source="q:1"
)
GROUND = Ground(
    {"F1": ASKED, "F2": QUOTE},
    date(2026, 11, 16),
    free_names=["Priya Raman"],
    outside={"F1"},
    approved={"F2"},
)
PROMISE = CitedSentence(text="You get a discount of 10 %.", facts=("F1",))
FALSE = CitedSentence(text="You asked for 30 % discount.", facts=("F1",))
TRUE = CitedSentence(text="You asked for 10 % discount.", facts=("F1",))


def test_a_commitment_is_neither_kept_nor_dropped_nor_rewritten() -> None:
    asked: list[Sequence[Dropped]] = []

    def rewrite(failed: Sequence[Dropped]) -> list[CitedSentence]:
        asked.append(failed)
        return [TRUE]

    result = verify_with_rewrite(rewrite, [PROMISE, FALSE], GROUND)
    assert [[each.text for each in failed] for failed in asked] == [[FALSE.text]]
    assert result.kept == [TRUE]
    assert result.dropped == []
    assert [each.sentence for each in result.pending] == [PROMISE]
    assert "10 %" in result.pending[0].what


def test_a_rewrite_that_promises_waits_as_well() -> None:
    result = verify_with_rewrite(lambda _failed: [PROMISE], [FALSE], GROUND)
    assert (result.kept, result.dropped) == ([], [])
    assert [each.sentence for each in result.pending] == [PROMISE]


def test_an_approved_figure_makes_the_commitment_hold() -> None:
    held = CitedSentence(text="You get a discount of 5 %.", facts=("F2",))
    assert verify([held], GROUND).kept == [held]
    bare = replace(GROUND, approved=())
    assert [each.sentence for each in verify([held], bare).pending] == [held]


def test_without_a_notion_of_approval_nothing_waits() -> None:
    result = verify([PROMISE], replace(GROUND, approved=None))
    assert result.pending == []
    assert [each.text for each in result.dropped] == [PROMISE.text]


def test_a_wrong_figure_in_a_commitment_is_cut_not_kept_waiting() -> None:
    wrong = CitedSentence(text="You get a discount of 60 %.", facts=("F1",))
    result = verify([wrong], GROUND)
    assert result.pending == []
    assert len(result.dropped) == 1


def test_praise_acts_and_quotations_are_checked_only_in_what_leaves_the_house() -> None:
    sentence = CitedSentence(text="As agreed, our world-class quote is $500.", facts=("F2",))
    assert {problem.kind for problem in check_sentence(sentence, GROUND)} >= {
        ProblemKind.PRAISE,
        ProblemKind.ACTION,
    }
    assert check_sentence(sentence, replace(GROUND, approved=None)) == []


@pytest.mark.parametrize("kind", list(ProblemKind))
def test_every_kind_of_problem_has_a_message_in_both_languages(kind: ProblemKind) -> None:
    problem = Problem(kind, "x7")
    english, chinese = problem.message("en"), problem.message("zh")
    assert "x7" in english
    assert "x7" in chinese
    assert english.isascii()
    assert not chinese.isascii()
