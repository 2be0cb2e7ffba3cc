"""A generated company in which every row carries a mark of its own, owned and placed by chance."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from crm.models import (
    AccessGrant,
    Account,
    ActionStatus,
    Activity,
    Alias,
    AmountChange,
    Base,
    Case,
    CloseDateChange,
    Contact,
    DraftStatus,
    EffectKind,
    GrantKind,
    Lead,
    Opportunity,
    OpportunityContact,
    OpportunityLine,
    PriceBook,
    PriceBookEntry,
    Product,
    ProposedAction,
    Quota,
    Quote,
    SavedDraft,
    Stage,
    StageChange,
    Team,
    Territory,
    User,
)
from crm.principal import Role

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
ROLES = tuple(Role)[:6]
SHARED = "renewal"
"""A word that stands in every conversation, so that a search finds all that it may."""

_LETTERS = "bcdfghjkmnpqrstvwx"
_MASK_LETTER = "y"
Key = tuple[str, int]


def mark_of(kind: str, number: int) -> str:
    """Return a word that stands in this row's texts and nowhere else; no mark holds another."""
    digits = ""
    rest = number
    for _ in range(4):
        rest, place = divmod(rest, len(_LETTERS))
        digits += _LETTERS[place]
    return f"zq{kind[:2].lower()}{_LETTERS[sum(map(ord, kind)) % 18]}{digits}uz"


def field_mark(kind: str, number: int) -> str:
    """Return the mark of a field that policies may keep back, of one row."""
    return mark_of(kind, number).replace("zq", f"z{_MASK_LETTER}", 1)


def discount_of(number: int) -> Decimal:
    """Return a quote's discount, which is neither another number of the world nor a mean of it."""
    return Decimal(7_013 - 7 * number * number) / 10_000


@dataclass
class World:
    """Every row by model and id, with its marks; `rows` of things that are read by conversation.

    `marks` maps a mark to the model and id whose readability decides on it.
    """

    session: Session
    chance: Random
    size: int
    marks: dict[str, Key] = field(default_factory=dict)
    masks: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    ids: dict[str, list[int]] = field(default_factory=dict)
    users: list[int] = field(default_factory=list)

    def add(self, model: Any, **values: Any) -> int:
        """Store a row with its mark and return its id."""
        name = model.__name__
        number = len(self.ids.setdefault(name, [])) + 1
        row = model(
            id=number, source="test", external_id=f"{name}-{number}", synced_at=NOW, **values
        )
        self.session.add(row)
        self.session.flush()
        self.ids[name].append(number)
        return number

    def mark(self, model: type[Base]) -> str:
        """Return the mark of the next row of a model."""
        name = model.__name__
        number = len(self.ids.get(name, ())) + 1
        made = mark_of(name, number)
        self.marks[made] = (name, number)
        return made

    def keep_back(self, model: type[Base], column: str) -> str:
        """Return the mark of a field of the next row of a model."""
        name = model.__name__
        number = len(self.ids.get(name, ())) + 1
        made = field_mark(name + column, number)
        self.masks[made] = (name, number, column)
        return made

    def of_kind(self, kind: str) -> list[str]:
        """Return the marks of a model's rows, or of a group of fields that may be kept back."""
        found = [mark for mark, (model, _) in self.marks.items() if model == kind]
        groups = {"personal fields": ("email", "phone"), "margin fields": ("discount",)}
        columns = groups.get(kind, ())
        return found + [mark for mark, (_, _, name) in self.masks.items() if name in columns]

    def any(self, model: type[Base], *, empty: float = 0.15) -> int | None:
        """Return some row of a model, at times none."""
        ids = self.ids[model.__name__]
        return None if self.chance.random() < empty else self.chance.choice(ids)

    def one(self, model: type[Base]) -> int:
        """Return some row of a model."""
        return self.chance.choice(self.ids[model.__name__])


def add_organisation(world: World) -> None:
    """Add teams, territories and users of every role."""
    root = world.add(Team, name=f"Team {world.mark(Team)}")
    for parent in (root, root, None, 2):
        world.add(Team, name=f"Team {world.mark(Team)}", parent_id=parent)
    for _ in range(3):
        mark = world.mark(Territory)
        world.add(Territory, name=f"Territory {mark}", region=f"Region {mark}")
    for number in range(len(ROLES) * 2):
        mark = world.mark(User)
        made = world.add(
            User,
            name=f"Rep {mark}",
            email=f"{world.keep_back(User, 'email')}@ours.example",
            role=ROLES[number % len(ROLES)].value,
            title=f"Title {mark}",
            team_id=world.any(Team),
            territory_id=world.any(Territory),
            manager_id=world.chance.choice([*world.users, None]),
        )
        world.users.append(made)


