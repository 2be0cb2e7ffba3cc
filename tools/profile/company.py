"""The company and its deals: fields, money by currency, and each deal in short."""

from datetime import UTC, date, datetime
from decimal import Decimal

from crm.facts import Fact, FactKind
from crm.models import Opportunity, Quote, StageStatus
from crm.money import format_money, to_major
from tools.attributes import Entity, attributes_of
from tools.profile.evidence import recorded
from tools.profile.model import Basis, DealPicture, Field, Known, Money
from tools.profile.rows import Asked, Deal, Rows
from tools.profile.words import WORDS
from tools.record_facts import attribute_fact, word_field
from tools.views import STATUS_WORDS
from tools.withheld import Withheld, word_withheld

_LIVE_QUOTES = frozenset({"sent", "accepted", "rejected", "draft"})
_MOST_QUOTES = 3


def company_fields(rows: Rows, asked: Asked) -> tuple[Field, ...]:
    """Return the filled fields of the account, in the order in which they are shown."""
    view = rows.account
    if view is None:
        return ()
    found = []
    for attribute in attributes_of(Entity.ACCOUNT):
        field = word_field(view, attribute, asked.language)
        if field.text is None or isinstance(view.values[attribute.name], Withheld):
            continue
        fact = attribute_fact(view, attribute, as_of=asked.as_of, language=asked.language)
        known = Known(text=field.text, basis=Basis.RECORDED, facts=(fact,))
        found.append(Field(field.name, field.label, known))
    return tuple(found)


def money_by_currency(rows: Rows, asked: Asked) -> tuple[Money, ...]:
    """Return what is open and won over all deals, one entry a currency: sums never mix them."""
    found = []
    for currency in dict.fromkeys(total.currency for total in rows.totals):
        of = {total.status: total for total in rows.totals if total.currency == currency}
        open_, won, lost = (of.get(status.value) for status in StageStatus)
        name = rows.account.name if rows.account else ""
        text = WORDS[asked.language]["money"].format(
            name=name,
            currency=currency,
            open=open_.deals if open_ else 0,
            open_sum=format_money(open_.amount_minor if open_ else 0, currency),
            won=won.deals if won else 0,
            won_sum=format_money(won.amount_minor if won else 0, currency),
            lost=lost.deals if lost else 0,
        )
        fact = Fact(
            kind=FactKind.RECORD,
            text=text,
            currency=currency,
            rows=sum(total.deals for total in of.values()),
            as_of=asked.as_of,
            source=f"{asked.scope.value}:{asked.id}/opportunities",
        )
        found.append(
            Money(
                currency=currency,
                open_deals=open_.deals if open_ else 0,
                open_minor=open_.amount_minor if open_ else 0,
                won_deals=won.deals if won else 0,
                won_minor=won.amount_minor if won else 0,
                lost_deals=lost.deals if lost else 0,
                facts=(fact,),
            )
        )
    return tuple(sorted(found, key=lambda money: -money.open_minor - money.won_minor))


def deal_pictures(rows: Rows, asked: Asked) -> list[DealPicture]:
    """Return the open deals, the next to close first, then the closed ones, the latest first."""
    open_ = [deal for deal in rows.deals if deal.is_open]
    open_.sort(key=lambda deal: deal.row.expected_close_on or date.max)
    closed = [deal for deal in rows.deals if not deal.is_open]
    return [_picture(deal, rows, asked) for deal in [*open_, *closed][: asked.limit]]


def _picture(deal: Deal, rows: Rows, asked: Asked) -> DealPicture:
    row = deal.row
    moves = rows.close_dates.get(row.id, [])
    moves = [each for each in moves if each.changed_at <= asked.as_of and each.from_on]
    pushed = sum((each.to_on - each.from_on).days for each in moves if each.from_on)
    due = row.expected_close_on
    return DealPicture(
        opportunity_id=row.id,
        name=row.name,
        stage=_stage(deal, asked),
        status=deal.status,
        owner=deal.owner,
        amount_minor=row.amount_minor,
        currency=row.currency,
        opened_on=row.opened_on,
        expected_close_on=due,
        closed_on=row.closed_on,
        next_step=row.next_step,
        pushes=sum(each.to_on > each.from_on for each in moves if each.from_on),
        pushed_days=pushed if moves else None,
        is_overdue=deal.is_open and due is not None and due < asked.today,
        products=tuple(rows.products.get(row.id, ())),
        quotes=_quotes(row, rows, asked),
        moves=_moves(row, rows, asked),
        facts=(_deal_fact(deal, asked),),
    )


