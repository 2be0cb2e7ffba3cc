"""The matrix of roles, policies, surfaces and kinds of data: no leak, and it would see one."""

from pathlib import Path

import pytest
from sqlalchemy import true

from evals.access_matrix import Found, look_for_leaks

READING = ("record", "lists", "timeline", "rows behind", "names", "drafts")


def leaking(found: Found) -> set[tuple[str, str]]:
    return {(one.surface, one.kind) for one in found.leaks}


@pytest.mark.slow
def test_reading_records_tells_what_the_filter_row_by_row_lets_through(tmp_path: Path) -> None:
    found = look_for_leaks(
        tmp_path, seed=11, size=3, surfaces=READING, under=("strict", "random 1")
    )

    assert leaking(found) == set()
    assert found.different == []
    assert found.cells > 30
    assert found.compared >= 15
    assert found.shown > 100


def test_the_matrix_sees_a_name_that_is_joined_without_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.views.readable", lambda _entity, _principal: true())

    found = look_for_leaks(tmp_path, seed=11, size=3, surfaces=("record",), under=("strict",))

    assert ("record", "Account") in leaking(found)
    assert found.different


def test_the_matrix_sees_a_field_that_is_not_kept_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.views.withheld", lambda _model, _principal: frozenset())

    found = look_for_leaks(tmp_path, seed=11, size=3, surfaces=("record",), under=("strict",))

    assert leaking(found) == {("record", "personal fields")}


def test_the_matrix_sees_into_the_rows_that_evidence_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathering = "copilot.writers.proposals.evidence"
    monkeypatch.setattr(f"{gathering}.withheld", lambda _model, _principal: frozenset())
    monkeypatch.setattr(f"{gathering}.withhold", lambda rows, _principal: list(rows))

    found = look_for_leaks(
        tmp_path, seed=1, size=4, surfaces=("proposal evidence",), under=("strict",)
    )

    assert leaking(found) == {
        ("proposal evidence", "personal fields"), ("proposal evidence", "margin fields")
    }  # fmt: skip


def test_the_matrix_sees_what_an_action_rests_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = "copilot.agent.approvals.listing.readable_evidence"
    monkeypatch.setattr(listing, lambda evidence, _reader: list(evidence))

    found = look_for_leaks(tmp_path, seed=11, size=3, surfaces=("actions",), under=("strict",))

    assert ("actions", "Conversation") in leaking(found)
    assert ("actions", "ProposedAction") not in leaking(found)


@pytest.mark.slow
def test_no_surface_leaks_to_anybody(tmp_path: Path) -> None:
    found = look_for_leaks(tmp_path, seed=21, size=3, under=("strict",), compares=False)

    assert leaking(found) == set()
    assert found.cells > 400