def add_catalogue(world: World) -> None:
    """Add stages, products and a price book."""
    for position, status in enumerate(("open", "open", "won", "lost"), start=1):
        mark = world.mark(Stage)
        world.add(
            Stage, name=f"Stage {mark}", position=position, status=status,
            probability=Decimal("0.5"),
        )  # fmt: skip
    for _ in range(3):
        mark = world.mark(Product)
        world.add(
            Product, name=f"Product {mark}", family=f"Family {mark}", description=f"Text {mark}"
        )
    world.add(PriceBook, name=f"Book {world.mark(PriceBook)}", currency="EUR")
    for product in world.ids["Product"]:
        world.add(
            PriceBookEntry, price_book_id=1, product_id=product, list_price_minor=product * 1_000
        )


def add_account(world: World) -> None:
    """Add an account with another name."""
    mark = world.mark(Account)
    parents = world.ids.get("Account", [])
    number = world.add(
        Account,
        name=f"Company {mark}",
        industry=f"Industry {mark}",
        country=f"Country {mark}",
        city=f"City {mark}",
        domain=f"{mark}.example",
        employees=world.chance.randint(10, 900),
        annual_revenue_minor=world.chance.randint(1, 999) * 1_000,
        currency="EUR",
        owner_id=world.any(User),
        territory_id=world.any(Territory),
        parent_id=world.chance.choice([*parents, None]),
        created_on=date(2025, 1, 1),
        deleted_at=NOW if world.chance.random() < 0.1 else None,
    )
    alias = f"Short {mark}"
    world.session.add(Alias(entity="account", entity_id=number, name=alias))


def add_deal(world: World) -> None:
    """Add a deal with contacts and all that belongs to it."""
    for _ in range(2):
        account = world.any(Account)
        mark = world.mark(Contact)
        world.add(
            Contact,
            name=f"Person {mark}",
            email=f"{world.keep_back(Contact, 'email')}@them.example",
            phone=f"+1 {world.keep_back(Contact, 'phone')}",
            title=f"Buyer {mark}",
            language="en",
            account_id=account,
        )
    mark = world.mark(Opportunity)
    stage = world.one(Stage)
    is_closed = stage > 2
    number = world.add(
        Opportunity,
        name=f"Deal {mark}",
        account_id=world.any(Account),
        owner_id=world.any(User),
        territory_id=world.any(Territory),
        stage_id=stage,
        amount_minor=world.chance.randint(1, 999) * 1_000,
        currency="EUR",
        lead_source=f"Source {mark}",
        forecast_category=f"Forecast {mark}",
        lost_reason=f"Reason {mark}",
        competitor=f"Rival {mark}",
        next_step=f"Step {mark}",
        opened_on=date(2026, world.chance.randint(1, 6), 1),
        expected_close_on=date(2026, 12, world.chance.randint(1, 28)),
        closed_on=date(2026, world.chance.randint(7, 10), 5) if is_closed else None,
        deleted_at=NOW if world.chance.random() < 0.1 else None,
    )
    _parts(world, number)


def _parts(world: World, deal: int) -> None:
    for _ in range(2):
        world.add(
            OpportunityLine, opportunity_id=deal, product_id=world.one(Product), quantity=2,
            amount_minor=world.chance.randint(1, 99) * 1_000,
        )  # fmt: skip
    world.add(
        OpportunityContact, opportunity_id=deal, contact_id=world.one(Contact),
        role=f"role {world.mark(OpportunityContact)}",
    )  # fmt: skip
    mark, quote = world.mark(Quote), len(world.ids.get("Quote", ())) + 1
    world.masks[f"{discount_of(quote) * 100:.2f}"] = ("Quote", quote, "discount")
    world.masks[f"{discount_of(quote):.4f}"] = ("Quote", quote, "discount")
    world.add(
        Quote, opportunity_id=deal, number=f"Q {mark}", status=f"sent {mark}",
        total_minor=world.chance.randint(1, 99) * 1_000, currency="EUR",
        discount=discount_of(quote), created_on=date(2026, 10, 1),
        valid_until=date(2027, 1, 1),
    )  # fmt: skip
    moved = NOW - timedelta(days=world.chance.randint(1, 90))
    world.add(
        StageChange, opportunity_id=deal, from_stage_id=world.one(Stage),
        to_stage_id=world.one(Stage), changed_at=moved,
    )  # fmt: skip
    world.add(
        CloseDateChange, opportunity_id=deal, from_on=date(2026, 9, 1), to_on=date(2026, 12, 1),
        changed_at=moved,
    )  # fmt: skip
    world.add(AmountChange, opportunity_id=deal, from_minor=1_000, to_minor=2_000, changed_at=moved)


