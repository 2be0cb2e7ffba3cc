"""Reads a request for a discount: "request 15 % on D00001, three-year term", 申请15%折扣."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from copilot.agent.act_records import find_deal
from copilot.agent.act_scene import ENDS, Missing, Scene, missing, unquoted
from copilot.agent.approvals.proposing import Wanted
from copilot.agent.contract import Status
from copilot.agent.effects.discounts import discount_payload
from copilot.agent.wording import phrase
from copilot.grounding.numerals import EN_NUMERAL, read_en
from crm.models import EffectKind
from tools.names import NameMention, find_names
from tools.numerals import parse_number
from tools.quantities import find_quantities

_SIGN = r"(?:%|％|percent\b|per cent\b|pct\b)"
# A figure with a sign in front, or a part of a longer one, is none that was asked for.
_ALONE = r"(?<![A-Za-z0-9.,])(?<![-−][ ])(?<![-−])"
_PERCENT = rf"{_ALONE}(?P<percent>\d{{1,3}}(?:[.,]\d{{1,4}})?)\s*{_SIGN}"
_ODD = re.compile(rf"\S*\d\S*?\s*{_SIGN}", re.IGNORECASE)
_OFF = r"(?:discount|off\b|price cut|reduction|rebate|concession|折扣|优惠|让利|减价|降价)"
_EN_VERB = r"(?:request|ask for|apply for|propose|submit|get|give|grant|offer|knock|take|shave)"
_ASKS = re.compile(
    rf"^{_EN_VERB}\b"
    r"(?!.*\b(?:deals|opportunities|customers|accounts|which|who|how|what)\b)"
    r"(?=.*(?:\d\s*(?:%|％|percent|per cent|pct)|\bpercent)).*"
    rf"{_OFF}"
    r"|^(?:申请|请求|提交|给|对|为)(?!.*(?:多少|哪些|几|什么|谁|吗))"
    r".*(?:(?:\d\s*[%％]|百分之[\d.一二三四五六七八九十]+)的?(?:折扣|优惠|让利|减价|降价)"
    r"|打\s*[\d.一二三四五六七八九]+\s*折)"
    r"|^.{0,80}?(?:申请|请求)(?!.*(?:多少|哪些|什么|谁))[^，,。]{0,20}(?:\d\s*[%％]|百分之|折).*",
    re.IGNORECASE,
)
_GIVEN = (
    re.compile(rf"(?:an? |of )?{_PERCENT}\s*(?:的)?\s*(?:{_OFF})?", re.IGNORECASE),
    re.compile(r"百分之(?P<percent>[\d.]+|[一二三四五六七八九十]+)\s*(?:的)?(?:折扣|优惠|让利)?"),
    re.compile(rf"(?:an? |of )?\b(?P<words>{EN_NUMERAL})\s*{_SIGN}\s*{_OFF}?", re.IGNORECASE),
    re.compile(r"打?\s*(?P<fold>\d{1,2}(?:\.\d)?|[一二三四五六七八九]{1,2})\s*折(?!扣)"),
)
_REASON = re.compile(
    r"(?:[\s,，;；。:：–—-]*(?:\b(?:because(?: of)?|since|due to|given|in return for"
    r"|in exchange for|reason(?: is)?)\b|因为|由于|理由是?|原因是?|作为|换取)\s*[:：]?"
    r"|\s*[,，;；。]|\s+[–—-])\s*",
    re.IGNORECASE,
)
_RECORD = (
    re.compile(r"\b(?:on|for|to|off|with)\s+(?:the\s+)?(?P<record>.+)$", re.IGNORECASE),
    re.compile(
        r"^(?:申请|请求)?(?:给|对|为|在|替)(?P<record>.+?)(?:申请|请求|提交|批|打|要|一个|$)"
    ),
    re.compile(r"^(?P<record>.+?)(?:申请|请求)"),
    re.compile(r"^(?:申请|请求)(?P<record>.+)$"),
)
_VERB = re.compile(
    rf"^{_EN_VERB}\s+"
    rf"(?:us |me )?(?:an? )?|\s*(?:an? )?(?:\bof\b)?\s*{_OFF}\s*(?:of)?",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"\d\s*(?:%|％)?\s*(?:to|or|and|[-–—~～至到或和])\s*$|\bbetween\s.{1,20}\sand\s*$",
    re.IGNORECASE,
)
_OF_AMOUNT = re.compile(
    r"^(?:request|ask for|apply for|propose|submit|grant|offer|give|knock|take|shave)\b"
    r"(?!.*\b(?:deals|opportunities|customers|accounts|which|who|how|what|me|average|total)\b).*"
    r"\b(?:discount|off|price cut|reduction|rebate)\b"
    r"|^(?:申请|请求|提交|给|对|为)(?!.*(?:多少|哪些|几|什么|谁|吗|我)).*(?:折扣|优惠|让利|减价|降价)",
    re.IGNORECASE,
)
_DIGITS = "一二三四五六七八九"
_MOST_REASON = 2_000


def asks_discount(asked: str) -> bool:
    """Say whether the words ask for a discount."""
    return bool(_ASKS.match(asked)) and _given(asked) is not None


def read_discount(scene: Scene, asked: str) -> Wanted | None:
    """Return the discount that a request asks for, None if it asks for something else.

    Raises Missing where the deal, the percentage or the reason is not said.
    """
    if not _ASKS.match(asked):
        if _asks_amount(asked):
            raise missing(scene, "act_percent_only", said=asked)
        return None
    names = [one.span for one in find_names(asked, scene.index).mentions if one.exact]
    given, odd = _given(asked, names), _ODD.search(asked)
    if given is None and odd is not None:
        raise missing(scene, "act_which_percent", said=odd[0])
    if given is None:
        return None
    hundredths = _hundredths(scene, given)
    if _is_one_of_several(asked, given, names):
        raise missing(scene, "act_one_percent", said=asked)
    rest = f"{asked[: given.start()]} {asked[given.end() :]}".strip()
    head, reason = _split(rest, given.start(), find_names(rest, scene.index).mentions)
    deal = find_deal(scene, _record_in(head))
    reason = unquoted(scene.given.get("reason", reason)).strip(ENDS)[:_MOST_REASON]
    if not reason:
        raise missing(scene, "act_why_discount", slot="reason", deal=deal.name)
    payload = discount_payload(
        scene.session, deal.id, hundredths, reason, principal=scene.principal
    )
    return Wanted(
        EffectKind.REQUEST_DISCOUNT,
        payload,
        key="",
        account_id=deal.account_id,
        opportunity_id=deal.id,
    )


def _asks_amount(asked: str) -> bool:
    """Say whether a discount is asked for as an amount, or as a figure of nobody knows what."""
    if not _OF_AMOUNT.match(asked):
        return False
    is_bare = re.search(r"\b\d+(?:[.,]\d+)?\s+off\b", asked, re.IGNORECASE)
    return is_bare is not None or any(one.currency for one in find_quantities(asked))


def _given(asked: str, names: Sequence[tuple[int, int]] = ()) -> re.Match[str] | None:
    return next(_all_given(asked, names), None)


def _all_given(asked: str, names: Sequence[tuple[int, int]]) -> Iterator[re.Match[str]]:
    """Yield every percentage that stands in no name."""
    for pattern in _GIVEN:
        for found in pattern.finditer(asked):
            if not any(first <= found.start() < last for first, last in names):
                yield found


def _is_one_of_several(asked: str, given: re.Match[str], names: Sequence[tuple[int, int]]) -> bool:
    """Say whether a second percentage stands beside it, or it ends a range: "5 to 10 %"."""
    reason = next((one for one in _REASON.finditer(asked) if one.start() >= given.end()), None)
    ends = reason.start() if reason else len(asked)
    others = [one for one in _all_given(asked, names) if one.start() < ends]
    return _RANGE.search(asked[: given.start()]) is not None or any(
        one.end() <= given.start() or one.start() >= given.end() for one in others
    )


def _hundredths(scene: Scene, given: re.Match[str]) -> int:
    named = given.groupdict()
    if named.get("fold") is not None:
        value = (10 - _fold(named["fold"])) * 10
    elif named.get("words") is not None:
        value = Decimal(str(read_en(named["words"])))
    else:
        value = parse_number(named["percent"].replace(",", ".")) or Decimal(0)
    hundredths = value * 100
    if hundredths != int(hundredths) or not 0 < hundredths <= 10_000:
        text = phrase("act_which_percent", scene.language, said=given[0].strip())
        raise Missing(Status.AMBIGUOUS, text)
    return int(hundredths)


def _fold(said: str) -> Decimal:
    """Return how many tenths of the price 八五折, 85折, 8.5折 and 九折 leave."""
    digits = "".join(str(_DIGITS.index(one) + 1) if one in _DIGITS else one for one in said)
    value = Decimal(digits)
    return value / 10 if len(digits) == 2 else value


def _split(rest: str, at: int, named: Sequence[NameMention]) -> tuple[str, str]:
    """Return what names the deal, and the reason behind it; no sign within a name parts them."""
    spans = [one.span for one in named if one.exact]
    for match in _REASON.finditer(rest):
        if any(first < match.start() < last for first, last in spans):
            continue
        head, reason = rest[: match.start()].strip(), rest[match.end() :].strip(ENDS)
        if match.start() > 0 and reason and (match.start() >= at or not _is_deal_part(reason)):
            return head, reason
    return rest, ""


def _is_deal_part(text: str) -> bool:
    return bool(re.match(r"(?:on|for|给|申请|请求)\b", text, re.IGNORECASE))


def _record_in(head: str) -> str:
    bare = " ".join(_VERB.sub(" ", head).split()).strip(ENDS)
    for pattern in _RECORD:
        match = pattern.search(bare)
        if match is not None and match["record"].strip(ENDS):
            return match["record"].strip(ENDS)
    return re.sub(r"^(?:申请|请求|要求|提交|给|对|为|一个|的|\s)+$", "", bare)
