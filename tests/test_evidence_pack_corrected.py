"""Older words on a figure that the customer has corrected since are left out of a pack."""

import pytest

from copilot.grounding.pack.corrected import without_corrected
from copilot.grounding.pack.found import Found
from copilot.grounding.pack.model import Role
from crm.facts import Fact, FactKind
from tests.profile_seed import at


def found(words: str, day: int, role: Role = Role.THEIR_NEED) -> Found:
    fact = Fact(
        kind=FactKind.SEGMENT, text=words, as_of=at(11, day), source=f"conversation:{day}#1"
    )
    return Found(fact, role, quote=words)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("We need 40 sensors.", "A correction: it is 65 sensors, not 40."),
        ("We need 40 sensors.", "Please plan 65 sensors instead of 40."),
        ("第一期需要40个传感器。", "第一期需要65个传感器，不是40个。"),
    ],
)
def test_a_withdrawn_figure_goes_with_what_we_said_on_it(older: str, newer: str) -> None:
    old, new = found(older, 2), found(newer, 9)
    ours = found(older, 3, Role.OUR_WORDS)
    assert without_corrected([old, new, ours]) == [new]


@pytest.mark.parametrize(
    ("other", "newer"),
    [
        ("We need 400 sensors.", "It is 65 sensors, not 40."),
        ("The audit takes 40 days.", "It is 65 sensors, not 40."),
        ("We need 40 sensors.", "We need 65 sensors."),
    ],
)
def test_what_was_not_withdrawn_stays(other: str, newer: str) -> None:
    old, new = found(other, 2), found(newer, 9)
    assert without_corrected([old, new]) == [old, new]


def test_what_is_said_after_the_correction_stays() -> None:
    new, later = found("It is 65 sensors, not 40.", 2), found("We need 40 sensors now.", 9)
    assert without_corrected([new, later]) == [new, later]
