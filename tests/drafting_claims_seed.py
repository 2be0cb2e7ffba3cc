"""A small world for the drafting evals: two customers, their calls, mails and quotes, as facts."""

from datetime import UTC, date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from crm.facts import Fact, FactKind
from crm.models import Contact, Opportunity, OpportunityLine, Product, Quote, Stage
from tests.conversation_seed import add_account, add_conversation, add_user, sourced

AS_OF = datetime(2026, 11, 22, 9, tzinfo=UTC)
TODAY = AS_OF.date()
CALL_AT = datetime(2026, 11, 19, 15, tzinfo=UTC)
POLICY = "Support answers within four hours on working days."
_CALL = [
    ("Marcus Bell", "Before we sign, our team needs to see your SOC 2 report, Type 2, not Type 1."),
    (
        "Anna Lindqvist",
        "We have a SOC 2 report from this year. I will send you the report by Friday.",
    ),
    ("Marcus Bell", "We need single sign-on with Microsoft. Nobody is allowed another password."),
    ("Anna Lindqvist", "Single sign-on is included, and it works with Microsoft and with Okta."),
    ("Marcus Bell", "Our budget is $160,000 for Beacon Insight."),
    (
        "Marcus Bell",
        "I have to talk to our finance director, Priya. I will do that by next Wednesday.",
    ),
    ("Marcus Bell", "The security review takes three to four weeks."),
    ("Marcus Bell", "Let's talk again next Thursday at 10 with our security lead, Tom."),
    ("Marcus Bell", "How long do the batteries of the sensors last?"),
    ("Anna Lindqvist", "At one measurement every ten minutes, about four years."),
]
_MAIL = [
    ("Marcus Bell", "Our policy says that all production data must stay in the United States."),
    ("Marcus Bell", "Our plant manager asks why we should pay more."),
]
_CALL_ZH = [
    ("王建国", "今年的预算是80万，你们报的是96万。"),
    ("王建国", "数据必须存放在国内，我很担心数据存放的位置。"),
    ("陈思远", "我们的优势是售后服务，工程师24小时之内到现场。"),
    ("王建国", "你下周三之前把新的报价和安全白皮书发给我。"),
    ("陈思远", "好的，下周三之前一定把新的报价和安全白皮书发给您。"),
    ("王建国", "可以，下周五上午十点通话吧。"),
    ("王建国", "还有一家公司也在跟我们谈，他们的价格比你们低。"),
    ("王建国", "更正一下，第一期需要65个传感器。"),
    ("王建国", "你们准备得很充分，技术方面从来不是问题。"),
    ("王建国", "等签字走完，我们一起定启动计划。"),
]


