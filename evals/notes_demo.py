"""Notes on the demo's calls against what its generator planted, judged scene by scene."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.llm.client import LanguageModel
from copilot.writers.calls.notes import CallNotes, Line
from copilot.writers.calls.reading import Reading, read_conversation
from copilot.writers.calls.understanding import understand
from crm.models import Conversation, NoteKind
from crm.money import to_major
from crm.principal import Principal
from evals.notes_score import Claim, Tally, claims_of
from evals.workspaces import opened


@dataclass(frozen=True)
class Planted:
    """One call's truth: which scene each stored segment belongs to, and what was planted."""

    name: str
    truth: Mapping[str, Any]
    scene_of: Mapping[int, str]
    place_of: Mapping[str, int]


def run_demo(*, limit: int | None = None, model: LanguageModel | None = None) -> dict[str, Tally]:
    """Return the tallies over the demo's calls, by kind; the first `limit` calls only if given."""
    rules = yaml.safe_load((files("evals.questions") / "notes_demo.yaml").read_text("utf-8"))
    tallies: dict[str, Tally] = defaultdict(Tally)
    with opened("demo") as installation:
        path = installation.settings.workspace_dir / "export" / "truth.json"
        truths = json.loads(path.read_text("utf-8"))["conversations"]
        calls = [(name, one) for name, one in truths.items() if one["kind"] == "call"][:limit]
        with installation.store.session() as session:
            for name, truth in calls:
                reading = _read(session, name)
                planted = _planted(name, truth, reading.lines)
                notes = _notes(reading, truth, model)
                _judge(planted, notes, rules, tallies)
    return dict(tallies)


def _read(session: Session, name: str) -> Reading:
    stem = name.rsplit(".", 1)[0]
    row = session.scalar(select(Conversation.id).where(Conversation.external_id == stem))
    if row is None:
        raise LookupError(f"the demo call {stem!r} was not imported")
    return read_conversation(session, row, Principal.local_owner())


def _notes(reading: Reading, truth: Mapping[str, Any], model: LanguageModel | None) -> CallNotes:
    """Understand the call as on its day, when the CRM did not know yet of what it tells."""
    deal = reading.deal
    for change in truth["field_changes"]:
        if deal is not None and change["field"] == "expected_close_on":
            deal = replace(deal, expected_close_on=date.fromisoformat(change["from"]))
    return understand(reading.talk, reading.lines, reading.attendees, deal, model=model)


def _planted(name: str, truth: Mapping[str, Any], lines: Sequence[Line]) -> Planted:
    scene_of: dict[int, str] = {}
    place_of: dict[str, int] = {}
    turns = [(scene["name"], text) for scene in truth["scenes"] for text in scene["turns"]]
    place = 0
    for line in lines:
        for ahead in range(place, min(place + 6, len(turns))):
            if turns[ahead][1].strip() in line.text or line.text in turns[ahead][1]:
                scene_of[line.position] = turns[ahead][0]
                place_of.setdefault(turns[ahead][1], line.position)
                place = ahead + 1
                break
    return Planted(name, truth, scene_of, place_of)


def _judge(
    planted: Planted, notes: CallNotes, rules: Mapping[str, Any], tallies: dict[str, Tally]
) -> None:
    claims = claims_of(notes)
    for wanted in _wanted(planted, rules):
        tally = tallies[wanted.kind]
        tally.wanted += 1
        if any(_is_found(wanted, claim) for claim in claims):
            tally.found += 1
        else:
            tally.missed.append(f"{planted.name} {wanted}")
    for claim in claims:
        kind = claim.kind.removeprefix("field:")
        tally = tallies[kind]
        tally.claimed += 1
        if not _is_allowed(claim, kind, planted, rules):
            tally.false += 1
            scenes = [planted.scene_of.get(each, "?") for each in claim.segments]
            tally.invented.append(f"{planted.name} {scenes} {claim.text[:100]} {claim.day or ''}")


