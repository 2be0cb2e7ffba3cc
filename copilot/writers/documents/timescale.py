"""The time axis of a plan: where its milestones lie and which dates are marked."""

from collections.abc import Sequence
from datetime import date, timedelta

from copilot.writers.documents.blocks import Span, Tick, TimeChart
from copilot.writers.documents.content import Milestone
from copilot.writers.documents.plain import one_line, shortened
from copilot.writers.documents.wording import show_span, wording
from prompts.library import Language

MOST_ROWS = 20
LABEL_COLUMNS = 64
_MOST_TICKS = 7


def time_chart(plan: Sequence[Milestone], language: Language) -> TimeChart | None:
    """Return the chart of a plan, or None where it would show nothing: one date, or too many."""
    first = min((step.starts_on for step in plan), default=None)
    last = max((step.ends_on or step.starts_on for step in plan), default=None)
    if first is None or last is None or first == last or not 1 < len(plan) <= MOST_ROWS:
        return None
    days = (last - first).days
    words = wording(language)
    spans = tuple(
        Span(
            label=shortened(one_line(step.title), LABEL_COLUMNS),
            start=(step.starts_on - first).days / days,
            end=((step.ends_on or step.starts_on) - first).days / days,
            value=show_span(step.starts_on, step.ends_on, language),
        )
        for step in plan
    )
    alt = "; ".join(f"{span.label}{words.colon}{span.value}" for span in spans)
    ticks = tuple(
        Tick(at=(day - first).days / days, label=_tick_label(day, days, language))
        for day in _marked_days(first, last)
    )
    return TimeChart(title="", spans=spans, ticks=ticks, alt=alt)


def _marked_days(first: date, last: date) -> list[date]:
    days = (last - first).days
    if days <= 62:
        step = max(1, -(-days // _MOST_TICKS))
        return [first + timedelta(days=at) for at in range(0, days + 1, step)]
    months = (last.year - first.year) * 12 + last.month - first.month
    step = next((n for n in (1, 2, 3, 6) if months / n <= _MOST_TICKS), 0)
    step = step or 12 * -(-months // (12 * _MOST_TICKS))
    marked = [_month_after(first, at) for at in range(0, months + 1, step)]
    marked = [day for day in marked if first <= day <= last]
    roomy = not marked or (marked[0] - first).days * 6 > days
    return [first, *marked] if roomy else marked


def _month_after(first: date, months: int) -> date:
    """Return the first of the month that lies so many months after the first full one."""
    begun = first.year * 12 + first.month - 1 + (1 if first.day > 1 else 0) + months
    return date(begun // 12, begun % 12 + 1, 1)


def _tick_label(day: date, days: int, language: Language) -> str:
    if days <= 62:
        return f"{day.month}月{day.day}日" if language == "zh" else f"{day.day} {day:%b}"
    return f"{day.year}年{day.month}月" if language == "zh" else f"{day:%b %Y}"