def add_around(world: World) -> None:
    """Add a lead, activities, a case and a quota."""
    mark = world.mark(Lead)
    world.add(
        Lead, name=f"Lead {mark}", company=f"Firm {mark}", email=f"{mark}@lead.example",
        status=f"status {mark}", lead_source=f"source {mark}", owner_id=world.any(User),
        created_on=date(2026, 5, 1), opportunity_id=world.any(Opportunity),
    )  # fmt: skip
    for kind, when in (("call", NOW - timedelta(days=9)), ("task", None), ("email", NOW)):
        mark = world.mark(Activity)
        world.add(
            Activity, kind=kind, subject=f"Do {mark}", body=f"Body {mark}",
            owner_id=world.any(User), account_id=world.any(Account),
            opportunity_id=world.any(Opportunity), occurred_at=when,
            due_on=None if when else date(2026, 11, world.chance.randint(1, 28)),
        )  # fmt: skip
    mark = world.mark(Case)
    world.add(
        Case, subject=f"Case {mark}", status=f"open {mark}", priority=f"high {mark}",
        category=f"kind {mark}", account_id=world.any(Account), owner_id=world.any(User),
        product_id=world.any(Product), opened_at=NOW - timedelta(days=20),
        closed_at=NOW - timedelta(days=3) if world.chance.random() < 0.5 else None,
        satisfaction=Decimal(world.chance.randint(1, 5)),
    )  # fmt: skip
    world.add(
        Quota, user_id=world.any(User), team_id=world.one(Team), starts_on=date(2026, 10, 1),
        ends_on=date(2026, 12, 31), amount_minor=world.chance.randint(1, 99) * 10_000,
        currency="EUR",
    )  # fmt: skip


def add_drafts(world: World) -> None:
    """Add a draft of every user."""
    for user in world.users:
        mark = mark_of("SavedDraft", user)
        world.marks[mark] = ("SavedDraft", user)
        world.session.add(
            SavedDraft(
                id=user, schema_version=1, payload={"subject": f"Draft {mark}", "body": mark},
                sha256="0" * 64, user_id=user, author_id=user, recipient=f"To {mark}",
                kind="follow_up", channel="email", language="en", created_at=NOW,
                status=DraftStatus.OPEN.value,
            )
        )  # fmt: skip


def add_actions(world: World) -> None:
    """Add three actions that every user proposed: on a deal, a lead, and of what a call said.

    What each rests on is of a record that by no means everybody reads.
    """
    chance = Random(world.size)
    for number, user in enumerate(world.users * 3, start=1):
        mark = mark_of("ProposedAction", number)
        world.marks[mark] = ("ProposedAction", number)
        talk, deal = (chance.choice(world.ids[name]) for name in ("Conversation", "Opportunity"))
        said = {"id": f"conversation:{talk}#0", "text": f"said {mark_of('Conversation', talk)}"}
        kept = {"id": f"opportunity:{deal}", "text": f"holds {mark_of('Opportunity', deal)}"}
        payload: dict[str, Any] = {"subject": f"Task {mark}"}
        kind = EffectKind.CREATE_TASK
        if number > 2 * len(world.users):
            kind, payload["proposal_id"] = EffectKind.APPLY_FIELD_PROPOSAL, number
        elif number > len(world.users):
            kind, payload["entity"] = EffectKind.UPDATE_RECORD, "lead"
            payload["entity_id"] = chance.choice(world.ids["Lead"])
        world.session.add(
            ProposedAction(
                id=number, key=f"key {number}", kind=kind.value, payload=payload,
                payload_sha256="0" * 64, evidence=[said, kept], risk="low", rule="approval",
                proposer_id=user, account_id=chance.choice([*world.ids["Account"], None]),
                opportunity_id=chance.choice([*world.ids["Opportunity"], None]),
                status=ActionStatus.WAITING.value, created_at=NOW,
                expires_at=NOW + timedelta(days=3),
            )
        )  # fmt: skip


def add_grants(world: World) -> None:
    """Add grants that hold, ended, or have yet to begin."""
    day = timedelta(days=1)
    times = ((None, None), (NOW - day, NOW + day), (NOW - 2 * day, NOW - day), (NOW + day, None))
    for user in world.users:
        for kind, model in (
            (GrantKind.ACCOUNT, Account),
            (GrantKind.OPPORTUNITY, Opportunity),
            (GrantKind.STAND_IN, User),
            (GrantKind.TEAM, Team),
            (GrantKind.TERRITORY, Territory),
        ):
            valid_from, valid_until = world.chance.choice(times)
            if world.chance.random() < 0.5:
                world.session.add(
                    AccessGrant(
                        user_id=user, kind=kind.value, object_id=world.one(model),
                        reason="holiday", granted_by="ops", created_at=NOW,
                        valid_from=valid_from, valid_until=valid_until,
                    )
                )  # fmt: skip
