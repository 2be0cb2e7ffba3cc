"""Evidence packs for letters, made by hand: one customer in two languages, everything dated."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from copilot.grounding.pack.asked import Channel, DraftKind
from copilot.grounding.pack.model import Answered, DraftEvidence, Party, Piece, Role
from crm.facts import Fact, FactKind
from tools.language import Language

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
TALKED = datetime(2026, 11, 12, 9, tzinfo=UTC)
TALK = "conversation:7"

SENDERS = {
    "en": Party("Anna Schmidt", "anna@acme.example", user_id=1),
    "zh": Party("陈思远", "chen@acme.example", user_id=1),
}
RECIPIENTS = {
    "en": Party("Priya Raman", "priya@n.example", "CIO", "Northwind", contact_id=4),
    "zh": Party("王建国", "wang@n.example", "信息总监", "北风食品", contact_id=4),
}
ASKED = {"en": "Do you support single sign-on?", "zh": "你们支持单点登录吗？"}
ANSWERED = {
    "en": "Yes, we support it with SAML, and our engineer sets it up with you.",
    "zh": "支持的，用SAML协议，我们的工程师跟您一起配置。",
}
OPEN = {
    "en": "How many sensors can one gateway really carry?",
    "zh": "一台网关实际能带多少个传感器？",
}
NEED = {
    "en": "The migration must not take more than six weeks.",
    "zh": "迁移不能超过六周，这是我们的硬性要求。",
}
PROMISE = {
    "en": "I'll send you the security report by 20 November.",
    "zh": "我会在11月20日前把安全报告发给您。",
}
OFFER = {
    "en": "Quote Q-7 (sent): total $120,000, discount 5 %, valid until 2026-12-13.",
    "zh": "报价单 Q-7（已发送）：总价 ¥120,000，折扣 5 %，有效期至 2026-12-13。",
}
PRODUCT = {
    "en": "Beacon × 6 in the deal: plant monitoring.",
    "zh": "Beacon × 6（商机内）：设备监测。",
}
TALKS = {
    "en": 'Call "Northwind: security and timing" with Priya Raman on 2026-11-12.',
    "zh": "2026-11-12 与王建国的通话《北风食品：安全与进度》。",
}
MAILS = {
    "en": 'Email "Questions on security" from Priya Raman on 2026-11-12.',
    "zh": "2026-11-12 王建国发来的邮件《关于安全的问题》。",
}


def piece(
    number: int,
    role: Role,
    text: str,
    *,
    said: bool = False,
    language: Language = "en",
    answers: str | None = None,
    is_open: bool = False,
    due_on: date | None = None,
    source: str = "",
    at: datetime = TALKED,
) -> Piece:
    """Return a piece; `said` ones are quoted words of the talk."""
    is_ours = role.name.startswith("OUR")
    who = (SENDERS if is_ours else RECIPIENTS)[language].name
    worded = text
    if said and language == "zh":
        worded = f"{who}（{'我方' if is_ours else '客户'}），2026-11-12通话：“{text}”"
    elif said:
        side = "our side" if is_ours else "customer"
        worded = f'{who} ({side}), call on 2026-11-12: "{text}"'
    fact = Fact(
        id=f"F{number}",
        kind=FactKind.SEGMENT if said else FactKind.RECORD,
        text=worded,
        as_of=at,
        source=source or (f"{TALK}#{number}" if said else f"record:{number}"),
    )
    return Piece(
        fact,
        role,
        who=who if said else None,
        quote=text if said else None,
        answers=answers,
        is_open=is_open,
        due_on=due_on,
    )


def rich_pieces(language: Language = "en", *, is_mail: bool = False) -> list[Piece]:
    """Return a question with our answer, an open one, a need, a promise, an offer, a product."""
    lang = language
    asked = piece(2, Role.THEIR_QUESTION, ASKED[lang], said=True, language=lang, is_open=is_mail)
    offer = piece(7, Role.OFFER, OFFER[lang])
    currency = "CNY" if lang == "zh" else "USD"
    offered = offer.fact.model_copy(update={"value": 120_000.0, "currency": currency})
    talk = (MAILS if is_mail else TALKS)[lang]
    return [
        piece(1, Role.TALK, talk, source=TALK),
        asked,
        piece(3, Role.OUR_ANSWER, ANSWERED[lang], said=True, language=lang, answers="F2"),
        piece(4, Role.THEIR_QUESTION, OPEN[lang], said=True, language=lang, is_open=True),
        piece(5, Role.THEIR_NEED, NEED[lang], said=True, language=lang),
        piece(
            6,
            Role.OUR_PROMISE,
            PROMISE[lang],
            said=True,
            language=lang,
            is_open=True,
            due_on=date(2026, 11, 20),
        ),
        replace(offer, fact=offered),
        piece(8, Role.PRODUCT, PRODUCT[lang]),
    ]


def evidence(
    kind: DraftKind = DraftKind.FOLLOW_UP,
    *,
    language: Language = "en",
    channel: Channel = Channel.EMAIL,
    pieces: Sequence[Piece] | None = None,
    purpose: str = "",
) -> DraftEvidence:
    """Return an evidence pack of one kind, over the rich pieces unless others are given."""
    is_reply = kind is DraftKind.REPLY
    given = rich_pieces(language, is_mail=is_reply) if pieces is None else pieces
    answered = Answered(7, "<q@n.example>", (), "Re: Questions", "Priya Raman", TALKED, "…")
    return DraftEvidence(
        kind=kind,
        channel=channel,
        language=language,
        as_of=NOW,
        purpose=purpose,
        subject_of="Northwind – rollout" if language == "en" else "北风食品 – 推广项目",
        sender=SENDERS[language],
        recipient=RECIPIENTS[language],
        pieces=tuple(given),
        opportunity_id=12,
        account_id=3,
        answered=answered if is_reply else None,
        talk_kind="email" if is_reply else "call",
        questions=(OPEN[language],),
        known_names=frozenset({"Priya Raman", "Boris Okafor", "王建国", "Northwind", "北风食品"}),
    )
