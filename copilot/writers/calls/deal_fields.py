"""Fields of the deal itself: close date, amount and stage, each checked against the CRM."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from copilot.writers.calls.cues import CueBook, cue_book
from copilot.writers.calls.due import Due, find_due
from copilot.writers.calls.money import Sum, find_sums
from copilot.writers.calls.notes import DealContext, StageOption
from copilot.writers.calls.promises import promises
from copilot.writers.calls.qualification import Element, Scene
from copilot.writers.calls.statements import Statement, clause_around
from crm.models import StageStatus

_FARTHEST = timedelta(days=3 * 365)
_SURELY_WON = 0.75
_NAMED_WITHIN = 40
_US = re.compile(r"you\b|你们|您|贵")
# "About 322 thousand" for 322,298 is the same price in fewer figures.
_SAME_PRICE = Decimal("0.02")


def find_deal_fields(scene: Scene) -> list[Element]:
    """Return what both sides said of the deal's date, price and stage, in order of the talk."""
    if scene.deal is None:
        return []
    found: list[Element] = []
    for statement in scene.statements:
        if statement.is_order or statement.text.rstrip().endswith(("?", "？")):
            continue
        found += _close(statement, scene)
        found += _amount(statement, scene, scene.deal)
        found += _stage(statement, scene, scene.deal)
    return found


def _close(statement: Statement, scene: Scene) -> Iterator[Element]:
    """Yield the day of signature that the customer names, in its own words or as an answer."""
    book, text = scene.book, statement.text
    if not statement.is_theirs or statement.is_hypothetical:
        return
    if promises(statement, book, is_dated=True) and not _promises_signing(text, book):
        return
    dues = [due for due in find_due(text, scene.talk.day) if not _is_missed(text, due, book)]
    if not dues:
        return
    is_answer = _answers_close(statement, scene)
    due = _meant(text, dues)
    clause = clause_around(text, due.start, due.end)
    cue, other = book.has("close", text), book.has("not_close", clause)
    if other and not (is_answer and cue):
        return
    if not (cue and (is_answer or _names_signature(text, book))) and not is_answer:
        return
    on = due.on
    if on > scene.talk.day + _FARTHEST:
        return
    confidence = (0.85 if is_answer else 0.75) - (0.1 if due.is_vague else 0)
    yield Element("expected_close_on", statement, confidence, on.isoformat())


def _meant(text: str, dues: Sequence[Due]) -> Due:
    """Return the last day of the first clause that names one: it may correct itself within."""
    first = clause_around(text, dues[0].start, dues[0].end)
    end = text.find(first) + len(first)
    return [due for due in dues if due.start < end][-1]


def _answers_close(statement: Statement, scene: Scene) -> bool:
    """Say whether our side asked about the signature in the line before this one."""
    place = statement.line.place
    before = scene.lines[place - 1] if place else None
    if before is None or before.side is statement.line.side:
        return False
    if scene.book.has("not_close", before.text) and not _names_signature(before.text, scene.book):
        return False
    return scene.book.has("asks_close", before.text)


def _names_signature(text: str, book: CueBook) -> bool:
    words = (
        r"签|合同|下单|成交|定下来"
        if book.language == "zh"
        else (r"\b(?:sign|contract|order\b|clos(?:e|ing)\b|decision\b|decide|go ahead\b|purchase)")
    )
    return re.search(words, text, re.IGNORECASE) is not None


def _promises_signing(text: str, book: CueBook) -> bool:
    """Say whether what is promised is the signature itself, or comes beside its day."""
    words = (
        "签(?!字)|下单" if book.language == "zh" else r"\bsign(?:ing|ed|ature)?\b|place the order"
    )
    return re.search(words, text, re.IGNORECASE) is not None


def _is_missed(text: str, due: Due, book: CueBook) -> bool:
    """Say whether the day is named as one that will not be met: 年底来不及, "not by June"."""
    after, before = text[due.end : due.end + 14], text[max(0, due.start - 18) : due.start]
    if book.language == "zh":
        return book.has("missed", after)
    near = re.split(r"[,;.]", before)[-1]
    return book.has("negation", near) or book.has("missed", near)


def _amount(statement: Statement, scene: Scene, deal: DealContext) -> Iterator[Element]:
    """Yield a new price: ours as told, or the one that the customer says was signed."""
    book, text = scene.book, statement.text
    if statement.is_hypothetical or not book.has("price", text):
        return
    if statement.is_theirs and not _says_signed(statement, scene):
        return
    if not statement.is_ours and not statement.is_theirs:
        return
    if statement.is_ours and not _is_our_price(text, book):
        return
    sums = [each for each in find_sums(text, deal, scene.talk) if _can_be_price(each, deal)]
    if not sums:
        return
    confidence = 0.8 if statement.is_theirs else 0.6
    yield Element("amount", statement, confidence, sums[-1].text())


