"""A company that nobody has seen: names, figures and talks drawn by chance from a seed."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from crm.models import (
    Account,
    Case,
    Contact,
    Conversation,
    Lead,
    Opportunity,
    OpportunityLine,
    Participant,
    PriceBook,
    PriceBookEntry,
    Product,
    Quota,
    Quote,
    Segment,
    Side,
    Stage,
    Team,
    Territory,
    User,
)

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
_STARTS = (
    "bor", "cal", "dem", "fal", "gar", "hul", "jor", "kel", "lam", "mor", "nes", "pol", "quin",
    "ros", "sel", "tam", "ul", "ver", "wes", "zan",
)  # fmt: skip
_MIDDLES = ("a", "e", "i", "o", "an", "en", "il", "or", "ti", "ra", "do", "le")
_ENDS = (
    "berg", "court", "dale", "feld", "ham", "kirk", "lund", "mont", "ster", "ton", "vik", "wick",
)  # fmt: skip
_TRADES = ("Clinics", "Dental", "Optics", "Laboratories", "Diagnostics", "Hospitals", "Surgery")
_FIRST = (
    "Aldo", "Brita", "Corin", "Dagny", "Edda", "Floris", "Gesa", "Hanno", "Ilse", "Jarno", "Kaja",
    "Ludo", "Mirte", "Nils",
)  # fmt: skip
_TITLES = ("Head of purchasing", "Laboratory manager", "Technical director", "Office manager")
_CITIES = (
    ("Lyon", "France"),
    ("Graz", "Austria"),
    ("Leeds", "United Kingdom"),
    ("Porto", "Portugal"),
)
_SURNAMES_ZH, _GIVEN_ZH = "赵钱孙李周吴郑王冯陈", "岚泽宁越川澄野牧岑舟"
_PLACES_ZH, _WORDS_ZH = ("绍兴", "温州", "烟台", "泉州"), "恒瑞佳源盛景德润安朗"
_SUBJECTS = (
    "Scanner stops after warm-up", "Wrong unit on the report", "Sterile seal leaks",
    "Licence key not accepted", "Noise in the pump", "Calibration drifts overnight",
    "扫描仪预热后停机", "报告单位错误", "密封件漏气", "校准值夜间漂移",
)  # fmt: skip
_SAID = (
    ("We need the second scanner before the spring inspection.", "I will send the delivery plan."),
    ("The training of the night shift worries us.", "We can train two groups in one week."),
    ("春季检查之前必须装好第二台。", "我会把交货计划发给您。"),
)
_STAGES = (("Qualify", "open"), ("Offer", "open"), ("Won", "won"), ("Lost", "lost"))


def build_company(session: Session, *, seed: int, accounts: int = 36) -> None:
    """Fill an empty store; the same seed makes the same company."""
    maker = _Maker(session, Random(seed))
    maker.organisation()
    maker.catalogue()
    for number in range(accounts):
        maker.account(is_chinese=number % 3 == 2)
    session.flush()


class _Maker:
    """Adds records to a session, names by chance and never twice."""

    def __init__(self, session: Session, chance: Random) -> None:
        self.session, self.chance = session, chance
        self.used: set[str] = set()
        self.count = 0
        self.reps: list[User] = []
        self.products: list[Product] = []
        self.stages: list[Stage] = []
        self.rivals = [self.fresh(self.word) for _ in range(3)]

    def add(self, model: Any, **values: Any) -> Any:
        self.count += 1
        row = model(source="made", external_id=f"X{self.count}", synced_at=NOW, **values)
        self.session.add(row)
        self.session.flush()
        return row

    def fresh(self, make: Any) -> str:
        for _ in range(200):
            found: str = make()
            if found not in self.used:
                self.used.add(found)
                return found
        raise ValueError("no new name left")

    def word(self) -> str:
        parts = (_STARTS, _MIDDLES, _ENDS)
        return "".join(self.chance.choice(part) for part in parts).capitalize()

    def person(self) -> str:
        return f"{self.chance.choice(_FIRST)} {self.word()}"

    def person_zh(self) -> str:
        given = "".join(self.chance.sample(_GIVEN_ZH, 2))
        return self.chance.choice(_SURNAMES_ZH) + given

    def deal_name(self, account: Account) -> str:
        if account.name.isascii():
            return f"{account.name} {self.word()}"
        return f"{account.name[:4]}{''.join(self.chance.sample(_WORDS_ZH, 2))}设备项目"

    def organisation(self) -> None:
        teams = [self.add(Team, name=f"{self.word()} team") for _ in range(2)]
        places = [
            self.add(Territory, name=f"{name} area", region=name) for name in ("North", "South")
        ]
        for number in range(8):
            name = self.fresh(self.person)
            self.reps.append(
                self.add(
                    User, name=name, email=f"{name.split()[1].lower()}@ours.example",
                    role="manager" if number == 0 else "rep", team_id=teams[number % 2].id,
                    territory_id=places[number % 2].id, title="Sales",
                )
            )  # fmt: skip
            self.add(
                Quota, user_id=self.reps[-1].id, starts_on=date(2026, 1, 1),
                ends_on=date(2026, 12, 31), currency="EUR",
                amount_minor=self.chance.randint(400, 900) * 100_000 + 1_300,
            )  # fmt: skip

    def catalogue(self) -> None:
        for position, (name, status) in enumerate(_STAGES, start=1):
            self.stages.append(self.add(Stage, name=name, status=status, position=position))
        book = self.add(PriceBook, name="Standard", currency="EUR")
        for family in (self.fresh(self.word), self.fresh(self.word)):
            for use in ("Keeps samples cold", "Counts cells", "Cleans trays"):
                product = self.add(
                    Product, name=f"{family} {self.fresh(self.word)}", family=f"{family} line",
                    description=f"{use}, batch {self.chance.randint(100, 999)}",
                )  # fmt: skip
                self.products.append(product)
                self.add(
                    PriceBookEntry, price_book_id=book.id, product_id=product.id,
                    list_price_minor=self.chance.randint(2_000, 9_000) * 1_000 + 700,
                )  # fmt: skip

    def account(self, *, is_chinese: bool) -> None:
        if is_chinese:
            name = self.fresh(
                lambda: self.chance.choice(_PLACES_ZH)
                + "".join(self.chance.sample(_WORDS_ZH, 2)) + "医疗有限公司"
            )  # fmt: skip
            city, country = name[:2], "China"
        else:
            name = self.fresh(lambda: f"{self.word()} {self.chance.choice(_TRADES)}")
            city, country = self.chance.choice(_CITIES)
        owner = self.chance.choice(self.reps)
        domain = f"c{len(self.used)}.example"
        account = self.add(
            Account, name=name, city=city, country=country, industry="Health care",
            domain=domain, owner_id=owner.id, territory_id=owner.territory_id,
            employees=self.chance.randint(50, 900), currency="EUR",
            annual_revenue_minor=self.chance.randint(20, 900) * 10_000_000,
        )  # fmt: skip
        people = []
        for number in range(3):
            called = self.fresh(self.person_zh if is_chinese else self.person)
            people.append(
                self.add(
                    Contact, name=called, email=f"p{number}@{domain}", account_id=account.id,
                    title=self.chance.choice(_TITLES), language="zh" if is_chinese else "en",
                    phone=f"+49 30 {self.chance.randint(1_000_000, 9_999_999)}",
                )
            )  # fmt: skip
        self.deals(account, owner)
        self.cases(account, people[0], is_chinese=is_chinese)
        self.talks(account, owner, people[0], is_chinese=is_chinese)
        lead = self.fresh(self.person)
        self.add(
            Lead, name=lead, company=self.word(), email=f"{lead.split()[1].lower()}@lead.example",
            status="new", owner_id=owner.id, created_on=date(2026, 3, 1),
        )  # fmt: skip

    def deals(self, account: Account, owner: User) -> None:
        for _ in range(4):
            stage = self.chance.choice(self.stages)
            amount = self.chance.randint(12_000, 380_000) * 100 + 3_700
            is_open = stage.status == "open"
            opened = date(2025, 1, 10) + timedelta(days=self.chance.randint(0, 400))
            closed = opened + timedelta(days=self.chance.randint(30, 200))
            product = self.chance.choice(self.products)
            deal = self.add(
                Opportunity, name=self.fresh(lambda: self.deal_name(account)), owner_id=owner.id,
                account_id=account.id, territory_id=owner.territory_id, stage_id=stage.id,
                amount_minor=amount, currency="EUR", opened_on=opened,
                competitor=self.chance.choice(self.rivals), lead_source="Fair",
                lost_reason="Price" if stage.status == "lost" else None,
                next_step=f"Ask {self.word()}", expected_close_on=date(2026, 12, 15),
                closed_on=None if is_open else closed, forecast_category="Commit",
            )  # fmt: skip
            self.add(
                OpportunityLine, opportunity_id=deal.id, product_id=product.id, quantity=Decimal(1),
                amount_minor=amount,
            )  # fmt: skip
            self.add(
                Quote, opportunity_id=deal.id, number=f"Q-{7_000 + self.count}", status="sent",
                total_minor=amount, currency="EUR", created_on=opened,
                discount=Decimal(self.chance.randint(301, 2_399)) / 10_000,
            )  # fmt: skip

    def cases(self, account: Account, person: Contact, *, is_chinese: bool) -> None:
        subjects = [one for one in _SUBJECTS if one.isascii() is not is_chinese]
        for subject in self.chance.sample(subjects, self.chance.randint(2, 4)):
            opened = NOW - timedelta(days=self.chance.randint(5, 600))
            is_closed = self.chance.random() < 0.6
            closed = opened + timedelta(hours=self.chance.randint(5, 90)) if is_closed else None
            self.add(
                Case, subject=subject, status="Closed" if is_closed else "In work",
                priority=self.chance.choice(("High", "Low")), category="Device",
                account_id=account.id, contact_id=person.id,
                owner_id=self.chance.choice(self.reps).id,
                product_id=self.chance.choice(self.products).id, opened_at=opened,
                closed_at=closed,
                satisfaction=Decimal(self.chance.randint(2, 5)) if is_closed else None,
            )  # fmt: skip

    def talks(self, account: Account, owner: User, person: Contact, *, is_chinese: bool) -> None:
        said = [pair for pair in _SAID if pair[0].isascii() is not is_chinese]
        for _ in range(2):
            talk = self.add(
                Conversation, kind="call", title=f"{account.name}: {self.word()}",
                started_at=NOW - timedelta(days=self.chance.randint(2, 300)),
                language="zh" if is_chinese else "en", account_id=account.id, owner_id=owner.id,
                content_sha256="0" * 64,
            )  # fmt: skip
            both = ((person.name, Side.CUSTOMER), (owner.name, Side.OURS))
            for position, (name, side) in enumerate(both):
                is_theirs = side is Side.CUSTOMER
                self.session.add(
                    Participant(
                        conversation_id=talk.id, position=position, name=name, side=side.value,
                        contact_id=person.id if is_theirs else None,
                        user_id=None if is_theirs else owner.id,
                        phone=person.phone if is_theirs else None,
                    )
                )  # fmt: skip
            for position, text in enumerate(self.chance.choice(said)):
                self.session.add(
                    Segment(
                        conversation_id=talk.id, position=position, text=text,
                        speaker=both[position][0], start_ms=position * 9_000,
                        end_ms=position * 9_000 + 8_000,
                    )
                )  # fmt: skip
        self.session.flush()
