"""Support: open cases and how content the customer was."""

from crm.facts import Fact, FactKind
from crm.models import Case
from tools.profile.evidence import recorded
from tools.profile.model import Known, Service
from tools.profile.rows import CASE_DAYS, Asked, Rows
from tools.profile.words import WORDS, join_listed


def service_of(rows: Rows, asked: Asked) -> Service:
    """Return the open cases, the newest first, and the mean satisfaction of the last year."""
    words, total = WORDS[asked.language], rows.case_total
    facts: list[Fact] = []
    whose = f"account:{asked.id}" if rows.account is None else rows.account.address
    if total.cases:
        key = "cases" if total.satisfaction is not None else "cases_unscored"
        score = "" if total.satisfaction is None else f"{total.satisfaction:.1f}"
        facts.append(
            Fact(
                kind=FactKind.RECORD,
                text=words[key].format(day=total.since, count=total.cases, score=score),
                value=total.cases,
                rows=total.cases,
                as_of=asked.as_of,
                source=f"{whose}/cases",
            )
        )
    return Service(
        open_cases=tuple(_case(case, asked) for case in rows.cases[: asked.limit]),
        open_total=rows.open_cases,
        recent_total=total.cases,
        days=CASE_DAYS,
        satisfaction=total.satisfaction,
        scores=total.scores,
        facts=tuple(facts),
    )


def _case(case: Case, asked: Asked) -> Known:
    words = WORDS[asked.language]
    opened = words["since"].format(day=f"{case.opened_at:%Y-%m-%d}") if case.opened_at else ""
    details = [case.priority or "", case.category or "", case.status, opened]
    return recorded(
        words["case"].format(subject=case.subject, details=join_listed(details, asked.language)),
        f"case:{case.id}",
        as_of=asked.as_of,
        known_on=case.opened_at.date() if case.opened_at else None,
    )
