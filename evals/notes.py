"""`python -m evals.notes`: what notes on calls are worth, judged by code against what was said."""

import argparse
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console
from rich.table import Table

from copilot.llm.client import LanguageModel
from copilot.writers.calls.notes import (
    Attendee,
    CallNotes,
    DealContext,
    Line,
    StageOption,
    Talk,
)
from copilot.writers.calls.understanding import understand
from crm.models import Side, StageStatus
from evals.notes_demo import run_demo
from evals.notes_score import Claim, Tally, claims_of
from evals.workspaces import opened

WRITTEN = ("notes_heldout", "notes_fresh", "notes_last")
NOTE_KINDS = ("question", "objection", "competitor", "commitment", "next_step")
_STAGES = {
    "en": ("Qualification", "Discovery", "Demo", "Proposal", "Negotiation", "Won", "Lost"),
    "zh": ("线索确认", "需求确认", "演示", "方案报价", "商务谈判", "赢单", "输单"),
}


class Expectation(BaseModel):
    """Something a good listener notes, or may note, at one turn."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["question", "objection", "competitor", "commitment", "next_step"] | None = None
    field: str | None = None
    side: Literal["ours", "customer"] | None = None
    answered: bool | None = None
    name: str | None = None
    value: str | None = None
    due: tuple[date, ...] = ()
    day: tuple[date, ...] = ()


class Turn(BaseModel):
    """One turn: who says what, and what is to be noted there."""

    model_config = ConfigDict(frozen=True)
    speaker: str
    text: str
    expect: tuple[Expectation, ...] = ()
    maybe: tuple[Expectation, ...] = ()


class DealGiven(BaseModel):
    """The deal as the CRM holds it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    amount: Decimal
    currency: str
    stage: str
    close: date


class Call(BaseModel):
    """One call of the set."""

    model_config = ConfigDict(frozen=True)
    id: str
    language: Literal["en", "zh"]
    day: date
    deal: DealGiven
    people: dict[str, str]
    turns: tuple[Turn, ...] = Field(default=())


def load_calls(name: str) -> list[Call]:
    """Return the calls of `evals/questions/<name>.yaml`."""
    document = yaml.safe_load((files("evals.questions") / f"{name}.yaml").read_text("utf-8"))
    return [_call(item) for item in document["calls"]]


def _call(item: dict[str, Any]) -> Call:
    turns = []
    for given in item["say"]:
        marks = {key: given[key] for key in ("expect", "maybe") if key in given}
        [(who, text)] = [(key, value) for key, value in given.items() if key not in marks]
        turns.append(Turn(speaker=who, text=text, **marks))
    return Call.model_validate({**item, "turns": turns})


def understand_call(call: Call, model: LanguageModel | None) -> CallNotes:
    """Return the notes on a call of the set."""
    sides = {who: Side.OURS if who.startswith("r") else Side.CUSTOMER for who in call.people}
    lines = [
        Line(
            place=place,
            position=place,
            speaker=call.people[turn.speaker],
            side=sides[turn.speaker],
            text=turn.text,
            start_ms=place * 12_000,
            end_ms=place * 12_000 + 11_000,
        )
        for place, turn in enumerate(call.turns)
    ]
    people = [Attendee(name, sides[who]) for who, name in call.people.items()]
    return understand(_talk(call), lines, people, _deal(call), model=model)


def _talk(call: Call) -> Talk:
    return Talk(title=call.id, kind="call", day=call.day, own_names=tuple(call.people.values()))


def _deal(call: Call) -> DealContext:
    statuses = [StageStatus.OPEN] * 5 + [StageStatus.WON, StageStatus.LOST]
    stages = tuple(
        StageOption(name, place, status)
        for place, (name, status) in enumerate(zip(_STAGES[call.language], statuses, strict=True))
    )
    given = call.deal
    return DealContext(
        opportunity_id=1,
        stage=given.stage,
        stages=stages,
        amount=given.amount,
        currency=given.currency,
        expected_close_on=given.close,
    )


def judge(call: Call, notes: CallNotes, tallies: dict[str, Tally]) -> None:
    """Add what the notes got right and wrong to the tallies, by kind."""
    claims = claims_of(notes)
    used: set[int] = set()
    for place, turn in enumerate(call.turns):
        for wanted in turn.expect:
            kind = _kind(wanted)
            tally = tallies[kind]
            tally.wanted += 1
            hit = _hit(wanted, place, claims)
            if hit is None:
                tally.missed.append(f"{call.id}#{place} {_shown(wanted)}: {turn.text[:90]}")
            else:
                tally.found += 1
                used.add(hit)
    for number, claim in enumerate(claims):
        kind = claim.kind.partition(":")[0]
        tally = tallies[kind]
        tally.claimed += 1
        if number not in used and not _is_allowed(claim, call):
            tally.false += 1
            tally.invented.append(
                f"{call.id}#{claim.segments} {claim.kind}: {claim.text[:90]} {claim.day or ''}"
            )


def _kind(wanted: Expectation) -> str:
    return wanted.kind or "field"


def _shown(wanted: Expectation) -> str:
    return str(wanted.model_dump(exclude_defaults=True, mode="json"))


def _hit(wanted: Expectation, place: int, claims: Sequence[Claim]) -> int | None:
    for number, claim in enumerate(claims):
        if place in claim.segments and _fits(wanted, claim):
            return number
    return None


