"""What the CRM says about a deal, worded as facts for a letter."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import and_, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from crm.access import readable, visible
from crm.access.fields import withheld
from crm.errors import NotFound
from crm.facts import Fact, FactKind
from crm.models import (
    Account,
    Activity,
    Opportunity,
    OpportunityLine,
    Product,
    Quote,
    Stage,
)
from crm.money import format_money, to_major
from crm.principal import Principal
from prompts.library import Language

_TASKS = 3
_LINES = 4


def find_deal(
    session: Session, opportunity_id: int, principal: Principal
) -> tuple[Opportunity, Stage, Account | None]:
    """Return a deal with its stage and account.

    Raises:
        NotFound: there is no such opportunity, or the caller may not read it.
    """
    statement = (
        select(Opportunity, Stage, Account, readable(Stage, principal))
        .select_from(Opportunity)
        .join(Stage, Stage.id == Opportunity.stage_id)
        .outerjoin(
            Account, and_(Account.id == Opportunity.account_id, readable(Account, principal))
        )
        .where(Opportunity.id == opportunity_id)
    )
    row = session.execute(visible(statement, Opportunity, principal)).first()
    if row is None:
        raise NotFound(
            f"no opportunity {opportunity_id!r}; `sales-copilot search` or `ask` finds its id"
        )
    deal, stage, account, is_stage_shown = row
    if not is_stage_shown:
        # Won, lost or open is the deal's own, whoever may read the names of stages.
        set_committed_value(stage, "name", "")
    return deal, stage, account


def deal_fact(
    deal: Opportunity, stage: Stage, account: Account | None, *, as_of: datetime, language: Language
) -> Fact:
    """Return the deal in one sentence: account, stage, amount, planned close, next step."""
    is_zh = language == "zh"
    money = None
    if deal.amount_minor is not None:
        money = format_money(deal.amount_minor, deal.currency)
    closing = deal.closed_on or deal.expected_close_on
    parts = [
        f"商机“{deal.name}”" if is_zh else f'Deal "{deal.name}"',
        account and (f"客户：{account.name}" if is_zh else f"customer {account.name}"),
        stage.name and (f"阶段：{stage.name}" if is_zh else f"stage {stage.name}"),
        money and (f"金额 {money}" if is_zh else f"amount {money}"),
        closing and (f"预计成交 {closing}" if is_zh else f"expected close {closing}"),
        deal.next_step
        and (f"下一步：{deal.next_step}" if is_zh else f"next step: {deal.next_step}"),
    ]
    text = ("，" if is_zh else ", ").join(part for part in parts if part)
    value = None
    if deal.amount_minor is not None:
        value = float(to_major(deal.amount_minor, deal.currency))
    return Fact(
        kind=FactKind.RECORD,
        text=text + ("。" if is_zh else "."),
        value=value,
        currency=deal.currency if value is not None else None,
        as_of=as_of,
        source=f"opportunity:{deal.id}",
    )


def product_fact(
    session: Session, opportunity_id: int, *, principal: Principal, language: Language
) -> Iterator[Fact]:
    """Yield one fact with the products of the deal and their quantities, if it has lines."""
    statement = (
        select(Product.name, OpportunityLine.quantity)
        .select_from(OpportunityLine)
        .join(Product, and_(Product.id == OpportunityLine.product_id, readable(Product, principal)))
        .where(OpportunityLine.opportunity_id == opportunity_id)
        .order_by(OpportunityLine.id)
        .limit(_LINES)
    )
    rows = session.execute(visible(statement, OpportunityLine, principal)).all()
    if not rows:
        return
    listed = ", ".join(f"{name} × {_plain(quantity)}" for name, quantity in rows)
    text = f"商机中的产品：{listed}。" if language == "zh" else f"Products in the deal: {listed}."
    source = f"opportunity:{opportunity_id}#lines"
    yield Fact(kind=FactKind.RECORD, text=text, source=source, rows=len(rows))


def quote_facts(
    session: Session,
    opportunity_id: int,
    *,
    principal: Principal,
    today: date,
    language: Language,
) -> Iterator[Fact]:
    """Yield the newest quote made until today, if there is one."""
    statement = (
        select(Quote)
        .where(Quote.opportunity_id == opportunity_id)
        .where((Quote.created_on <= today) | Quote.created_on.is_(None))
        .order_by(Quote.created_on.desc().nulls_last(), Quote.id.desc())
        .limit(1)
    )
    for quote in session.scalars(visible(statement, Quote, principal)):
        total = format_money(quote.total_minor, quote.currency)
        percent = f"{_plain(quote.discount * 100)} %"
        has_discount = "discount" not in withheld(Quote, principal)
        if language == "zh":
            text = f"报价单 {quote.number}（{quote.status}）：总价 {total}"
            text += f"，折扣 {percent}" if has_discount else ""
            text += f"，有效期至 {quote.valid_until}。" if quote.valid_until else "。"
        else:
            text = f"Quote {quote.number} ({quote.status}): total {total}"
            text += f", discount {percent}" if has_discount else ""
            text += f", valid until {quote.valid_until}." if quote.valid_until else "."
        yield Fact(
            kind=FactKind.RECORD,
            text=text,
            value=float(to_major(quote.total_minor, quote.currency)),
            currency=quote.currency,
            source=f"quote:{quote.id}",
        )


def task_facts(
    session: Session,
    opportunity_id: int,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language,
) -> Iterator[Fact]:
    """Yield the deal's open tasks, the next due first."""
    statement = (
        select(Activity)
        .where(Activity.opportunity_id == opportunity_id, Activity.done_at.is_(None))
        .where(Activity.due_on.is_not(None))
        .order_by(Activity.due_on, Activity.id)
        .limit(_TASKS)
    )
    for task in session.scalars(visible(statement, Activity, principal)):
        text = (
            f"我方待办（未完成），{task.due_on} 到期：{task.subject}。"
            if language == "zh"
            else f"Our open task, due {task.due_on}: {task.subject}."
        )
        kind, source = FactKind.ACTIVITY, f"activity:{task.id}"
        yield Fact(kind=kind, text=text, as_of=as_of, source=source)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
