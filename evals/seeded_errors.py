"""The verifier on seeded errors and correct paraphrases: `python -m evals.seeded_errors`.

A source pair (`evals/seeded/<set>/*.yaml`) is what a draft knows of one customer: the customer's
words and ours, records, offers, policies, and sentences written from them. Under `holds` each
sentence is correct, however far its wording is from the facts: other formats of numbers and days,
Chinese numerals, first names, indirect speech, figures rounded. Under `wrong` one thing about it is
false: an amount, a date or duration, a name, a product, a percentage, whether it is so or not, who
said it, or a promise that nobody approved. A sentence that waits for a person's word (`pending`)
counts as caught, and as blocked where it was correct.

`dev` was open to those who wrote the verifier, `heldout` only after it had been judged on it; no
source pair, template or deal of the demo is in both, and each half has its own invented names.
`last` is hand-written throughout, by somebody who had read neither the verifier nor `heldout`, and
is not for tuning. Half of the pairs speak of the
demo: the generated ones take its deals, quotes and people by SQL and sentences said in its calls
and emails word for word; the hand-written ones its products, reps and sentences, with other
figures. The rest speak of companies that exist nowhere else. The hand-written files are
`written_*.yaml`; `generated.yaml` is made from templates by `python -m evals.seeded_bench.generate
<crm.db of a demo workspace>`, the same every time. The baseline blocks a sentence if one of its
numbers or months does not stand verbatim in its facts.
"""

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from copilot.grounding.verifier import verify
from evals.seeded_bench.baseline import baseline_blocks
from evals.seeded_bench.sources import SET_NAMES, Case, SetName, load_cases

CORRECT = "correct"
Blocks = Callable[[Case], str | None]


@dataclass(frozen=True)
class Outcome:
    """What became of one sentence; `reason` is why it was blocked, None where it was kept."""

    case: Case
    reason: str | None

    @property
    def is_right(self) -> bool:
        """Whether an error was blocked, or a correct sentence kept."""
        return (self.reason is None) == (self.case.error is None)


@dataclass(frozen=True)
class Tally:
    """Sentences of one kind in one language and how many of them were blocked."""

    kind: str
    language: str
    total: int
    blocked: int


def verifier_blocks(case: Case) -> str | None:
    """Return why the verifier does not keep a sentence as it is, None if it does."""
    found = verify([case.sentence], case.source.ground())
    for pending in found.pending:
        return f"pending {pending.what}: {pending.reason}"
    for dropped in found.dropped:
        return f"dropped: {dropped.reason}"
    return None if found.kept else "neither kept nor dropped"


def run(cases: Iterable[Case], blocks: Blocks = verifier_blocks) -> list[Outcome]:
    """Return the outcome of each case in order."""
    return [Outcome(case, blocks(case)) for case in cases]


def tally(outcomes: Iterable[Outcome]) -> list[Tally]:
    """Return the counts by kind of error and language; correct sentences are the last kind."""
    counts: dict[tuple[str, str], list[int]] = {}
    for outcome in outcomes:
        key = (str(outcome.case.error or CORRECT), outcome.case.source.language)
        count = counts.setdefault(key, [0, 0])
        count[0] += 1
        count[1] += outcome.reason is not None
    ordered = sorted(counts, key=lambda key: (key[0] == CORRECT, key))
    return [Tally(*key, *counts[key]) for key in ordered]


def _share(counts: Iterable[Tally]) -> str:
    counts = list(counts)
    total, blocked = sum(one.total for one in counts), sum(one.blocked for one in counts)
    rate = f"{100 * blocked / total:5.1f} %" if total else "    –  "
    return f"{blocked:4d} of {total:4d} {rate}"


def render(name: str, counts: list[Tally]) -> str:
    """Return a table: what was blocked of each kind, in each language and together."""
    lines = [f"{name:<24}{'en':>19}{'zh':>21}{'both':>21}"]
    kinds = list(dict.fromkeys(one.kind for one in counts))
    rows = [(kind, [one for one in counts if one.kind == kind]) for kind in kinds]
    rows.insert(-1, ("all errors: caught", [one for one in counts if one.kind != CORRECT]))
    for kind, chosen in rows:
        label = "correct: wrongly blocked" if kind == CORRECT else kind
        cells = [_share(one for one in chosen if one.language == each) for each in ("en", "zh")]
        lines.append("  ".join([f"{label:<24}", *cells, _share(chosen)]))
    return "\n".join(lines)


def report() -> str:
    """Return the tables of all sets for a score card."""
    return "\n\n".join(render(name, tally(run(load_cases(name)))) for name in SET_NAMES)


def _show(outcomes: Iterable[Outcome]) -> str:
    lines = []
    for one in outcomes:
        if not one.is_right:
            case = one.case
            what = f"missed {case.error}" if case.error else f"blocked ({one.reason})"
            lines.append(f"\n{case.id} {what}\n  says  {case.sentence.text}")
            if case.why:
                lines.append(f"  why   {case.why}")
            lines += [
                f"  {key:<4}  {case.source.facts[key].text}"
                for key in case.sentence.facts
                if key in case.source.facts
            ]
    return "\n".join(lines)


def main() -> None:
    """Print what the verifier catches and what it wrongly blocks."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--set", choices=SET_NAMES, help="only this set")
    parser.add_argument("--baseline", action="store_true", help="the trivial verifier instead")
    parser.add_argument("--show", action="store_true", help="list the misses with their facts")
    parser.add_argument("--json", action="store_true", help="the counts as JSON")
    asked = parser.parse_args()
    names: tuple[SetName, ...] = (asked.set,) if asked.set else SET_NAMES
    blocks = _baseline if asked.baseline else verifier_blocks
    found = {name: run(load_cases(name), blocks) for name in names}
    if asked.json:
        counts = {name: [asdict(one) for one in tally(found[name])] for name in found}
        print(json.dumps(counts))  # noqa: T201
        return
    for name, outcomes in found.items():
        shown = _show(outcomes) if asked.show else ""
        print(render(name, tally(outcomes)), shown, sep="\n")  # noqa: T201


def _baseline(case: Case) -> str | None:
    return "a number or month is not in the facts" if baseline_blocks(case) else None


if __name__ == "__main__":
    main()
