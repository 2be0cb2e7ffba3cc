"""Random small CRMs for the metric tests: gaps, several currencies, deals with several lines."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from crm import models as m

AS_OF = datetime(2026, 11, 16, 9, tzinfo=UTC)
SYNCED = datetime(2026, 11, 1, tzinfo=UTC)
TABLES = (
    m.Team, m.Territory, m.User, m.Account, m.Contact, m.Stage, m.Product, m.PriceBook,
    m.PriceBookEntry, m.Opportunity, m.OpportunityLine, m.StageChange, m.CloseDateChange,
    m.Quote, m.Lead, m.Activity, m.Conversation, m.Case, m.Quota,
)  # fmt: skip


@dataclass
class World:
    """Rows by model; `add` numbers them."""

    rows: dict[type, list[Any]] = field(default_factory=lambda: {table: [] for table in TABLES})

    def add(self, model: type, **values: Any) -> Any:
        number = len(self.rows[model]) + 1
        made = model(id=number, source="t", external_id=str(number), synced_at=SYNCED, **values)
        self.rows[model].append(made)
        return made

    def all(self, model: type) -> list[Any]:
        return self.rows[model]

    def by_id(self, model: type, number: int | None) -> Any:
        return None if number is None else self.rows[model][number - 1]

    def save(self, session: Session) -> None:
        for table in TABLES:
            session.add_all(self.rows[table])
            session.flush()


def random_world(seed: int, deals: int = 40) -> World:
    """A CRM in which every optional field is missing now and then."""
    dice, world = random.Random(seed), World()

    def maybe(values: Any, missing: float = 0.25) -> Any:
        return None if dice.random() < missing else dice.choice(list(values))

    def some_day() -> date:
        return date(2026, 1, 1) + timedelta(days=dice.randrange(400))

    def some_time() -> datetime:
        return datetime.combine(some_day(), time(dice.randrange(24), dice.randrange(60)), UTC)

    _organisation(world, dice, maybe, some_day)
    _catalogue(world, dice, maybe)
    for _ in range(deals):
        _random_deal(world, dice, maybe, some_day, some_time)
    for _ in range(25):
        _random_doing(world, dice, maybe, some_day, some_time)
    _afterwards(world, dice, maybe, some_day, some_time)
    return world


def _organisation(world: World, dice: Any, maybe: Any, some_day: Any) -> None:
    add = world.add
    for number, parent in enumerate([None, 1, 1, 2], start=1):
        add(m.Team, name=f"Team {number}", parent_id=parent)
    for name, region in (("North A", "North"), ("North B", "North"), ("South", "South")):
        add(m.Territory, name=name, region=region)
    for number in range(1, 7):
        add(
            m.User,
            name="Twin" if number in (5, 6) else f"User {number}",
            role=dice.choice(["rep", "rep", "manager"]),
            team_id=maybe(range(1, 5)),
            manager_id=maybe(range(1, number)) if number > 1 else None,
            territory_id=maybe(range(1, 4), 0.5),
            is_active=dice.random() < 0.8,
        )
    for number in range(1, 9):
        add(
            m.Account,
            name=f"Account {number}",
            industry=maybe(["tech", "retail", "零售"]),
            country=maybe(["US", "中国"]),
            city=maybe(["Oslo", "上海"]),
            employees=maybe([10, 200, 3001]),
            annual_revenue_minor=maybe([100_00, 25_000_01]),
            currency=dice.choice(["USD", "JPY"]),
            founded_year=maybe([1990, 2005]),
            owner_id=maybe(range(1, 7)),
            territory_id=maybe(range(1, 4), 0.5),
            parent_id=maybe(range(1, number)) if number > 1 else None,
            created_on=some_day() if dice.random() < 0.8 else None,
        )
    for number in range(1, 9):
        title = maybe(["CTO", "采购"])
        add(m.Contact, name=f"C {number}", title=title, account_id=maybe(range(1, 9)))


def _catalogue(world: World, dice: Any, maybe: Any) -> None:
    add = world.add
    for position, (name, status, chance) in enumerate(
        [
            ("New", "open", Decimal("0.1")),
            ("Talks", "open", Decimal("0.35")),
            ("Odd", "open", None),
            ("Won", "won", Decimal(1)),
            ("Lost", "lost", Decimal(0)),
        ]
    ):
        add(m.Stage, name=name, position=position, status=status, probability=chance)
    for number in range(1, 5):
        active = dice.random() < 0.8
        add(m.Product, name=f"P{number}", family=maybe(["F1", "F2"]), is_active=active)
    add(m.PriceBook, name="Dollar", currency="USD")
    add(m.PriceBook, name="Yen", currency="JPY")
    for number in range(1, 7):
        add(
            m.PriceBookEntry,
            price_book_id=dice.choice([1, 2]),
            product_id=dice.randrange(1, 5),
            list_price_minor=number * 333,
        )


def _afterwards(world: World, dice: Any, maybe: Any, some_day: Any, some_time: Any) -> None:
    add, deals = world.add, len(world.all(m.Opportunity))
    for _ in range(12):
        converted = maybe([some_day()], 0.6)
        add(
            m.Lead,
            name="L",
            status=maybe(["new", "bad"]),
            lead_source=maybe(["web", "fair"]),
            owner_id=maybe(range(1, 7)),
            created_on=some_day(),
            converted_on=converted,
            opportunity_id=maybe(range(1, deals), 0.8),
        )
    for _ in range(15):
        opened = some_time()
        closed = opened + timedelta(minutes=dice.randrange(9000))
        add(
            m.Case,
            subject="S",
            status=dice.choice(["new", "done"]),
            priority=maybe(["high", "low"]),
            category=maybe(["bug", "billing"]),
            account_id=maybe(range(1, 9)),
            owner_id=maybe(range(1, 7)),
            product_id=maybe(range(1, 5)),
            opened_at=opened,
            closed_at=maybe([closed], 0.4),
            satisfaction=maybe([Decimal("3.5"), Decimal("4.25"), Decimal(1)]),
        )
    for _ in range(10):
        start = date(2026, dice.choice([1, 4, 7, 10]), 1)
        is_team = dice.random() < 0.4
        add(
            m.Quota,
            user_id=None if is_team else dice.randrange(1, 7),
            team_id=dice.randrange(1, 5) if is_team else None,
            starts_on=start,
            ends_on=start + timedelta(days=dice.choice([29, 88])),
            amount_minor=dice.choice([50_000, 120_001]),
            currency=dice.choice(["USD", "JPY"]),
        )


def _random_deal(world: World, dice: Any, maybe: Any, some_day: Any, some_time: Any) -> None:
    stage = dice.randrange(1, 6)
    deal = world.add(
        m.Opportunity,
        name=f"Deal {len(world.all(m.Opportunity))}",
        account_id=maybe(range(1, 9)),
        owner_id=maybe(range(1, 7)),
        territory_id=maybe(range(1, 4), 0.6),
        stage_id=stage,
        amount_minor=maybe([100, 5_000, 5_000, 12_345, 99_999]),
        currency=dice.choice(["USD", "USD", "JPY", "KWD"]),
        lead_source=maybe(["web", "fair"]),
        forecast_category=maybe(["commit", "best"]),
        lost_reason=maybe(["price", "竞品"]) if stage == 5 else None,
        competitor=maybe(["Rival"]),
        opened_on=some_day() if dice.random() < 0.9 else None,
        expected_close_on=some_day() if dice.random() < 0.8 else None,
        closed_on=some_day() if stage > 3 and dice.random() < 0.9 else None,
    )
    for _ in range(dice.choice([0, 1, 1, 2, 3])):
        world.add(
            m.OpportunityLine,
            opportunity_id=deal.id,
            product_id=dice.randrange(1, 5),
            quantity=Decimal(1),
            amount_minor=maybe([50, 700, 12_000]),
        )
    for _ in range(dice.choice([0, 1, 2, 3])):
        to, changed_at = dice.randrange(1, 6), some_time()
        world.add(m.StageChange, opportunity_id=deal.id, to_stage_id=to, changed_at=changed_at)
    for _ in range(dice.choice([0, 0, 1, 2])):
        world.add(
            m.CloseDateChange,
            opportunity_id=deal.id,
            from_on=maybe([some_day()], 0.1),
            to_on=some_day(),
            changed_at=some_time(),
        )
    for _ in range(dice.choice([0, 0, 1, 2])):
        world.add(
            m.Quote,
            opportunity_id=deal.id,
            number="Q",
            status="sent",
            total_minor=1,
            currency=deal.currency,
            discount=dice.choice([Decimal(0), Decimal("0.1"), Decimal("0.255")]),
            created_on=maybe([some_day()], 0.1),
        )


def _random_doing(world: World, dice: Any, maybe: Any, some_day: Any, some_time: Any) -> None:
    happened, kind = some_time(), dice.choice(["call", "email", "meeting"])
    deals = len(world.all(m.Opportunity))
    deal, account, owner = maybe(range(1, deals // 2)), maybe(range(1, 9)), maybe(range(1, 7))
    world.add(
        m.Activity,
        kind=dice.choice([kind, "task", "note", kind]),
        subject="S",
        owner_id=owner,
        account_id=account,
        opportunity_id=deal,
        occurred_at=maybe([happened], 0.3),
        due_on=maybe([some_day()]),
        done_at=maybe([some_time()], 0.6),
    )
    same_day = datetime.combine(happened.date(), time(23, 59), UTC)
    world.add(
        m.Conversation,
        kind=dice.choice([kind, "chat", kind]),
        title="T",
        started_at=dice.choice([same_day, some_time()]),
        account_id=dice.choice([account, None]),
        opportunity_id=dice.choice([deal, None]),
        owner_id=owner,
        content_sha256="0",
    )
