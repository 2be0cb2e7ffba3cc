"""How an answer and its receipts look on a terminal."""

from rich.markup import escape
from rich.table import Table

from copilot.agent.contract import Answer, Status
from copilot.cli.console import out

EXIT_BY_STATUS = {
    Status.ANSWERED: 0,
    Status.NOT_FOUND: 3,
    Status.AMBIGUOUS: 4,
    Status.DECLINED: 5,
    Status.NEEDS_APPROVAL: 6,
    Status.ERROR: 1,
}
_WORDS = {
    "en": {"facts": "Facts", "dropped": "Cut, because unproven", "rows": "records"},
    "zh": {"facts": "依据", "dropped": "因无依据而删去", "rows": "条记录"},
}
_SHOWN_FACTS = 12


def show_answer(answer: Answer) -> None:
    """Print the sentences with their fact ids, what was computed, and the facts."""
    words = _WORDS[answer.language]
    if answer.status is Status.ANSWERED:
        for sentence in answer.sentences:
            ids = " ".join(sentence.facts[:4])
            more = "…" if len(sentence.facts) > 4 else ""
            out.print(f"{escape(sentence.text)} [dim]{escape(f'[{ids}{more}]')}[/]")
    else:
        out.print(f"[yellow]{escape(answer.answer)}[/]")
    for candidate in answer.candidates:
        out.print(f"  • {escape(candidate)}")
    if answer.interpretation:
        out.print(f"[dim]↳ {escape(answer.interpretation)}[/]")
    for cut in answer.dropped:
        out.print(f"[dim]✂ {words['dropped']}: {escape(cut.text)} ({escape(cut.reason)})[/]")
    if answer.facts and answer.status is Status.ANSWERED:
        _facts(answer)
    out.print(
        f"[dim]{answer.took_ms / 1000:.1f} s · {answer.tokens.read} + {answer.tokens.written} "
        f"tokens · {answer.thread_id}[/]"
    )


def _facts(answer: Answer) -> None:
    words = _WORDS[answer.language]
    cited = {fact_id for sentence in answer.sentences for fact_id in sentence.facts}
    table = Table(title=words["facts"], show_header=False, box=None, title_justify="left")
    shown = [fact for fact in answer.facts if fact.id in cited][:_SHOWN_FACTS]
    for fact in shown:
        rows = f" · {fact.rows} {words['rows']}" if fact.rows is not None else ""
        as_of = f" · {fact.as_of:%Y-%m-%d}" if fact.as_of else ""
        table.add_row(
            f"[bold]{fact.id}[/]", escape(fact.text), f"[dim]{escape(fact.source)}{rows}{as_of}[/]"
        )
    out.print(table)