def _stage(deal: Deal, asked: Asked) -> str:
    return deal.stage or word_withheld(Withheld.NOT_VISIBLE, asked.language)


def _deal_fact(deal: Deal, asked: Asked) -> Fact:
    row = deal.row
    is_chinese = asked.language == "zh"
    status = STATUS_WORDS[asked.language].get(deal.status, deal.status)
    amount = None if row.amount_minor is None else format_money(row.amount_minor, row.currency)
    day = row.closed_on or row.expected_close_on
    stage = _stage(deal, asked)
    parts = [row.name, f"{stage}（{status}）" if is_chinese else f"{stage} ({status})"]
    parts += [part for part in (amount, day.isoformat() if day else None) if part]
    has_amount = row.amount_minor is not None
    return Fact(
        kind=FactKind.RECORD,
        text=("，" if is_chinese else ", ").join(parts),
        value=float(to_major(row.amount_minor or 0, row.currency)) if has_amount else None,
        currency=row.currency if has_amount else None,
        as_of=asked.as_of,
        source=f"opportunity:{row.id}",
    )


def _quotes(row: Opportunity, rows: Rows, asked: Asked) -> tuple[Known, ...]:
    quotes = rows.quotes.get(row.id, [])
    quotes = [q for q in quotes if q.created_on is None or q.created_on <= asked.today]
    live = [q for q in quotes if q.status.casefold() in _LIVE_QUOTES] or quotes
    return tuple(_quote(quote, asked) for quote in live[:_MOST_QUOTES])


def _quote(quote: Quote, asked: Asked) -> Known:
    words = WORDS[asked.language]
    text = words["quote"].format(
        number=quote.number,
        total=format_money(quote.total_minor, quote.currency),
        percent=_percent(quote, asked),
        status=quote.status,
    )
    if quote.valid_until is not None:
        text += words["until"].format(day=quote.valid_until)
    return recorded(
        text,
        f"quote:{quote.id}",
        as_of=asked.as_of,
        known_on=quote.created_on,
        opportunity_id=quote.opportunity_id,
    )


def _percent(quote: Quote, asked: Asked) -> str:
    # A discount that is not for the caller was left out when the quote was read.
    discount: Decimal | None = quote.discount
    if discount is None:
        return word_withheld(Withheld.NOT_FOR_YOU, asked.language)
    return f"{float(discount) * 100:g}%"


def _moves(row: Opportunity, rows: Rows, asked: Asked) -> tuple[Known, ...]:
    """Return how close date and amount were changed, the newest first."""
    words = WORDS[asked.language]
    found: list[tuple[datetime, Known]] = []
    for date_move in rows.close_dates.get(row.id, ()):
        if date_move.from_on is not None:
            old, new = f"{date_move.from_on}", f"{date_move.to_on}"
            at, source = date_move.changed_at, f"close_date_change:{date_move.id}"
            found.append((at, _move(words["moved"], old, new, (at, source), row, asked)))
    for change in rows.amounts.get(row.id, ()):
        if change.from_minor is not None:
            old = format_money(change.from_minor, row.currency)
            new = format_money(change.to_minor, row.currency)
            at, source = change.changed_at, f"amount_change:{change.id}"
            found.append((at, _move(words["amount_moved"], old, new, (at, source), row, asked)))
    past = [pair for pair in found if pair[0] <= asked.as_of]
    past.sort(key=lambda pair: pair[0], reverse=True)
    return tuple(known for _, known in past[: asked.limit])


def _move(
    words: str, old: str, new: str, when: tuple[datetime, str], row: Opportunity, asked: Asked
) -> Known:
    at, source = when
    return recorded(
        words.format(day=f"{at:%Y-%m-%d}", old=old, new=new),
        source,
        as_of=asked.as_of,
        known_on=at.astimezone(UTC).date(),
        opportunity_id=row.id,
    )
