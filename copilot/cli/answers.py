"""How an answer and its receipts look on a terminal."""

import json
from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from copilot.agent.contract import Answer, DraftedText, Status
from copilot.cli.console import out
from crm.models import ActionStatus

EXIT_BY_STATUS = {
    Status.ANSWERED: 0,
    Status.NOT_FOUND: 3,
    Status.AMBIGUOUS: 4,
    Status.DECLINED: 5,
    Status.NEEDS_APPROVAL: 6,
    Status.ERROR: 1,
}
_WORDS = {
    "en": {
        "facts": "Facts",
        "dropped": "Cut, because unproven",
        "rows": "records",
        "more": "{count} more: --json lists them all",
        "style": "In your voice",
    },
    "zh": {
        "facts": "依据",
        "dropped": "因无依据而删去",
        "rows": "条记录",
        "more": "另有 {count} 条，--json 全部列出",
        "style": "按您的习惯",
    },
}
_SHOWN_FACTS = 12


def failed_answer(message: str, candidates: Sequence[str] = ()) -> dict[str, Any]:
    """Return an answer's document for a question that could not be taken up."""
    answer = Answer(status=Status.ERROR, answer=message, language="en", candidates=list(candidates))
    return answer.model_dump(mode="json")


def show_answer(answer: Answer) -> None:
    """Print the sentences with their fact ids, what was computed, and the facts."""
    words = _WORDS[answer.language]
    if answer.draft is not None:
        _show_draft(answer, answer.draft)
    elif answer.status is Status.NEEDS_APPROVAL:
        _show_waiting(answer)
    elif answer.status is Status.ANSWERED:
        for sentence in answer.sentences:
            ids = " ".join(sentence.facts[:4]) + ("…" if len(sentence.facts) > 4 else "")
            cited = f" [dim]{escape(f'[{ids}]')}[/]" if ids else ""
            out.print(f"{escape(sentence.text)}{cited}")
    else:
        out.print(f"[yellow]{escape(answer.answer)}[/]")
    for candidate in answer.candidates:
        out.print(f"  • {escape(candidate)}")
    if answer.interpretation:
        out.print(f"[dim]↳ {escape(answer.interpretation)}[/]")
    for cut in answer.dropped:
        out.print(f"[dim]✂ {words['dropped']}: {escape(cut.text)} ({escape(cut.reason)})[/]")
    if answer.facts and answer.status is Status.ANSWERED:
        show_facts(answer)
    out.print(
        f"[dim]{answer.took_ms / 1000:.1f} s · {answer.tokens.read} + {answer.tokens.written} "
        f"tokens · {answer.thread_id}[/]"
    )


def _show_waiting(answer: Answer) -> None:
    """Print what was proposed, with the payloads that people would approve."""
    for sentence in answer.sentences:
        out.print(f"[yellow]{escape(sentence.text)}[/]")
    for action in answer.actions:
        if action.status == ActionStatus.WAITING:
            payload = json.dumps(action.payload, ensure_ascii=False, indent=2)
            out.print(f"[dim]{escape(payload)}[/]", highlight=False)


def _show_draft(answer: Answer, draft: DraftedText) -> None:
    """Print what was drafted as one would read it, then its sentences and what is open."""
    words = _WORDS[answer.language]
    to = ", ".join(draft.to)
    out.print(Panel(escape(draft.body), title=escape(draft.subject), subtitle=escape(to)))
    for sentence in answer.sentences:
        if sentence.facts:
            out.print(f"[bold]{' '.join(sentence.facts[:4])}[/] {escape(sentence.text)}")
    for point in draft.open_points:
        out.print(f"  ☐ {escape(point.where)}: {escape(point.what)}")
    for question in draft.open_questions:
        out.print(f"  ? {escape(question)}")
    if draft.style_sources:
        style = "; ".join(draft.style_sources)
        out.print(f"[dim]{words['style']}: {escape(style)}[/]")
    out.print(f"\n{escape(answer.sentences[-1].text)}")


def show_facts(answer: Answer, *, limit: int | None = _SHOWN_FACTS) -> None:
    """Print the facts that the sentences cite, at most `limit` of them."""
    words = _WORDS[answer.language]
    cited = {fact_id for sentence in answer.sentences for fact_id in sentence.facts}
    table = Table(title=words["facts"], show_header=False, box=None, title_justify="left")
    shown = [fact for fact in answer.facts if fact.id in cited]
    for fact in shown[:limit]:
        rows = f" · {fact.rows} {words['rows']}" if fact.rows is not None else ""
        as_of = f" · {fact.as_of:%Y-%m-%d}" if fact.as_of else ""
        source = f"{escape(fact.source)}{rows}{as_of}"
        table.add_row(f"[bold]{fact.id}[/]", escape(fact.text), f"[dim]{source}[/]")
    if limit is not None and len(shown) > limit:
        table.add_row("…", words["more"].format(count=len(shown) - limit), "")
    out.print(table)
