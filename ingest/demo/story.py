"""What is told when: the conversations of a deal, with the facts that its fate calls for."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from ingest.demo.calendar_days import spoken_date, spoken_money, workday
from ingest.demo.chance import happens
from ingest.demo.customers import Person
from ingest.demo.deals import Deal
from ingest.demo.wordbank import bank, fill

_FACT_OF_REASON = {
    "Price": "price_objection",
    "Competitor": "competitor_mention",
    "No budget": "budget_freeze",
    "Champion left": "champion_leaves",
    "Security review": "security_review",
}
# What a scene tells that belongs into notes, whichever of its variants is spoken.
_TOLD = {
    "pain": ("pain", "hourly", "number"),
    "process": ("economic_buyer",),
    "price_objection": ("budget", "amount"),
    "competitor_mention": ("competitor",),
    "champion_leaves": ("champion",),
}


@dataclass
class Plan:
    """One conversation to be written: its day, how far the deal has come (0–1), and its facts."""

    deal: Deal
    day: date
    progress: float
    facts: list[str]
    has_next_step: bool
    is_ending: bool


@dataclass
class Truth:
    """What was planted in one conversation, for evals; the importer never reads it."""

    kind: str
    opportunity: str
    account: str
    language: str
    facts: list[dict[str, Any]] = field(default_factory=list)
    commitments: list[dict[str, Any]] = field(default_factory=list)
    next_step: dict[str, Any] | None = None
    field_changes: list[dict[str, Any]] = field(default_factory=list)
    scenes: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Filling:
    """What fills the slots of a conversation, and the same as values for the truth."""

    slots: dict[str, str]
    values: dict[str, Any]


def last_day(deal: Deal, today: date) -> date:
    """Return the last day on which anybody spoke."""
    return min(deal.hidden.last_contact_on, today - timedelta(days=1))


def plan_conversation(random: Random, deal: Deal, share: float, today: date) -> Plan:
    """Return a conversation at this share (0–1) of the time in which people spoke."""
    end = last_day(deal, today)
    day = workday(deal.opened_on + timedelta(days=round(share * (end - deal.opened_on).days)))
    day = max(day, deal.opened_on)
    length = max(1, (deal.hidden.last_contact_on - deal.opened_on).days)
    progress = (day - deal.opened_on).days / length
    is_ending = progress > 0.6
    return Plan(
        deal=deal,
        day=day,
        progress=progress,
        facts=_facts(random, deal, progress, day),
        has_next_step=happens(random, deal.hidden.next_step_rate),
        is_ending=is_ending,
    )


def _facts(random: Random, deal: Deal, progress: float, day: date) -> list[str]:
    facts = []
    if progress > 0.3 and deal.competitor and happens(random, 0.6):
        facts.append("competitor_mention")
    if progress > 0.55:
        if deal.hidden.outcome == "won":
            facts.append("positive_signal")
        else:
            facts.append(_FACT_OF_REASON.get(deal.hidden.lost_reason, ""))
    if 0.25 < progress < 0.75 and happens(random, 0.35):
        facts.append("security_review")
    if progress > 0.35 and deal.discount > 0.07 and happens(random, 0.5):
        facts.append("price_objection")
    if nearest_move(deal, day):
        facts.append("timeline_slip")
    return list(dict.fromkeys(fact for fact in facts if fact))


def nearest_move(deal: Deal, day: date) -> tuple[date, date] | None:
    """Return the move of the close date that this day's talk can have led to."""
    for old, new, changed_on in deal.moves:
        if 0 <= (changed_on - day).days <= 12:
            return old, new
    return None


