"""A tool that lists support cases, one fact each."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, TypeVarTuple

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row, Select, and_, func, literal, select
from sqlalchemy.orm import Session

from crm.access import readable, visible
from crm.facts import Fact, FactKind
from crm.index.terms import query_terms, terms_of
from crm.models import Case, Product
from crm.principal import Principal
from tools.language import Language

Ts = TypeVarTuple("Ts")
_MOST = 5_000


class FindCases(BaseModel):
    """Which cases: open or closed ones, opened on these whole days, and words of their subject."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    state: Literal["open", "closed"] | None = None
    since: date | None = None
    until: date | None = None
    priority: str | None = Field(default=None, max_length=200)
    text: str = Field(default="", max_length=300)
    limit: int = Field(default=10, ge=1, le=100)


class CasesFound(BaseModel):
    """The newest cases, one fact each, after the fact that says how many there are in all."""

    model_config = ConfigDict(frozen=True)
    total: int
    facts: list[Fact]


def find_cases(
    session: Session,
    arguments: FindCases,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> CasesFound:
    """List support cases with status, priority, product and days, the newest first.

    Use it for "what became of our ticket about…". With `text`, those whose subject holds most of
    its words.
    """
    statement = _narrowed(select(Case, Product.name), arguments).outerjoin(
        Product, and_(Product.id == Case.product_id, readable(Product, principal))
    )
    newest = statement.order_by(Case.opened_at.desc().nulls_last(), Case.id.desc())
    most = _MOST if arguments.text else arguments.limit
    rows = session.execute(visible(newest.limit(most), Case, principal)).all()
    if arguments.text:
        rows = _about(rows, arguments.text)
        total = len(rows)
    else:
        counted = _narrowed(select(Case.id), arguments)
        all_of_them = visible(counted, Case, principal).subquery()
        total = session.scalar(select(func.count()).select_from(all_of_them)) or 0
    how_many = {
        "en": f"Support cases{_said(arguments, 'en')}: {total}",
        "zh": f"服务工单{_said(arguments, 'zh')}：{total} 个",
    }
    first = Fact(
        kind=FactKind.METRIC,
        text=how_many[language],
        value=total,
        unit="count",
        rows=total,
        as_of=as_of,
        source="metric:case_count",
    )
    shown = [_fact(row[0], row[1], as_of, language) for row in rows[: arguments.limit]]
    return CasesFound(total=total, facts=[first, *shown])


def subjects_in(session: Session, text: str, *, principal: Principal) -> list[str]:
    """Return the subjects of the caller's cases that stand in a text, the longest first."""
    stands = literal(text.lower()).contains(func.lower(Case.subject))
    found = visible(select(Case.subject).where(Case.subject != "", stands), Case, principal)
    return sorted(session.scalars(found.distinct()), key=lambda one: (-len(one), one))


def _narrowed(statement: Select[*Ts], wanted: FindCases) -> Select[*Ts]:
    if wanted.state is not None:
        is_open = Case.closed_at.is_(None)
        statement = statement.where(is_open if wanted.state == "open" else ~is_open)
    if wanted.since is not None:
        statement = statement.where(Case.opened_at >= _midnight(wanted.since))
    if wanted.until is not None:
        statement = statement.where(Case.opened_at < _midnight(wanted.until + timedelta(days=1)))
    if wanted.priority is not None:
        statement = statement.where(func.lower(Case.priority) == wanted.priority.lower())
    return statement


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _about(rows: Sequence[Row[Case, str]], text: str) -> list[Row[Case, str]]:
    wanted = set(query_terms(text))
    hits = {row[0].id: len(wanted & set(terms_of(row[0].subject))) for row in rows}
    best = max(hits.values(), default=0)
    return [row for row in rows if best and hits[row[0].id] == best]


def _said(wanted: FindCases, language: Language) -> str:
    said = []
    if wanted.state is not None:
        said.append(
            {"en": wanted.state, "zh": {"open": "未关闭", "closed": "已关闭"}[wanted.state]}
        )
    if wanted.priority is not None:
        said.append({"en": f"priority {wanted.priority}", "zh": f"优先级{wanted.priority}"})
    if wanted.since is not None or wanted.until is not None:
        first, last = wanted.since or "…", wanted.until or "…"
        said.append({"en": f"opened {first} to {last}", "zh": f"{first}至{last}创建"})
    words = ("、" if language == "zh" else ", ").join(one[language] for one in said)
    return (f"（{words}）" if language == "zh" else f" ({words})") if words else ""


def _fact(case: Case, product: str | None, as_of: datetime, language: Language) -> Fact:
    opened = f"{case.opened_at:%Y-%m-%d}" if case.opened_at else None
    closed = f"{case.closed_at:%Y-%m-%d}" if case.closed_at else None
    if language == "zh":
        said = {"状态": case.status, "优先级": case.priority, "产品": product, "创建": opened}
        parts = "，".join(f"{k}{v}" for k, v in {**said, "关闭": closed}.items() if v)
        text = f"工单《{case.subject}》：{parts}"
    else:
        said = {"status": case.status, "priority": case.priority, "product": product}
        said |= {"opened": opened, "closed": closed}
        parts = ", ".join(f"{k} {v}" for k, v in said.items() if v)
        text = f'Support case "{case.subject}": {parts}'
    return Fact(
        kind=FactKind.RECORD, text=text, value=case.status, as_of=as_of, source=f"case:{case.id}"
    )
