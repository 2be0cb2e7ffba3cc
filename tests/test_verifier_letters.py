"""What a letter may say: who said it, what it binds us to, and what was really done."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from copilot.grounding.sentences import CitedSentence, ProblemKind
from copilot.grounding.verifier import Ground, check_sentence, verify
from crm.facts import Fact, FactKind

TODAY = date(2026, 11, 16)
CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "cases/verifier_letters.yaml").read_text("utf-8")
)


def ground_of(case: dict[str, Any]) -> Ground:
    facts: dict[str, Fact] = {}
    by: dict[str, set[str]] = {"theirs": set(), "ours": set(), "approved": set(), "record": set()}
    for number, spec in enumerate(case["facts"], start=1):
        key = f"F{number}"
        is_spoken = spec["by"] in {"theirs", "ours"}
        kind = FactKind.SEGMENT if is_spoken else FactKind(spec.get("kind", "record"))
        by[spec["by"]].add(key)
        facts[key] = Fact(
            id=key, kind=kind, text=spec["text"], source=f"t:{number}", value=spec.get("value"),
            currency=spec.get("currency"), as_of=datetime(2026, 11, 13, 9, tzinfo=UTC),
        )  # fmt: skip
    return Ground(
        facts=facts,
        today=TODAY,
        language=case.get("lang", "en"),
        known_names=case.get("known", ()),
        free_names=["Anna Schmidt", "陈晓", case.get("to", "Priya Raman")],
        outside=by["theirs"],
        approved=by["approved"],
        attachments=case.get("attachments", ()),
    )


def all_of(key: str) -> list[Any]:
    found = []
    for case in CASES:
        for row in case.get(key, []):
            text, kind = (*row, None)[:2] if isinstance(row, list) else (row, None)
            found.append(pytest.param(case, text, kind, id=f"{case['name']}: {text}"))
    return found


def problems(case: dict[str, Any], text: str) -> set[ProblemKind]:
    ground = ground_of(case)
    return {
        problem.kind
        for problem in check_sentence(CitedSentence(text=text, facts=tuple(ground.facts)), ground)
    }


@pytest.mark.parametrize(("case", "text", "kind"), all_of("right"))
def test_what_the_facts_bear_out_is_let_through(
    case: dict[str, Any], text: str, kind: None
) -> None:
    assert problems(case, text) == set(), kind


@pytest.mark.parametrize(("case", "text", "kind"), all_of("wrong"))
def test_what_the_facts_do_not_bear_out_fails(
    case: dict[str, Any], text: str, kind: str | None
) -> None:
    found = problems(case, text)
    assert found
    assert kind is None or ProblemKind(kind) in found


@pytest.mark.parametrize(("case", "text", "kind"), all_of("pending"))
def test_a_commitment_without_approval_waits_for_a_person(
    case: dict[str, Any], text: str, kind: None
) -> None:
    ground = ground_of(case)
    result = verify([CitedSentence(text=text, facts=tuple(ground.facts))], ground)
    assert not result.kept, kind
    assert not result.dropped
    assert result.pending[0].what
    assert result.pending[0].reason
