"""Builds the profile of a customer or a deal from all sources: by code, without a model."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from crm.errors import BadInput
from crm.principal import Principal
from tools.language import Language
from tools.profile.company import company_fields, deal_pictures, money_by_currency
from tools.profile.contacting import contacting
from tools.profile.contradictions import contradictions_of
from tools.profile.matters import open_commitments, open_questions
from tools.profile.model import Coverage, CustomerProfile, Scope
from tools.profile.people import people_of
from tools.profile.reading import read_rows
from tools.profile.rows import Asked, Rows
from tools.profile.service import service_of
from tools.profile.style import customer_letters, style_of
from tools.profile.told import told_by_topic

MOST = 100


def build_profile(
    session: Session,
    account_id: int,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
    limit: int = 12,
) -> CustomerProfile:
    """Return everything known of a customer: company, people, deals, what they said, what is open.

    Use it before writing to a customer, preparing a call or reporting on an account. Reads at
    most 20 statements whatever the account's size; lists hold up to `limit` entries, and `totals`
    says how many there were. Raises NotFound if the caller may not read such an account.
    """
    asked = Asked(session, Scope.ACCOUNT, account_id, principal, as_of, language, _checked(limit))
    return _build(asked)


def build_opportunity_profile(
    session: Session,
    opportunity_id: int,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
    limit: int = 12,
) -> CustomerProfile:
    """Return the same for one deal: only what was said and done in it; cases are the account's.

    Raises NotFound if there is no such deal or the caller may not read it.
    """
    scope = Scope.OPPORTUNITY
    return _build(
        Asked(session, scope, opportunity_id, principal, as_of, language, _checked(limit))
    )


def _checked(limit: int) -> int:
    if not 1 <= limit <= MOST:
        raise BadInput(f"limit {limit!r} is out of range: give 1 to {MOST}")
    return limit


def _build(asked: Asked) -> CustomerProfile:
    rows = read_rows(asked)
    letters = customer_letters(rows)
    told = told_by_topic(rows, asked)
    people = people_of(rows, letters, asked)
    commitments, questions = open_commitments(rows, asked), open_questions(rows, asked)
    contradictions = contradictions_of(rows, people, asked)
    limit = asked.limit
    listed: dict[str, Sequence[object]] = {
        **{topic.value: known for topic, known in told.items()},
        "people": people,
        "commitments": commitments,
        "questions": questions,
        "contradictions": contradictions,
    }
    totals = {name: len(each) for name, each in listed.items()}
    totals["deals"] = sum(total.deals for total in rows.totals)
    totals["open_cases"] = rows.open_cases
    return CustomerProfile(
        scope=asked.scope,
        id=asked.id,
        account_id=rows.account.id if rows.account else None,
        name=_name(rows, asked),
        language=asked.language,
        as_of=asked.as_of,
        company=company_fields(rows, asked),
        money=money_by_currency(rows, asked),
        deals=tuple(deal_pictures(rows, asked)),
        people=tuple(people[:limit]),
        told={topic: tuple(known[:limit]) for topic, known in told.items()},
        commitments=tuple(commitments[:limit]),
        questions=tuple(questions[:limit]),
        contradictions=tuple(contradictions[:limit]),
        contact=contacting(rows, asked),
        style=style_of(letters, asked, who=None),
        service=service_of(rows, asked),
        coverage=Coverage(rows.conversations, len(rows.talks), rows.unread),
        totals=totals,
    )


def _name(rows: Rows, asked: Asked) -> str:
    if asked.scope is Scope.OPPORTUNITY and asked.id in rows.deal_of:
        return rows.deal_of[asked.id].row.name
    return rows.account.name if rows.account else ""