def make_filling(random: Random, plan: Plan) -> Filling:
    """Return what fills the slots of this conversation."""
    deal, language = plan.deal, plan.deal.language
    talk = bank(f"talk_{language}")
    budget = _rounded(deal.amount_minor * random.uniform(0.72, 0.92))
    days = {
        "our_date": workday(plan.day + timedelta(days=random.randint(3, 7))),
        "their_date": workday(plan.day + timedelta(days=random.randint(6, 12))),
        "meeting_date": workday(plan.day + timedelta(days=random.randint(13, 20))),
        "quote_until": plan.day + timedelta(days=30),
    }
    old, new = nearest_move(deal, plan.day) or (deal.planned_on, deal.planned_on)
    days |= {"old_close": old, "new_close": new}
    buyer = role_player(deal, "economic_buyer")
    names = _role_names(deal, buyer)
    slots = {
        **{name: spoken_date(day, language) for name, day in days.items()},
        **names,
        "company": deal.customer.aliases[0] if language == "zh" else deal.customer.name,
        "industry": deal.customer.industry,
        "product": deal.lines[0].product.name,
        "amount": spoken_money(deal.amount_minor, deal.currency, language),
        "budget": spoken_money(budget, deal.currency, language),
        "discount": str(max(5, round(deal.discount * 100))),
        "pain": random.choice(talk["pains"]),
        "hourly": f"{random.randint(8, 90) * 500:,}",
        "number": str(random.randint(6, 60)),
        "sites": _sites(random.randint(1, 4), language),
        "machines": str(random.randint(2, 16) * 5),
        "days": str(random.choice((7, 14, 30))),
        "weeks": str(random.randint(4, 10)),
        "our_task": random.choice(talk["our_tasks"]),
        "their_task": random.choice(talk["their_tasks"]),
        "competitor": deal.competitor or "Vibrosense",
    }
    reason = bank(f"mail_{language}")["loss_reasons"].get(deal.hidden.lost_reason, "")
    slots["loss_reason"] = fill(reason, slots)
    values = {"budget_minor": budget, **{name: day.isoformat() for name, day in days.items()}}
    return Filling(slots, values)


def role_player(deal: Deal, role: str) -> Person | None:
    """Return the person of the deal, else of the account, in this role."""
    for people in (deal.people, deal.customer.people):
        for person in people:
            if person.role == role and person is not deal.people[0]:
                return person
    return None


def _role_names(deal: Deal, buyer: Person | None) -> dict[str, str]:
    is_chinese = deal.language == "zh"
    boss = "领导" if is_chinese else "our management"
    former = "之前的负责人" if is_chinese else "my predecessor"
    leaver = role_player(deal, "user") or role_player(deal, "technical")
    return {
        "customer": deal.people[0].address,
        "rep": deal.rep.name if is_chinese else deal.rep.name.split()[0],
        "economic_buyer": buyer.address if buyer else boss,
        "champion": (leaver.name if leaver else former),
    }


def _rounded(minor: float) -> int:
    """Return the amount to two digits, as budgets are told."""
    return round(round(minor), 2 - len(str(round(minor))))


def _sites(count: int, language: str) -> str:
    if language == "zh":
        return str(count)
    words = ("one site", "two sites", "three sites", "four sites")
    return words[count - 1]


def fact_value(kind: str, deal: Deal, filling: Filling) -> dict[str, Any]:
    """Return the values that belong to a fact of this kind."""
    slots, values = filling.slots, filling.values
    if kind == "competitor_mention":
        return {"competitor": slots["competitor"]}
    if kind == "price_objection":
        return {
            "amount_minor": deal.amount_minor,
            "budget_minor": values["budget_minor"],
            "currency": deal.currency,
        }
    if kind == "champion_leaves":
        return {"person": slots["champion"]}
    if kind == "timeline_slip":
        return {"from": values["old_close"], "to": values["new_close"]}
    return {}


def note_fact(truth: Truth, kind: str, quote: str, value: dict[str, Any]) -> None:
    """Add a planted fact, and the field change that it implies."""
    truth.facts.append({"kind": kind, "quote": quote, **value})
    if kind == "timeline_slip":
        truth.field_changes.append({"field": "expected_close_on", **value})


def note_scene(truth: Truth, name: str, texts: list[str], filling: Filling) -> None:
    """Add what a stretch of a call is about: its turns in order, and what it tells of the deal."""
    slots = filling.slots
    told = {slot: slots[slot] for slot in _TOLD.get(name, ())}
    truth.scenes.append({"name": name, "turns": texts, "told": told})


def note_commitments(truth: Truth, filling: Filling) -> None:
    """Add what both sides promised, by when."""
    slots, values = filling.slots, filling.values
    truth.commitments += [
        {"side": "ours", "text": slots["our_task"], "due": values["our_date"]},
        {"side": "customer", "text": slots["their_task"], "due": values["their_date"]},
    ]
    truth.next_step = {"text": "call", "on": values["meeting_date"]}