def _says_signed(statement: Statement, scene: Scene) -> bool:
    here = [each for each in scene.statements if each.line.place == statement.line.place]
    text = " ".join(each.text for each in here)
    return scene.book.has("stage_won", text)


def _is_our_price(text: str, book: CueBook) -> bool:
    """Say whether we name this customer's price, not another's and not what it could have been."""
    words = (
        r"别的客户|其他客户|损失|预算|节省"
        if book.language == "zh"
        else (r"\b(?:another|other customers?|they paid|budget|sav(?:e|es|ing)|near you)\b")
    )
    return re.search(words, text, re.IGNORECASE) is None


def _can_be_price(each: Sum, deal: DealContext) -> bool:
    if deal.amount is None or deal.amount <= 0:
        return each.is_explicit
    is_near = deal.amount / 5 <= each.value <= deal.amount * 5
    return is_near and not _is_rounded(each.value, deal.amount)


def _is_rounded(said: Decimal, amount: Decimal) -> bool:
    """Say whether an amount is the deal's own, told in fewer figures."""
    is_rounder = len(said.normalize().as_tuple().digits) < len(amount.normalize().as_tuple().digits)
    return said != amount and is_rounder and abs(said - amount) <= _SAME_PRICE * amount


def _stage(statement: Statement, scene: Scene, deal: DealContext) -> Iterator[Element]:
    book, text = scene.book, statement.text
    if statement.is_hypothetical or deal.stage is None:
        return
    if _denies(text, "stage_lost", book) is False and statement.is_theirs:
        lost = next((one for one in deal.stages if one.status is StageStatus.LOST), None)
        if lost:
            yield Element("stage", statement, 0.8, lost.name)
            return
    if _denies(text, "stage_won", book) is False:
        won = next((one for one in deal.stages if one.status is StageStatus.WON), None)
        if won:
            yield Element("stage", statement, _SURELY_WON, won.name)
            return
    if statement.is_theirs:
        yield from _step(statement, scene, deal)


def _step(statement: Statement, scene: Scene, deal: DealContext) -> Iterator[Element]:
    """Yield the stage that the customer's choice or wish leads to."""
    book, text = scene.book, statement.text
    chosen = book.find("stage_chosen", text)
    if chosen is not None:
        yield from _choice(statement, scene, deal, text[chosen.end() :][:_NAMED_WITHIN])
        return
    for kind in ("contract", "proposal"):
        if _denies(text, f"stage_{kind}", book) is False:
            option = _named_stage(deal, kind, book)
            if option and _is_forward(deal, option):
                yield Element("stage", statement, 0.6, option.name)
                return


def _choice(statement: Statement, scene: Scene, deal: DealContext, after: str) -> Iterator[Element]:
    """Yield what a choice means: ours is a step forward, a known competitor's is the end.

    Any other name proposes nothing: it may be our own company's, which no CRM record holds.
    """
    told = after.casefold()
    if _US.match(told.strip()) or any(name.casefold() in told for name in scene.talk.own_names):
        option = _named_stage(deal, "contract", scene.book)
        if option and _is_forward(deal, option):
            yield Element("stage", statement, 0.6, option.name)
    elif any(name.casefold() in told for name in scene.talk.competitors if len(name) > 1):
        lost = next((one for one in deal.stages if one.status is StageStatus.LOST), None)
        if lost:
            yield Element("stage", statement, 0.7, lost.name)


def _denies(text: str, cue_name: str, book: CueBook) -> bool | None:
    """Return whether a cue is negated, None where there is no such cue."""
    cue = book.find(cue_name, text)
    if cue is None:
        return None
    if cue_name == "stage_lost":
        return False
    before = text[max(0, cue.start() - 20) : cue.start()]
    within = re.sub(r"没问题|不错", "", cue.group())
    return book.has("negation", re.split(r"[,;，；]", before)[-1]) or book.has("negation", within)


def _named_stage(deal: DealContext, kind: str, book: CueBook) -> StageOption | None:
    patterns = [book.stage_names[kind], cue_book("en").stage_names[kind]]
    for option in deal.stages:
        if option.status is StageStatus.OPEN and any(p.search(option.name) for p in patterns):
            return option
    return None


def _is_forward(deal: DealContext, option: StageOption) -> bool:
    now = next((one for one in deal.stages if one.name == deal.stage), None)
    return now is not None and now.status is StageStatus.OPEN and option.position > now.position
