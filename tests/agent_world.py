"""A small CRM and its graph for the tests of the question answerer; the sums are easy by hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel
from sqlalchemy.orm import Session

from copilot.agent.asking import ask
from copilot.agent.contract import Answer
from copilot.agent.desk import Desk
from copilot.agent.graph import Graph, build_graph
from crm import models as m
from crm.facts import Fact, FactKind
from crm.index.conversations import ConversationIndex
from crm.principal import Principal, Role
from crm.store import Store
from tests.scripted import ScriptedModel

AS_OF = datetime(2026, 11, 16, 9, tzinfo=UTC)
SYNCED = datetime(2026, 11, 1, tzinfo=UTC)
WON, LOST, EARLY, LATE = 3, 4, 1, 2
GRACE, ANNA, TOM, LINA = 1, 2, 3, 4
ACME, LABS, FOODS, STAR, GREATWALL, INITECH = 1, 2, 3, 4, 5, 6

# name, account, owner, stage, amount, currency, opened, expected, closed, lost reason, product
_DEALS: list[tuple[Any, ...]] = [
    ("Acme rollout", ACME, ANNA, WON, 10_000, "USD", "2026-06-01", None, "2026-08-10", None, 1),
    ("Labs lighthouse", LABS, ANNA, WON, 20_000, "USD", "2026-03-01", None, "2026-05-20", None, 2),
    ("Acme pilot", ACME, ANNA, WON, 30_000, "USD", "2025-07-01", None, "2025-09-15", None, 2),
    ("Foods beacon", FOODS, TOM, WON, 15_000, "USD", "2026-07-01", None, "2026-08-20", None, 3),
    ("Initech starter", INITECH, TOM, WON, 5_000, "USD", "2026-09-05", None, "2026-10-05", None, 3),
    ("海星一期", STAR, LINA, WON, 80_000, "CNY", "2026-05-12", None, "2026-07-12", None, 1),
    ("长城一期", GREATWALL, LINA, WON, 60_000, "CNY", "2025-09-03", None, "2025-11-03", None, 2),
    ("Initech X", INITECH, ANNA, LOST, 12_000, "USD", "2026-07-01", None, "2026-09-01", "Price", 3),
    ("Acme add-on", ACME, TOM, LOST, 7_000, "USD", "2026-02-11", None, "2026-04-11", "Price", 1),
    ("Labs early", LABS, TOM, LOST, 9_000, "USD", "2025-04-30", None, "2025-06-30", "Budget", 1),
    ("海星二期", STAR, LINA, LOST, 40_000, "CNY", "2026-08-20", None, "2026-10-20", "Budget", 2),
    ("Acme renewal", ACME, ANNA, LATE, 25_000, "USD", "2026-08-01", "2027-01-20", None, None, 2),
    ("Initech grow", INITECH, TOM, EARLY, 18_000, "USD", "2026-09-01", "2026-11-28", None, None, 3),
    ("长城二期", GREATWALL, LINA, LATE, 50_000, "CNY", "2026-07-15", "2027-01-15", None, None, 2),
    ("Orphan deal", None, ANNA, EARLY, 4_000, "USD", "2026-10-01", "2026-11-20", None, None, 3),
]  # fmt: skip
_SLIPS = [(12, "2026-10-30", "2027-01-20", 20), (14, "2026-12-20", "2027-01-15", 25)]
SECURITY_CALL = [
    ("Anna Berg", "Thanks for joining, Maria."),
    ("Maria Lopez", "Legal wants the SOC2 security report before we sign."),
    ("Anna Berg", "I will look for the newest one."),
    ("Maria Lopez", "The schedule looks fine to us."),
]
CHINESE_CALL = [
    ("李娜", "王总您好。"),
    ("王伟", "我们最担心数据安全，需要私有化部署。"),
    ("李娜", "明白，我们会准备方案。"),
]
EMAIL = [("Maria Lopez", "We need the warranty clause in writing before the renewal.")]


def day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def fill(store: Store) -> None:
    """Write the whole company in one transaction."""
    with store.session() as session:
        _people(session)
        _accounts(session)
        _deals(session)
        _service(session)
        _conversations(session)


def _put(session: Session, model: type[Any], number: int, **columns: Any) -> None:
    made = model(id=number, source="t", external_id=str(number), synced_at=SYNCED, **columns)
    session.add(made)
    session.flush()


def _people(session: Session) -> None:
    for number, name in enumerate(("East Team", "West Team"), start=1):
        _put(session, m.Team, number, name=name)
    for number, name in enumerate(("East", "West", "上海"), start=1):
        _put(session, m.Territory, number, name=name, region=name)
    people = [
        ("Grace Kim", Role.MANAGER, 1, None, None),
        ("Anna Berg", Role.REP, 1, GRACE, 1),
        ("Tom Reed", Role.REP, 2, GRACE, 2),
        ("李娜", Role.REP, 2, GRACE, 3),
    ]
    for number, (name, role, team, manager, territory) in enumerate(people, start=1):
        _put(
            session, m.User, number, name=name, role=role.value, team_id=team,
            manager_id=manager, territory_id=territory, email=f"u{number}@sells.example",
        )  # fmt: skip


def _accounts(session: Session) -> None:
    accounts = [
        ("Acme Corp", "Software", 1, 120),
        ("Globex Labs", "Research", 1, 80),
        ("Globex Foods", "Food", 2, 900),
        ("海星物流", "物流", 3, 400),
        ("长城科技", "Software", 3, 250),
        ("Initech", None, 2, 60),
    ]
    for number, (name, industry, territory, employees) in enumerate(accounts, start=1):
        _put(
            session, m.Account, number, name=name, industry=industry, territory_id=territory,
            employees=employees, owner_id=territory + 1, created_on=date(2025, 1, number),
        )  # fmt: skip
    contacts = [("Maria Lopez", "CTO", ACME), ("王伟", "采购总监", STAR)]
    for number, (name, title, account) in enumerate(contacts, start=1):
        _put(
            session, m.Contact, number, name=name, title=title, account_id=account,
            email=f"c{number}@buys.example", phone="555-0100",
        )  # fmt: skip


def _deals(session: Session) -> None:
    products = [("Atlas One", "Atlas"), ("Atlas Pro", "Atlas"), ("Beacon Lite", "Beacon")]
    for number, (name, family) in enumerate(products, start=1):
        _put(session, m.Product, number, name=name, family=family)
    stages = [
        ("Prospecting", "open", "0.1"), ("Negotiation", "open", "0.5"),
        ("Closed Won", "won", "1"), ("Closed Lost", "lost", "0"),
    ]  # fmt: skip
    for number, (name, status, chance) in enumerate(stages, start=1):
        _put(
            session, m.Stage, number, name=name, position=number, status=status,
            probability=Decimal(chance),
        )  # fmt: skip
    for number, row in enumerate(_DEALS, start=1):
        name, account, owner, stage, amount, currency, opened, due, closed, reason, product = row
        _put(
            session, m.Opportunity, number, name=name, account_id=account, owner_id=owner,
            territory_id=owner - 1, stage_id=stage, amount_minor=amount * 100, currency=currency,
            opened_on=day(opened), expected_close_on=day(due), closed_on=day(closed),
            lost_reason=reason,
        )  # fmt: skip
        _put(
            session, m.OpportunityLine, number, opportunity_id=number, product_id=product,
            quantity=Decimal(1), amount_minor=amount * 100,
        )  # fmt: skip
    for number, (deal, before, after, on) in enumerate(_SLIPS, start=1):
        _put(
            session, m.CloseDateChange, number, opportunity_id=deal, from_on=day(before),
            to_on=day(after), changed_at=datetime(2026, 10, on, tzinfo=UTC),
        )  # fmt: skip


def _service(session: Session) -> None:
    cases = [(ACME, "closed", "Bug", 24, 4), (STAR, "open", "Bug", None, None),
             (ACME, "closed", "Billing", 48, 5)]  # fmt: skip
    for number, (account, status, category, hours, score) in enumerate(cases, start=1):
        opened = datetime(2026, 9, number, 8, tzinfo=UTC)
        _put(
            session, m.Case, number, subject=f"Case {number}", status=status, category=category,
            account_id=account, opened_at=opened, owner_id=ANNA,
            closed_at=None if hours is None else opened + timedelta(hours=hours),
            satisfaction=None if score is None else Decimal(score),
        )  # fmt: skip
    doings = [("meeting", ANNA, ACME, 12), ("email", TOM, INITECH, 13)]
    for number, (kind, owner, account, deal) in enumerate(doings, start=1):
        _put(
            session, m.Activity, number, kind=kind, subject=f"{kind} {number}", owner_id=owner,
            account_id=account, opportunity_id=deal,
            occurred_at=datetime(2026, 11, number, 10, tzinfo=UTC),
        )  # fmt: skip
    _put(
        session, m.Activity, 3, kind="task", subject="Send the offer", owner_id=ANNA,
        account_id=ACME, opportunity_id=12, due_on=date(2026, 11, 2),
    )  # fmt: skip


def _conversations(session: Session) -> None:
    maria, lina = {"Anna Berg": "ours", "Maria Lopez": "customer"}, {"李娜": "ours"}
    talks = [
        ("call", "Security call", SECURITY_CALL, maria, ACME, 12, ANNA, 12),
        ("call", "海星电话", CHINESE_CALL, {**lina, "王伟": "customer"}, STAR, 11, LINA, 13),
        ("email", "Warranty", EMAIL, {"Maria Lopez": "customer"}, ACME, 12, ANNA, 5),
    ]
    for number, (kind, title, said, sides, account, deal, owner, on) in enumerate(talks, start=1):
        _put(
            session, m.Conversation, number, kind=kind, title=title, account_id=account,
            opportunity_id=deal, owner_id=owner, content_sha256=f"{number:064d}",
            started_at=datetime(2026, 11, on, 9, tzinfo=UTC),
        )  # fmt: skip
        for at, (name, side) in enumerate(sides.items()):
            session.add(m.Participant(conversation_id=number, position=at, name=name, side=side))
        for at, (speaker, text) in enumerate(said):
            start = None if kind == "email" else at * 70_000
            end = None if start is None else start + 9_000
            session.add(
                m.Segment(
                    conversation_id=number, position=at, speaker=speaker, text=text,
                    start_ms=start, end_ms=end,
                )
            )  # fmt: skip
        session.flush()


def principal(user_id: int, name: str, role: Role = Role.REP) -> Principal:
    return Principal(user_id=user_id, name=name, role=role)


ANNA_ASKS = principal(ANNA, "Anna Berg")
LINA_ASKS = principal(LINA, "李娜")
GRACE_ASKS = principal(GRACE, "Grace Kim", Role.MANAGER)


@dataclass
class Company:
    """The filled store with its graph; `ask` asks it as the local owner unless told otherwise."""

    store: Store
    index: ConversationIndex
    model: ScriptedModel = field(default_factory=lambda: ScriptedModel([]))
    saver: BaseCheckpointSaver[Any] = field(default_factory=InMemorySaver)
    _graph: Graph | None = None

    @classmethod
    def build(cls, store: Store) -> "Company":
        """Fill the store and index its conversations by words."""
        fill(store)
        index = ConversationIndex(store)
        index.index_texts([1, 2, 3])
        return cls(store, index)

    def script(self, *replies: BaseModel | Mapping[str, Any] | Exception) -> ScriptedModel:
        """Let the model say this from now on, and forget what it was asked before."""
        self.model = ScriptedModel(replies)
        return self.model

    def fresh(self, saver: BaseCheckpointSaver[Any] | None = None) -> None:
        """Build a new graph, as a new process would."""
        self.saver = self.saver if saver is None else saver
        desk = Desk(self.store, self.index, lambda: self.model)
        self._graph = build_graph(desk, self.saver)

    @property
    def graph(self) -> Graph:
        if self._graph is None:
            self.fresh()
        assert self._graph is not None
        return self._graph

    def ask(
        self, question: str, *, by: Principal | None = None, thread: str | None = None, **more: Any
    ) -> Answer:
        """Ask one question at the frozen time."""
        who = by or Principal.local_owner()
        return ask(self.graph, question, principal=who, as_of=AS_OF, thread_id=thread, **more)


@pytest.fixture(scope="module")
def filled_company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """The company, written once for a module: its tests only read it."""
    store = Store.sqlite(tmp_path_factory.mktemp("company") / "crm.db")
    store.migrate()
    yield Company.build(store)
    store.close()


@pytest.fixture
def company(filled_company: Company) -> Company:
    """The company with no threads, and a model that fails the test when it is asked."""
    filled_company.script()
    filled_company.fresh(InMemorySaver())
    return filled_company


def computed(answer: Answer) -> list[Any]:
    """The values of the computed facts in order, money as (value, currency)."""
    facts = [fact for fact in answer.facts if fact.kind is FactKind.METRIC]
    return [(fact.value, fact.currency) if fact.currency else fact.value for fact in facts]


def sources(answer: Answer, prefix: str) -> set[str]:
    """The addresses of the facts that begin like this."""
    return {fact.source for fact in answer.facts if fact.source.startswith(prefix)}


def cited(answer: Answer) -> Iterator[tuple[str, list[Fact]]]:
    """Each sentence with the facts that it cites."""
    by_id = {fact.id: fact for fact in answer.facts}
    for sentence in answer.sentences:
        yield sentence.text, [by_id[number] for number in sentence.facts]