def _wanted(planted: Planted, rules: Mapping[str, Any]) -> Iterator[Claim]:
    truth = planted.truth
    for fact in truth["facts"]:
        kind = rules["planted"].get(fact["kind"])
        at = planted.place_of.get(fact["quote"], -1)
        if kind:
            yield Claim(kind, (at,), fact["quote"], name=fact.get("competitor", ""))
        if fact["kind"] == "price_objection":
            value = to_major(fact["budget_minor"], fact["currency"])
            yield Claim("budget", (at,), fact["quote"], name=_sum(value, fact["currency"]))
        if fact["kind"] == "competitor_mention":
            yield Claim("competition", (at,), fact["quote"], name=fact["competitor"])
    for promise in truth["commitments"]:
        due = date.fromisoformat(promise["due"])
        yield Claim("commitment", (), promise["text"], side=promise["side"], day=due)
    if truth["next_step"]:
        yield Claim("next_step", (), "", day=date.fromisoformat(truth["next_step"]["on"]))
    for change in truth["field_changes"]:
        if change["from"] != change["to"]:
            yield Claim("close", (), "", name=change["to"])
    yield from _told(planted)
    yield from _asked(planted, rules)


def _told(planted: Planted) -> Iterator[Claim]:
    for scene in planted.truth["scenes"]:
        told, turns = scene["told"], scene["turns"]
        places = {text: planted.place_of.get(text, -1) for text in turns}
        if scene["name"] == "pain":
            yield from _at(places, told["pain"], "pain")
            yield from _at(places, told["hourly"], "metrics")
        buyer = told.get("economic_buyer", "")
        if scene["name"] == "process" and buyer not in {"our management", "领导", ""}:
            yield Claim("economic_buyer", (), "", name=buyer)


def _at(places: Mapping[str, int], words: str, kind: str) -> Iterator[Claim]:
    for text, place in places.items():
        if words in text:
            yield Claim(kind, (place,), words)
            return


def _asked(planted: Planted, rules: Mapping[str, Any]) -> Iterator[Claim]:
    for scene in planted.truth["scenes"]:
        if scene["name"] in rules["answered"]:
            text = scene["turns"][0]
            if text.rstrip().endswith(("?", "？")):
                at = planted.place_of.get(text, -1)
                yield Claim(NoteKind.QUESTION.value, (at,), text, answered=True)


def _sum(value: Decimal, currency: str) -> str:
    return f"{value.normalize():f} {currency}"


def _is_found(wanted: Claim, claim: Claim) -> bool:
    if claim.kind.removeprefix("field:") != wanted.kind:
        return False
    same_place = not wanted.segments or wanted.segments[0] in claim.segments
    same_name = not wanted.name or _same_name(wanted.name, claim.name)
    if wanted.kind == "commitment":
        same_name = wanted.side == claim.side and _same_words(wanted.text, claim.text)
    return (
        same_place
        and same_name
        and (wanted.day is None or wanted.day == claim.day)
        and (wanted.answered is None or wanted.answered == claim.answered)
    )


def _same_name(wanted: str, claimed: str) -> bool:
    """Say whether a name is the one meant: "Priya" is Priya Shah, 李总 is anybody called 李."""
    names = [part.strip().casefold() for part in claimed.split(", ")]
    folded = wanted.casefold()
    if any(folded == name or folded in name.split() for name in names):
        return True
    return (
        not folded.isascii() and len(folded) <= 5 and any(folded[0] == name[:1] for name in names)
    )


def _same_words(wanted: str, claimed: str) -> bool:
    return wanted.casefold() in claimed.casefold()


def _is_allowed(claim: Claim, kind: str, planted: Planted, rules: Mapping[str, Any]) -> bool:
    scenes = [planted.scene_of.get(each, "?") for each in claim.segments]
    if kind == NoteKind.QUESTION:
        return all(scene not in rules["not_questions"] for scene in scenes)
    if not all(kind in rules["scenes"].get(scene, ()) for scene in scenes):
        return False
    truth = planted.truth
    if kind in {"competitor", "competition"}:
        planted_names = [fact.get("competitor", "") for fact in truth["facts"]]
        return any(name and _same_name(name, claim.name) for name in planted_names)
    if kind == "next_step":
        return bool(truth["next_step"]) and claim.day == date.fromisoformat(
            truth["next_step"]["on"]
        )
    if kind == "close":
        return any(claim.name == change["to"] for change in truth["field_changes"])
    if kind == "commitment" and claim.day is not None and truth["commitments"]:
        return claim.day in {date.fromisoformat(one["due"]) for one in truth["commitments"]}
    return True
