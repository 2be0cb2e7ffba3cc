"""Calls as WebVTT transcripts: scenes chosen for the deal's fate, turns chosen from variants."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from ingest.demo.calendar_days import at, stamp
from ingest.demo.chance import happens
from ingest.demo.customers import Person
from ingest.demo.deals import Deal
from ingest.demo.story import (
    Filling,
    Plan,
    Truth,
    fact_value,
    make_filling,
    note_commitments,
    note_fact,
    note_scene,
)
from ingest.demo.wordbank import bank, fill

_LEAST_TURNS = 27
_EARLY = ("pain", "current_setup", "scope", "process")
_MIDDLE = ("demo_feedback", "product_question", "integration")
_LATE = ("rollout", "process", "product_question")
_SPARE = ("integration", "reference", "rollout", "scope", "demo_feedback", "current_setup")
_PAUSE_S = 0.4


@dataclass(frozen=True)
class Turn:
    """Something said."""

    speaker: str
    text: str


def write_call(folder: Path, random: Random, plan: Plan, number: int) -> tuple[str, Truth]:
    """Write one transcript; return its file name and what was planted in it."""
    deal = plan.deal
    filling = make_filling(random, plan)
    truth = Truth("call", deal.id, deal.customer.id, deal.language)
    turns: list[Turn] = []
    for name in _choose_scenes(random, plan):
        turns += _play(random, name, plan, filling, truth)
    started_at = at(plan.day, random)
    name = f"call-{number:03d}-{deal.id}.vtt"
    title = fill(bank(f"talk_{deal.language}")["titles"][_phase(plan)], filling.slots)
    (folder / name).write_text(_render(random, deal, title, started_at, turns), "utf-8")
    return name, truth


def _phase(plan: Plan) -> str:
    if plan.progress < 0.3:
        return "first"
    return "last" if plan.is_ending else "middle"


def _choose_scenes(random: Random, plan: Plan) -> list[str]:
    scenes = bank(f"talk_{plan.deal.language}")["scenes"]
    body = list({"first": _EARLY, "middle": _MIDDLE, "last": _LATE}[_phase(plan)])
    body += plan.facts
    # A deal that dies has no next step; a healthy one commits both sides.
    end = "commitments" if plan.has_next_step else "no_next_step"
    chosen = ["opening", "agenda", *body, end, "closing"]
    if not _technical(plan.deal):
        chosen = [name for name in chosen if name != "integration"]
    spare = [name for name in _SPARE if name not in {*chosen, "integration"}]
    random.shuffle(spare)
    while sum(len(_turns(scenes[name])) for name in chosen) < _LEAST_TURNS or (
        spare and happens(random, 0.4)
    ):
        chosen.insert(2, spare.pop())
    return chosen


def _turns(scene: Any) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = scene["turns"] if isinstance(scene, dict) else scene
    return turns


def _play(random: Random, name: str, plan: Plan, filling: Filling, truth: Truth) -> list[Turn]:
    """Speak a scene, and note what it plants."""
    scene = bank(f"talk_{plan.deal.language}")["scenes"][name]
    speakers = _speakers(plan.deal)
    spoken = []
    chosen = 0
    for turn in _turns(scene):
        ((role, given),) = turn.items()
        mark, variants = next(iter(given.items())) if isinstance(given, dict) else ("", given)
        if mark != "same":
            chosen = random.randrange(len(variants))
        text = fill(variants[chosen], filling.slots)
        spoken.append(Turn(speakers[role], text))
        if mark == "key" and scene["fact"] != "commitment":
            value = fact_value(scene["fact"], plan.deal, filling)
            note_fact(truth, scene["fact"], text, {"speaker": speakers[role], **value})
    if name == "commitments":
        note_commitments(truth, filling)
    note_scene(truth, name, [turn.text for turn in spoken], filling)
    return spoken


def _technical(deal: Deal) -> Person | None:
    return next((person for person in deal.people if person.role == "technical"), None)


def _speakers(deal: Deal) -> dict[str, str]:
    second = _technical(deal) or deal.people[0]
    return {"r": deal.rep.name, "c": deal.people[0].name, "d": second.name}


def _render(random: Random, deal: Deal, title: str, started_at: datetime, turns: list[Turn]) -> str:
    people = {deal.rep.name: deal.rep.email}
    people |= {person.name: person.email for person in deal.customer.people}
    present = list(dict.fromkeys([deal.rep.name, *(turn.speaker for turn in turns)]))
    lines = [
        "WEBVTT",
        "",
        f"NOTE title: {title}",
        "",
        f"NOTE started_at: {stamp(started_at)}",
        "",
        f"NOTE account: {deal.customer.id}",
        "",
        f"NOTE opportunity: {deal.id}",
        "",
        "NOTE participants: " + "; ".join(f"{name} <{people[name]}>" for name in present),
        "",
    ]
    clock = 1.0
    for turn in turns:
        # About 2.6 English words, or 4.6 Chinese characters, a second.
        units = len(turn.text) / 4.6 if deal.language == "zh" else len(turn.text.split()) / 2.6
        end = clock + max(0.8, units * random.uniform(0.9, 1.15))
        lines += [f"{_clock(clock)} --> {_clock(end)}", f"<v {turn.speaker}>{turn.text}", ""]
        clock = end + random.uniform(0.2, 2 * _PAUSE_S)
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02d}:{minutes:02d}:{rest:06.3f}"
