"""`python -m evals.run`: asks the question sets and prints the score card."""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.answers import Outcome, percentile, run_set, wrong_first
from evals.gold import Row
from evals.scoring import Verdict
from evals.seeded_errors import report

SETS = ("foreign", "demo")
# Nobody tunes on these: they estimate what unseen questions will meet.
HELD_OUT = (
    "heldout_foreign",
    "heldout_foreign2",
    "heldout_demo",
    "fresh_foreign",
    "fresh_foreign2",
)
_SHOWN_ROWS = 3


def main() -> None:
    """Run the sets that were asked for and print tables, a Markdown summary, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m evals.run", description=__doc__)
    parser.add_argument("--set", choices=(*SETS, *HELD_OUT, "all", "heldout"), default="all")
    parser.add_argument("--limit", type=int, help="only the first N questions of each set")
    parser.add_argument("--json", action="store_true", help="everything, for programs")
    asked = parser.parse_args()
    console, progress = Console(), Console(stderr=True)
    names = {"all": SETS, "heldout": HELD_OUT}.get(asked.set, (asked.set,))
    results = {
        name: run_set(name, limit=asked.limit, watch=lambda one: _watch(progress, one))
        for name in names
    }
    if asked.json:
        console.print_json(json.dumps({key: _as_json(each) for key, each in results.items()}))
        return
    for name, outcomes in results.items():
        console.print(_table(name, outcomes))
        console.print(_latency(outcomes))
    print(markdown(results))  # noqa: T201 — for a document, so without Rich's line breaks
    if asked.set in {"all", "heldout"}:
        print(report())  # noqa: T201


def markdown(results: dict[str, list[Outcome]]) -> str:
    """Return the score card as a Markdown table, and the misses below it."""
    lines = [
        "| set | questions | right | wrong | wrong number stated | refused | median s | p95 s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, outcomes in results.items():
        counts, false = _counts(outcomes)
        seconds = [outcome.seconds for outcome in outcomes]
        share = counts[Verdict.RIGHT] / max(1, len(outcomes))
        lines.append(
            f"| {name} | {len(outcomes)} | {counts[Verdict.RIGHT]} ({share:.0%}) | "
            f"{counts[Verdict.WRONG]} | {false} | {counts[Verdict.REFUSED]} | "
            f"{percentile(seconds, 0.5):.2f} | {percentile(seconds, 0.95):.2f} |"
        )
    lines += ["", "| id | verdict | question | expected | got |", "| --- | --- | --- | --- | --- |"]
    for outcomes in results.values():
        lines += [_miss(outcome) for outcome in wrong_first(outcomes)]
    return "\n".join(lines)


def expected(outcome: Outcome) -> str:
    """Return the right answers in words."""
    gold = outcome.gold
    count = max(_SHOWN_ROWS, gold.question.top, gold.question.nth)
    said = [
        "; ".join(_row(row) for row in rows[:count]) + (" …" if len(rows) > count else "")
        for rows in gold.readings
    ]
    return " or ".join(dict.fromkeys(said)) or f"no answer ({gold.question.why})"


def _row(row: Row) -> str:
    number = "" if row.value is None else f"{row.value:,.4f}".rstrip("0").rstrip(".")
    return " ".join(each for each in (row.name, number, row.currency) if each) or "nothing"


def _miss(outcome: Outcome) -> str:
    question, answer = outcome.gold.question, outcome.answer
    got = f"[{answer['status']}] {answer['answer'][:300]}"
    read = answer.get("interpretation")
    cells = [question.id, outcome.score.verdict.value, question.question, expected(outcome)]
    cells.append(got + (f" ({read[:160]})" if read else ""))
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def _counts(outcomes: list[Outcome]) -> tuple[Counter[str], int]:
    counts = Counter[str](outcome.score.verdict for outcome in outcomes)
    return counts, sum(outcome.score.states_number for outcome in outcomes)


def _table(name: str, outcomes: list[Outcome]) -> Table:
    table = Table(title=f"{name}: {len(outcomes)} questions")
    for heading in ("", "questions", "right", "wrong", "wrong number", "refused"):
        table.add_column(heading, justify="left" if not heading else "right")
    groups: list[tuple[str, Callable[[Outcome], str]]] = [
        ("kind", lambda outcome: outcome.gold.question.kind),
        ("language", lambda outcome: outcome.gold.question.language),
        ("all", lambda _: "all"),
    ]
    for _, group in groups:
        for key in sorted({group(outcome) for outcome in outcomes}):
            part = [outcome for outcome in outcomes if group(outcome) == key]
            counts, false = _counts(part)
            cells = [len(part), counts["right"], counts["wrong"], false, counts["refused"]]
            table.add_row(key, *map(str, cells))
        table.add_section()
    return table


def _latency(outcomes: list[Outcome]) -> str:
    seconds = [outcome.seconds for outcome in outcomes]
    with_model = sum(outcome.answer.get("tokens", {}).get("out", 0) > 0 for outcome in outcomes)
    return (
        f"latency: median {percentile(seconds, 0.5):.2f} s, p95 {percentile(seconds, 0.95):.2f} s; "
        f"the model was asked in {with_model} of {len(outcomes)}"
    )


def _as_json(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    return [
        {
            "id": outcome.gold.question.id,
            "kind": outcome.gold.question.kind,
            "language": outcome.gold.question.language,
            "question": outcome.gold.question.question,
            "verdict": outcome.score.verdict,
            "why": outcome.score.why,
            "states_number": outcome.score.states_number,
            "expected": expected(outcome),
            "answer": outcome.answer,
            "seconds": round(outcome.seconds, 3),
        }
        for outcome in outcomes
    ]


def _watch(console: Console, outcome: Outcome) -> None:
    colour = {"right": "green", "wrong": "red", "refused": "yellow"}[outcome.score.verdict]
    question = outcome.gold.question
    console.print(f"[{colour}]{outcome.score.verdict:8}[/] {question.id} {question.question[:90]}")


if __name__ == "__main__":
    main()
