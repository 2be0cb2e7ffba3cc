"""Where evidence does not agree: said against said, and said against what the CRM holds."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from crm.money import format_money, to_major
from tools.profile.evidence import fold, from_proposal, merge_same, recorded
from tools.profile.model import Contradiction, Known, Person, Stance
from tools.profile.rows import Asked, Deal, Rows
from tools.profile.words import WORDS, read_day, read_sum, role_key

_CLOSE = ("expected_close_on", "bant.timeline")
_BUYER = ("meddicc.economic_buyer", "bant.authority")


def contradictions_of(rows: Rows, people: Sequence[Person], asked: Asked) -> list[Contradiction]:
    """Return what does not agree in deals that are open, the newest evidence first.

    What the CRM was changed to after it was said is settled; a later value said is not.
    """
    found: list[Contradiction] = []
    for deal in rows.deals:
        if deal.is_open:
            for find in (_close_date, _amount, _stage, _competitor, _budget, _buyer):
                found += find(deal, rows, asked)
    found += _critics(people, asked)
    return sorted(found, key=lambda one: one.values[0].known_on or date.min, reverse=True)


def _said(deal: Deal, fields: tuple[str, ...], label: str, rows: Rows, asked: Asked) -> list[Known]:
    """Return what was said of a deal's field, the same value once, the newest first."""
    found = [
        from_proposal(row, talk, rows, label=WORDS[asked.language][label], language=asked.language)
        for field in fields
        for row, talk in rows.proposals_on("opportunity", deal.row.id, field)
    ]
    return merge_same(found, key=lambda known: fold(known.value or known.text))


def _held(deal: Deal, label: str, text: str, value: str, day: date | None, asked: Asked) -> Known:
    words = WORDS[asked.language]
    return recorded(
        text,
        f"opportunity:{deal.row.id}",
        as_of=asked.as_of,
        fact_text=words["deal_field"].format(label=words[label], deal=deal.row.name, value=text),
        known_on=day,
        value=value,
        opportunity_id=deal.row.id,
    )


def _against_crm(
    deal: Deal, label: str, said: Sequence[Known], held: Known, asked: Asked
) -> Iterator[Contradiction]:
    """Yield a contradiction if the newest value said differs and is not older than the CRM's."""
    if not said or said[0].value == held.value:
        return
    if held.known_on is not None and (said[0].known_on or date.min) <= held.known_on:
        return
    # An earlier mention of what the CRM holds now does not stand apart from it.
    others = [known for known in said if known.value != held.value]
    yield _contradiction(deal, label, [*others, held], asked)


def _contradiction(deal: Deal, label: str, values: Sequence[Known], asked: Asked) -> Contradiction:
    newest = sorted(values, key=lambda known: known.known_on or date.min, reverse=True)
    return Contradiction(
        field=label,
        label=WORDS[asked.language][label],
        opportunity_id=deal.row.id,
        about=deal.row.name,
        values=tuple(newest[: max(2, asked.limit)]),
    )


def _close_date(deal: Deal, rows: Rows, asked: Asked) -> Iterator[Contradiction]:
    held_on = deal.row.expected_close_on
    said = [known for known in _said(deal, _CLOSE, "close_date", rows, asked) if _is_day(known)]
    if held_on is None:
        return
    changed = [
        one.changed_at.date()
        for one in rows.close_dates.get(deal.row.id, ())
        if one.changed_at <= asked.as_of
    ]
    since = max(changed, default=deal.row.opened_on)
    text = held_on.isoformat()
    held = _held(deal, "close_date", text, text, since, asked)
    yield from _against_crm(deal, "close_date", said, held, asked)


def _is_day(known: Known) -> bool:
    return read_day(known.value or "") is not None


def _amount(deal: Deal, rows: Rows, asked: Asked) -> Iterator[Contradiction]:
    row = deal.row
    if row.amount_minor is None:
        return
    changed = [
        one.changed_at.date()
        for one in rows.amounts.get(row.id, ())
        if one.changed_at <= asked.as_of
    ]
    since = max(changed, default=row.opened_on)
    major = to_major(row.amount_minor, row.currency)
    shown = format_money(row.amount_minor, row.currency)
    held = _held(deal, "amount", shown, f"{major.normalize():f} {row.currency}", since, asked)
    said = _said(deal, ("amount",), "amount", rows, asked)
    same = [replace(one, value=held.value) if _is_same_sum(one, held) else one for one in said]
    yield from _against_crm(deal, "amount", same, held, asked)