def sow(session: Session) -> dict[str, Fact]:
    """Fill the store and return its facts by short names."""
    anna = add_user(session, 1, "Anna Lindqvist", email="anna@harborline.example", role="rep")
    chen = add_user(session, 2, "陈思远", email="chen@harborline.example", role="rep")
    north = add_account(session, 1, "Northvale Foods", owner_id=anna.id)
    huarui = add_account(session, 2, "华锐食品", owner_id=chen.id)
    add_account(session, 3, "智维云")
    for number, (name, account) in enumerate(
        [("Marcus Bell", 1), ("Priya Shah", 1), ("Tom Reyes", 1), ("Stefan Hauser", 1),
         ("王建国", 2), ("周浩然", 2)], start=1,
    ):  # fmt: skip
        address = f"person{number}@customer{account}.example"
        session.add(Contact(**sourced(number), name=name, email=address, account_id=account))
    for number, name in enumerate(
        ("Beacon Insight", "Beacon Predict", "Tidemark Gateway", "Tidemark Vibe", "Tidemark Meter"),
        start=1,
    ):
        session.add(Product(**sourced(number), name=name, is_active=True))
    session.add(Stage(**sourced(1), name="Negotiation", position=1, status="open"))
    session.flush()
    for number, name, account, currency in (
        (1, "Northvale Foods – plant monitoring", north.id, "USD"),
        (2, "华锐食品 – 设备监测平台", huarui.id, "CNY"),
    ):
        row = Opportunity(
            **sourced(number), name=name, account_id=account, stage_id=1, currency=currency
        )
        session.add(row)
    session.flush()
    session.add(OpportunityLine(**sourced(1), opportunity_id=1, product_id=3, quantity=Decimal(12)))
    for number, deal, code, total, currency, share, until in (
        (1, 1, "Q-00017-1", 18_000_000, "USD", "0.08", date(2026, 12, 13)),
        (2, 2, "Q-00020-2", 96_000_000, "CNY", "0.1", date(2026, 12, 31)),
    ):
        session.add(
            Quote(
                **sourced(number), opportunity_id=deal, number=code, status="sent",
                total_minor=total, currency=currency, discount=Decimal(share), valid_until=until,
            )
        )  # fmt: skip
    ours = {
        "Anna Lindqvist": "ours",
        "Marcus Bell": "customer",
        "王建国": "customer",
        "陈思远": "ours",
    }
    for number, said, kind, title in (
        (1, _CALL, "call", "Security and price"),
        (2, _MAIL, "email", "Where the data lives"),
        (3, _CALL_ZH, "call", "报价与数据"),
    ):
        add_conversation(
            session, number, said, kind=kind, title=title, started_at=CALL_AT, sides=ours
        )
    session.flush()
    return dict(_facts())


def said_fact(number: int, place: int, *, words: str | None = None) -> Fact:
    """Return a quote as the product words it."""
    said = {1: _CALL, 2: _MAIL, 3: _CALL_ZH}[number]
    speaker, text = said[place]
    quote = words or text
    side = {"Anna Lindqvist": "our side", "陈思远": "我方", "王建国": "客户"}.get(
        speaker, "customer"
    )
    title = {1: "Security and price", 2: "Where the data lives", 3: "报价与数据"}[number]
    if number == 3:
        shown = f"{speaker}（{side}），通话《{title}》2026-11-19：“{quote}”"
    else:
        shown = f'{speaker} ({side}), call "{title}" 2026-11-19: "{quote}"'
    return Fact(
        kind=FactKind.SEGMENT, text=shown, as_of=AS_OF, source=f"conversation:{number}#{place}"
    )


def _facts() -> list[tuple[str, Fact]]:
    def record(text: str, source: str) -> Fact:
        return Fact(kind=FactKind.RECORD, text=text, as_of=AS_OF, source=source)

    spoken = {
        "care": (1, 0), "report": (1, 1), "need": (1, 2), "sso": (1, 3), "budget": (1, 4),
        "finance": (1, 5), "timing": (1, 6), "meeting": (1, 7), "battery_q": (1, 8),
        "battery_a": (1, 9), "data": (2, 0), "hearsay": (2, 1), "zh_praise": (3, 8),
        "zh_both": (3, 9), "zh_budget": (3, 0), "zh_cloud": (3, 1),
        "zh_service": (3, 2), "zh_paper": (3, 4), "zh_call": (3, 5), "zh_rival": (3, 6),
        "zh_sensors": (3, 7),
    }  # fmt: skip
    made = {name: said_fact(*place) for name, place in spoken.items()}
    made["quote"] = record(
        "Quote Q-00017-1 (sent): total USD 180,000.00, discount 8 %, valid until 2026-12-13.",
        "quote:1",
    )
    made["zh_quote"] = record(
        "报价单 Q-00020-2（sent）：总价 960,000.00 CNY，折扣 10 %，有效期至 2026-12-31。", "quote:2"
    )
    made["lines"] = record("Products in the deal: Tidemark Gateway × 12.", "opportunity:1")
    made["policy"] = Fact(kind=FactKind.SETTING, text=POLICY, source="policy:support")
    return [(name, fact.model_copy(update={"id": name})) for name, fact in made.items()]
