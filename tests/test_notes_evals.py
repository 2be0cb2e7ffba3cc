"""The evals of notes count what is found and what is invented, and their sets can be read."""

from collections import defaultdict
from datetime import date

import pytest

from copilot.writers.calls.notes import CallNotes, NoteDraft, ProposalDraft
from crm.models import NoteKind, Side
from evals.notes import WRITTEN, Call, DealGiven, Expectation, Turn, judge, load_calls, overall
from evals.notes_demo import run_demo
from evals.notes_score import Tally

CALL = Call(
    id="t",
    language="en",
    day=date(2026, 3, 11),
    deal=DealGiven(amount=1000, currency="USD", stage="Demo", close=date(2026, 4, 1)),  # type: ignore[arg-type]
    people={"r": "Ben", "c": "Rosa"},
    turns=(
        Turn(
            speaker="r",
            text="I'll send it by Friday.",
            expect=(Expectation(kind="commitment", side="ours", due=(date(2026, 3, 13),)),),
        ),
        Turn(
            speaker="c",
            text="We have 900 dollars.",
            expect=(Expectation(field="budget", value="900 USD"),),
            maybe=(Expectation(kind="objection"),),
        ),
    ),
)


def promise(due: date | None, segment: int = 0, side: Side = Side.OURS) -> NoteDraft:
    return NoteDraft(NoteKind.COMMITMENT, "I'll send it", (segment,), "Ben", side, due)


def budget(value: str) -> ProposalDraft:
    return ProposalDraft("opportunity", 1, "bant.budget", None, value, "said", (1,), 0.8)


def judged(*found: NoteDraft | ProposalDraft) -> Tally:
    notes = tuple(each for each in found if isinstance(each, NoteDraft))
    proposals = tuple(each for each in found if isinstance(each, ProposalDraft))
    tallies: dict[str, Tally] = defaultdict(Tally)
    judge(CALL, CallNotes("en", "m", notes, proposals), tallies)
    return overall(tallies)


def test_what_is_right_counts_for_both() -> None:
    total = judged(promise(date(2026, 3, 13)), budget("900 USD"))
    assert (total.recall, total.precision) == (1.0, 1.0)


def test_nothing_claimed_finds_nothing_and_invents_nothing() -> None:
    total = judged()
    assert (total.recall, total.precision) == (0.0, 1.0)


@pytest.mark.parametrize(
    "wrong",
    [
        promise(date(2026, 3, 14)),
        promise(date(2026, 3, 13), segment=1),
        promise(date(2026, 3, 13), side=Side.CUSTOMER),
        budget("9000 USD"),
    ],
)
def test_a_wrong_day_place_side_or_value_is_missed_and_invented(
    wrong: NoteDraft | ProposalDraft,
) -> None:
    total = judged(wrong)
    assert (total.found, total.false) == (0, 1)


def test_what_may_be_said_is_not_wanted_and_not_false() -> None:
    total = judged(NoteDraft(NoteKind.OBJECTION, "x", (1,), "Rosa", Side.CUSTOMER))
    assert (total.wanted, total.found, total.false) == (2, 0, 0)


@pytest.mark.parametrize("name", WRITTEN)
def test_every_written_set_is_complete(name: str) -> None:
    calls = load_calls(name)
    assert {call.language for call in calls} == {"en", "zh"}
    for call in calls:
        assert {turn.speaker for turn in call.turns} <= set(call.people)
        for turn in call.turns:
            for wanted in (*turn.expect, *turn.maybe):
                assert (wanted.kind is None) != (wanted.field is None), (call.id, turn.text)


@pytest.mark.slow
def test_what_the_demo_plants_is_found_and_little_else_is_claimed() -> None:
    total = overall(run_demo(limit=12))
    assert total.wanted > 50
    assert total.recall >= 0.95
    assert total.precision >= 0.95