def _fits(wanted: Expectation, claim: Claim) -> bool:
    label = wanted.kind or f"field:{wanted.field}"
    if claim.kind != label:
        return False
    days = wanted.due or wanted.day
    return (
        (wanted.side is None or wanted.side == claim.side)
        and (wanted.answered is None or wanted.answered == claim.answered)
        and (wanted.name is None or _folded(wanted.name) == _folded(claim.name))
        and (not days or claim.day in days)
        and (wanted.value is None or _is_value(wanted, claim))
    )


def _is_value(wanted: Expectation, claim: Claim) -> bool:
    if wanted.field == "stage":
        is_lost = any(word in claim.name for word in ("Lost", "输"))
        is_won = any(word in claim.name for word in ("Won", "赢"))
        return {"lost": is_lost, "won": is_won}.get(wanted.value or "", False)
    names = [_folded(part) for part in claim.name.split(", ")]
    return _folded(wanted.value or "") in names


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(plain.replace("dr.", "").replace(".", "").split())


def _is_allowed(claim: Claim, call: Call) -> bool:
    """Say whether a claim is one that its turns expect or allow; values are free where allowed."""
    for segment in claim.segments:
        turn = call.turns[segment]
        for each in (*turn.expect, *turn.maybe):
            label = each.kind or f"field:{each.field}"
            same = claim.kind == label or (
                claim.kind == "field:close" and label == "field:timeline"
            )
            if not same or (each.side and claim.side and each.side != claim.side):
                continue
            if each in turn.maybe or _is_right_again(each, claim):
                return True
    return False


def _is_right_again(wanted: Expectation, claim: Claim) -> bool:
    """Say whether a second claim at a turn that expects one repeats it, or only adds wording."""
    if wanted.due or wanted.day:
        return claim.day is None or claim.day in (wanted.due or wanted.day)
    return wanted.value is None or _is_value(wanted, claim)


def run_written(name: str, model: LanguageModel | None = None) -> dict[str, Tally]:
    """Return the tallies of a hand-written set, by kind."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    for call in load_calls(name):
        judge(call, understand_call(call, model), tallies)
    return dict(tallies)


def table(title: str, tallies: dict[str, Tally]) -> Table:
    """Return the tallies as a table, with a last line over all kinds."""
    shown = Table(title=title, title_justify="left")
    for heading in ("kind", "wanted", "found", "recall", "claimed", "false", "precision"):
        shown.add_column(heading, justify="left" if heading == "kind" else "right")
    for kind, tally in sorted(tallies.items()):
        _row(shown, kind, tally)
    shown.add_section()
    _row(shown, "all", overall(tallies))
    return shown


def overall(tallies: Mapping[str, Tally]) -> Tally:
    """Return the counts over all kinds."""
    total = Tally()
    for tally in tallies.values():
        total.wanted += tally.wanted
        total.found += tally.found
        total.claimed += tally.claimed
        total.false += tally.false
    return total


def _row(shown: Table, kind: str, tally: Tally) -> None:
    shown.add_row(
        kind,
        str(tally.wanted),
        str(tally.found),
        f"{tally.recall:.2f}",
        str(tally.claimed),
        str(tally.false),
        f"{tally.precision:.2f}",
    )


def misses(tallies: dict[str, Tally]) -> Iterable[str]:
    """Yield what was missed and what was invented, a line each."""
    for kind, tally in sorted(tallies.items()):
        yield from (f"missed   {kind}: {each}" for each in tally.missed)
        yield from (f"invented {kind}: {each}" for each in tally.invented)


def measures(*, limit: int | None = None, model: LanguageModel | None = None) -> dict[str, float]:
    """Return the score card's figures: recall and precision of each set over all kinds.

    With a model, `limit` the calls of the demo: each takes some ten seconds on two cores.
    """
    found: dict[str, float] = {}
    sets = {"demo": run_demo(limit=limit, model=model)}
    sets |= {name: run_written(name, model) for name in WRITTEN}
    for name, tallies in sets.items():
        total = overall(tallies)
        found[f"{name}_recall"] = total.recall
        found[f"{name}_precision"] = total.precision
        fields = overall({kind: one for kind, one in tallies.items() if kind not in NOTE_KINDS})
        found[f"{name}_fields_recall"] = fields.recall
        found[f"{name}_fields_precision"] = fields.precision
    return found


def main() -> None:
    """Print the tables of the sets that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m evals.notes", description=__doc__)
    parser.add_argument("--set", choices=("demo", *WRITTEN, "all"), default="all")
    parser.add_argument("--limit", type=int, help="only the first N calls of the demo")
    parser.add_argument("--model", action="store_true", help="let the installed model word points")
    parser.add_argument("--verbose", action="store_true", help="list what was missed and invented")
    asked = parser.parse_args()
    console = Console()
    with _model(asked.model) as model:
        for name in ("demo", *WRITTEN) if asked.set == "all" else (asked.set,):
            if name == "demo":
                tallies = run_demo(limit=asked.limit, model=model)
            else:
                tallies = run_written(name, model)
            console.print(table(name, tallies))
            if asked.verbose:
                for line in misses(tallies):
                    console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _model(is_wanted: bool) -> Iterator[LanguageModel | None]:
    if not is_wanted:
        yield None
        return
    with opened("demo") as installation:
        yield installation.model


if __name__ == "__main__":
    main()