def _is_same_sum(one: Known, held: Known) -> bool:
    """Say whether a sum as said is the one held, rounded as people round: 32.2万 is 322,298."""
    said, exact = read_sum(one.value or ""), read_sum(held.value or "")
    if said is None or exact is None or said[1] != exact[1]:
        return False
    return said[0] in (exact[0], _rounded(exact[0], said[0]))


def _rounded(exact: Decimal, said: Decimal) -> Decimal:
    """Return the amount rounded to the digits of what was said, but to two at least."""
    digits = max(2, len(said.normalize().as_tuple().digits))
    return exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), ROUND_HALF_UP)


def _stage(deal: Deal, rows: Rows, asked: Asked) -> Iterator[Contradiction]:
    if deal.stage is None:
        return
    changed = rows.stage_changed_at.get(deal.row.id)
    since = changed.date() if changed else deal.row.opened_on
    held = _held(deal, "stage", deal.stage, deal.stage, since, asked)
    yield from _against_crm(
        deal, "stage", _said(deal, ("stage",), "stage", rows, asked), held, asked
    )


def _competitor(deal: Deal, rows: Rows, asked: Asked) -> Iterator[Contradiction]:
    """Yield rivals that were named and are not the one that the CRM holds."""
    rival = (deal.row.competitor or "").strip()
    fields = ("meddicc.competition", "competitor")
    said = _said(deal, fields, "competitor", rows, asked)
    others = [known for known in said if fold(rival) not in fold(known.value or "")]
    if rival and others:
        held = _held(deal, "competitor", rival, rival, deal.row.opened_on, asked)
        yield _contradiction(deal, "competitor", [*others, held], asked)


def _budget(deal: Deal, rows: Rows, asked: Asked) -> Iterator[Contradiction]:
    """Yield budgets that differ, and one below the price that the CRM holds."""
    said = _said(deal, ("bant.budget",), "budget", rows, asked)
    if len(said) > 1:
        yield _contradiction(deal, "budget", said, asked)
    row = deal.row
    newest = read_sum(said[0].value or "") if said else None
    if newest is None or row.amount_minor is None or newest[1] != row.currency:
        return
    amount = to_major(row.amount_minor, row.currency)
    if newest[0] < amount:
        shown = format_money(row.amount_minor, row.currency)
        held = _held(deal, "amount", shown, f"{amount.normalize():f} {row.currency}", None, asked)
        budget = WORDS[asked.language]["budget"]
        mark = "：" if asked.language == "zh" else ": "
        label = WORDS[asked.language]["amount"]
        values = [
            replace(said[0], text=f"{budget}{mark}{said[0].text}"),
            replace(held, text=f"{label}{mark}{shown}"),
        ]
        yield _contradiction(deal, "budget_gap", values, asked)


def _buyer(deal: Deal, rows: Rows, asked: Asked) -> Iterator[Contradiction]:
    """Yield economic buyers who were named but are not the one whom the CRM holds."""
    said = _said(deal, _BUYER, "economic_buyer", rows, asked)
    if not said:
        return
    names = {contact.id: contact.name for contact in rows.contacts}
    held = [
        names[one.contact_id]
        for one in rows.roles
        if one.opportunity_id == deal.row.id
        and one.contact_id in names
        and role_key(one.role or "") == "economic_buyer"
    ]
    known = [_buyer_held(deal, name, asked) for name in dict.fromkeys(held)]
    # 冯总 and Priya may be 冯春生 and Priya Shah: only a full name of somebody else contradicts.
    full = {fold(name) for name in names.values()} - {fold(name) for name in held}
    others = [one for one in said if fold(one.value or "") in full]
    if others and (known or len(others) > 1):
        yield _contradiction(deal, "economic_buyer", [*others, *known], asked)


def _buyer_held(deal: Deal, name: str, asked: Asked) -> Known:
    return _held(deal, "economic_buyer", name, name, deal.row.opened_on, asked)


def _critics(people: Sequence[Person], asked: Asked) -> Iterator[Contradiction]:
    """Yield people held to be champions whom conversations hold to be blockers, or the reverse."""
    for person in people:
        values = {known.value: known for known in person.roles}
        if Stance.CHAMPION in values and Stance.BLOCKER in values:
            both = [values[Stance.CHAMPION], values[Stance.BLOCKER]]
            newest = sorted(both, key=lambda known: known.known_on or date.min, reverse=True)
            yield Contradiction(
                field="stance",
                label=WORDS[asked.language]["stance"],
                opportunity_id=newest[0].opportunity_id,
                about=person.name,
                values=tuple(newest),
            )
