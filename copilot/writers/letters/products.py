"""What our records say of products, service and the recipient's role, as sentences by code."""

import re
from dataclasses import dataclass

from copilot.grounding.pack.asked import DraftKind
from copilot.grounding.pack.model import DraftEvidence, Piece, Role
from copilot.grounding.sentences import CitedSentence
from tools.language import Language, detect_language

_MOST = 3
_INTRODUCED = 1
_OPEN_CASE = re.compile(r"^open support case|^未结服务工单", re.IGNORECASE)
_PRODUCT = re.compile(
    r"^(?P<name>[^:：×]+?)(?:\s*×\s*(?P<count>[\d,.]+)[^:：.。]*)?(?:[:：]\s*(?P<told>.+?))?[.。]?$",
    re.DOTALL,
)
_LEADS = {"en": ("Our proposal covers ", "It covers "), "zh": ("我们的方案包括", "内容包括")}
_AT = {
    "en": re.compile(r"^(?P<name>.+?) is (?P<title>.+) at (?P<company>.+)\.$"),
    "zh": re.compile(r"^(?P<name>.+?)是(?P<company>.+)的(?P<title>[^的]+)。$"),
}


@dataclass(frozen=True)
class _Product:
    fact_id: str
    name: str
    count: str | None
    told: str | None


def product_sentence(evidence: DraftEvidence, *, is_first: bool = False) -> CitedSentence | None:
    """Return what a letter says of products: those renewed or offered, else what one of them is."""
    listed = [_read(piece) for piece in evidence.pieces if piece.role is Role.PRODUCT]
    found = [each for each in listed if each is not None]
    in_deal = [each for each in found if each.count]
    if evidence.kind is DraftKind.COLD_OUTREACH:
        return _introduced(found, evidence.language)
    if not in_deal:
        return None
    chosen = in_deal[:_MOST]
    names = _listed([each.name for each in chosen], evidence.language)
    facts = tuple(each.fact_id for each in chosen)
    if evidence.kind is DraftKind.MEETING_REQUEST:
        text = f"想跟您聊聊{names}。"
        if evidence.language == "en":
            text = f"I would like to talk with you about {names}."
        return CitedSentence(text=text, facts=facts)
    if evidence.kind in {DraftKind.FOLLOW_UP, DraftKind.NUDGE}:
        lead = "I am writing about" if is_first else "It is about"
        text = f"{lead} {names}."
        if evidence.language == "zh":
            text = f"想跟您跟进一下{names}的事。" if is_first else f"主要是{names}的事。"
        return CitedSentence(text=text, facts=facts)
    if evidence.kind is DraftKind.RENEWAL:
        text = f"这次想跟您聊聊{names}的续约。"
        if evidence.language == "en":
            text = f"This is about the renewal of {names}."
        return CitedSentence(text=text, facts=facts)
    counted = _listed([f"{each.name} × {each.count}" for each in chosen], evidence.language)
    has_offer = any(piece.role is Role.OFFER for piece in evidence.pieces)
    lead = _LEADS[evidence.language][has_offer]
    text = f"{lead}{counted}{'。' if evidence.language == 'zh' else '.'}"
    return CitedSentence(text=text, facts=facts)


def _introduced(found: list[_Product], language: Language) -> CitedSentence | None:
    """Return what we offer: products with the first words of their description, where it fits."""
    by_name = {each.name: each for each in reversed(found) if each.told}
    chosen = [each for each in found if by_name.get(each.name) is each][:_INTRODUCED]
    if not chosen:
        return None
    listed = _listed([_described(each, language) for each in chosen], language)
    text = f"我们提供{listed}。" if language == "zh" else f"We offer {listed}."
    return CitedSentence(text=text, facts=tuple(each.fact_id for each in chosen))


def _described(product: _Product, language: Language) -> str:
    told = re.split(r"[;；.。]", product.told or "", maxsplit=1)[0].strip()
    if not told or detect_language(told) != language:
        return product.name
    if language == "zh":
        return f"{product.name}（{told}）"
    return (
        f"{product.name} ({told[:1].lower()}{told[1:]})"
        if told[1:2].islower()
        else (f"{product.name} ({told})")
    )


def _read(piece: Piece) -> _Product | None:
    match = _PRODUCT.match(" ".join(piece.fact.text.split()))
    if match is None:
        return None
    name = match["name"].strip().rstrip(".。")
    return _Product(piece.fact.id, name, match["count"], match["told"])


def service_sentence(evidence: DraftEvidence) -> CitedSentence | None:
    """Return that a support case of theirs is open, which they know and expect us to know."""
    cases = [
        piece
        for piece in evidence.pieces
        if piece.role is Role.SERVICE and _OPEN_CASE.search(piece.fact.text)
    ]
    if not cases:
        return None
    text = "您未结的服务工单，要不要一并沟通？"
    if evidence.language == "en":
        is_one = len(cases) == 1
        text = f"Shall we also go through your open support {'case' if is_one else 'cases'}?"
    return CitedSentence(text=text, facts=tuple(piece.fact.id for piece in cases))


def role_sentence(evidence: DraftEvidence) -> CitedSentence | None:
    """Return why this person is written to: the role in which the CRM has them."""
    for piece in evidence.pieces:
        if piece.role is not Role.COMPANY or not evidence.recipient.name:
            continue
        match = _AT[evidence.language].match(piece.fact.text)
        if match is None or match["name"] != evidence.recipient.name:
            continue
        text = f"我知道您在{match['company']}担任{match['title']}，所以想跟您联系。"
        if evidence.language == "en":
            text = f"I am writing to you because you are {match['title']} at {match['company']}."
        return CitedSentence(text=text, facts=(piece.fact.id,))
    return None


def _listed(names: list[str], language: Language) -> str:
    if language == "zh":
        return "、".join(names)
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}"
