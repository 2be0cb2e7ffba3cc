"""The drafting evals' own check: it passes what is true and catches what was spoiled."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import yaml
from sqlalchemy.orm import Session

from copilot.grounding.sentences import CitedSentence
from crm.facts import Fact
from crm.store import Store
from evals.drafting_check import check_sentence
from evals.drafting_ground import Finding, Known
from evals.drafting_store import StoreWitness
from tests.drafting_claims_seed import POLICY, TODAY, said_fact, sow

CASES = yaml.safe_load((files("tests.cases") / "drafting_claims.yaml").read_text("utf-8"))
KNOWN = Known(
    TODAY,
    frozenset({"Marcus Bell", "Anna Lindqvist", "王建国", "陈思远", "Northvale Foods"}),
    policies=(POLICY,),
)


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session() as session:
        yield session


def _found(session: Session, text: str, facts: list[Fact]) -> list[Finding]:
    of_id = {fact.id: fact for fact in facts}
    sentence = CitedSentence(text=text, facts=tuple(of_id))
    return check_sentence(sentence, of_id, KNOWN, StoreWitness(session, (POLICY,)))


def test_true_sentences_pass(session: Session) -> None:
    facts = sow(session)
    wrong = {
        case["text"]: found
        for case in CASES
        if (found := _found(session, case["text"], [facts[each] for each in case["facts"]]))
    }
    assert wrong == {}


def test_at_least_95_of_100_spoiled_sentences_are_caught(session: Session) -> None:
    facts = sow(session)
    spoiled = list(_spoiled())
    missed = [
        text
        for case, text in spoiled
        if not _found(session, text, [facts[each] for each in case["facts"]])
    ]
    assert len(spoiled) >= 100
    assert len(missed) <= 0.05 * len(spoiled), missed


def _spoiled() -> Iterator[tuple[dict[str, Any], str]]:
    for case in CASES:
        for old, new in case["spoiled"]:
            assert old in case["text"], (old, case["text"])
            yield case, case["text"].replace(old, new)


FORGED = {
    "a quote nobody said": lambda: said_fact(1, 4, words="Our budget is $260,000."),
    "a quote of another turn": lambda: said_fact(1, 4).model_copy(
        update={"source": "conversation:1#2"}
    ),
    "no such conversation": lambda: said_fact(1, 4).model_copy(
        update={"source": "conversation:99#4"}
    ),
    "no such segment": lambda: said_fact(1, 4).model_copy(update={"source": "conversation:1#40"}),
    "no such table": lambda: said_fact(1, 4).model_copy(update={"source": "rumour:1"}),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_fact_is_found(session: Session, how: str) -> None:
    sow(session)
    forged = FORGED[how]().model_copy(update={"id": "F1"})
    found = _found(session, "You told me about your budget.", [forged])
    assert "forged" in {one.kind for one in found}


@pytest.mark.parametrize(
    ("old", "new"),
    [("180,000", "170,000"), ("8 %", "60 %"), ("2026-12-13", "2027-12-13"), ("quote:1", "quote:9")],
)
def test_a_forged_record_is_found(session: Session, old: str, new: str) -> None:
    facts = sow(session)
    true = facts["quote"]
    forged = true.model_copy(
        update={"text": true.text.replace(old, new), "source": true.source.replace(old, new)}
    )
    assert _found(session, "Here is our quote.", [true]) == []
    assert "forged" in {one.kind for one in _found(session, "Here is our quote.", [forged])}


def test_a_policy_counts_only_as_the_guide_has_it(session: Session) -> None:
    facts = sow(session)
    forged = facts["policy"].model_copy(update={"text": POLICY.replace("four", "two")})
    found = _found(session, "Support answers within two hours on working days.", [forged])
    assert "forged" in {one.kind for one in found}


def test_a_promise_of_the_customers_is_none_of_ours(session: Session) -> None:
    facts = sow(session)
    found = _found(session, "We will talk to your finance director.", [facts["finance"]])
    assert "promise" in {one.kind for one in found}
