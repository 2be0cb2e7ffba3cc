"""A customer names a case, a year or a count of his in his own way, and is told of it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import MemorySaver
from sqlalchemy import delete, select

from copilot.agent.asking import ask
from copilot.agent.contract import Answer, Status
from copilot.agent.desk import Desk
from copilot.agent.graph import build_graph
from copilot.agent.subjects import with_subjects_quoted
from copilot.callers import principal_of
from copilot.llm.client import LanguageModel
from crm.access import visible
from crm.access.policy import load_policy
from crm.index.conversations import ConversationIndex
from crm.models import Case, Contact, Participant
from crm.principal import Principal
from crm.store import Store
from evals.confidentiality_company import NOW, build_company
from tools.cases import subjects_in

SEALS, SCALE = "Sterile seal leaks (cold)", "刻度偏移 v2"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.sqlite(tmp_path / "crm.db")
    store.migrate()
    with store.session() as session:
        build_company(session, seed=3, accounts=6)
    yield store
    store.close()


@pytest.fixture
def caller(store: Store) -> Principal:
    """A contact whose company has two cases of 2025 and one of 2026, two of them closed."""
    with store.session() as session:
        contact = session.scalars(
            select(Contact).join(Participant, Participant.contact_id == Contact.id).limit(1)
        ).one()
        session.execute(delete(Case).where(Case.account_id == contact.account_id))
        for number, (subject, year, is_open) in enumerate(
            [(SEALS, 2025, False), (SCALE, 2025, False), ("Lamp", 2026, True)]
        ):
            opened = datetime(year, 3, 1 + number, tzinfo=UTC)
            session.add(
                Case(
                    account_id=contact.account_id, subject=subject, source="test",
                    external_id=f"T{number}", synced_at=NOW,
                    status="In work" if is_open else "Closed", priority="High",
                    opened_at=opened, closed_at=None if is_open else opened,
                )
            )  # fmt: skip
        address = str(contact.email)
    return principal_of(store, address, policy=load_policy(), at=NOW, admits_outside=True)


def no_model() -> LanguageModel:
    raise AssertionError("no model is asked")


def answer(store: Store, caller: Principal, question: str) -> Answer:
    desk = Desk(store, ConversationIndex(store), no_model)
    return ask(build_graph(desk, MemorySaver()), question, principal=caller, as_of=NOW)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (f"status of {SEALS} pls", SEALS),
        (f"status of {SEALS.lower()} pls", SEALS),
        (f"{SCALE}的状态是什么？", SCALE),
    ],
)
def test_a_case_is_found_by_its_name_without_quotation_marks(
    store: Store, caller: Principal, question: str, told: str
) -> None:
    found = answer(store, caller, question)
    assert found.status is Status.ANSWERED
    assert told in found.answer
    assert "Lamp" not in found.answer


def test_cases_of_others_are_not_found_by_their_names(store: Store, caller: Principal) -> None:
    with store.session() as session:
        own = set(session.scalars(visible(select(Case.id), Case, caller)))
        others = session.scalars(select(Case.subject).where(Case.id.not_in(own)).distinct()).all()
        text = " / ".join([*others, SEALS, f"un{SCALE}"])
        assert len(others) > 2
        assert subjects_in(session, text, principal=caller) == [SEALS, SCALE]


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("How many cases did we open in 2025?", 2),
        ("我们公司2025年间提交的工单有多少个？", 2),
        ("How many of our cases are there, solved or not?", 3),
        ("工单一共多少个，不分已结未结？", 3),
        ("The no. of our closed cases?", 2),
    ],
)
def test_years_and_states_are_read_as_people_say_them(
    store: Store, caller: Principal, question: str, number: int
) -> None:
    found = answer(store, caller, question)
    assert found.status is Status.ANSWERED
    assert found.facts[0].value == number


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("What of pump noise?", 'What of "pump noise"?'),
        ("What of Pump noise?", 'What of "Pump noise"?'),
        ('What of "pump noise" and pump noise', 'What of "pump noise" and "pump noise"'),
        ("What of pump noises?", "What of pump noises?"),
        ("pump noise现在什么状态", '"pump noise"现在什么状态'),
        ("泵噪音大现在什么状态", '"泵噪音大"现在什么状态'),
        ("Is the scanner back?", "Is the scanner back?"),
    ],
)
def test_subjects_are_quoted_where_they_stand_as_they_are(question: str, quoted: str) -> None:
    subjects = ["pump noise", "泵噪音大", "scanner", 'odd "mark', ""]
    assert with_subjects_quoted(question, subjects) == quoted
