"""Decides from the reading which kind of work a question needs, and what cannot be done at all."""

from dataclasses import dataclass

from copilot.agent.plan import Route
from copilot.agent.reading import Reading
from tools.names import NamedThing

_NUMERIC = ("count", "amount", "average", "median", "share")


@dataclass(frozen=True)
class Refusal:
    """Why a question is turned down before anything runs: a phrase of the answers and its slot."""

    phrase: str
    words: str = ""


def refusal(reading: Reading) -> Refusal | None:
    """Return why the question cannot be answered at all, or None."""
    asks = _asks_number(reading) or reading.has("route", "said", "history")
    if reading.has("route", "draft", "send") and not asks:
        return Refusal("side_effect")
    for cue in reading.cues:
        if cue.section == "unsupported":
            return Refusal("unsupported", cue.text)
    return None


def route_of(reading: Reading) -> Route:
    """Return the route that the words speak for; NONE where they do not settle it."""
    if reading.has("route", "contact_gap"):
        return Route.CONTACT_GAP
    told = reading.has("route", "said", "last_call", "last_email")
    if told and not _asks_number(reading):
        return Route.CONVERSATION
    about_a_topic = bool(reading.residue) or reading.has("intent", "why")
    customer = any(
        mention.candidates[0].dimension in {"account", "contact"} for mention in reading.names
    )
    if about_a_topic and customer and not _asks_number(reading) and not _lost(reading):
        return Route.CONVERSATION
    if reading.has("route", "history") and record_of(reading) and not _asks_number(reading):
        return Route.HISTORY
    return Route.NONE


def _lost(reading: Reading) -> bool:
    return reading.has("status", "lost") and reading.has("noun", "opportunity", "lost_reason")


def record_of(reading: Reading) -> NamedThing | None:
    """Return the one record that the question is about, if it names exactly one."""
    found = [
        mention.candidates[0]
        for mention in reading.names
        if mention.candidates[0].id is not None and not mention.ambiguous
    ]
    return found[0] if len({(thing.dimension, thing.id) for thing in found}) == 1 else None


def _asks_number(reading: Reading) -> bool:
    rank = reading.rank is not None and reading.rank.kind != "date"
    return rank or reading.has("intent", *_NUMERIC) or bool(_hard_measures(reading))


def _hard_measures(reading: Reading) -> list[str]:
    soft = {"calls", "emails", "meetings", "leads", "contacts", "case_count", "activities",
            "list_price", "average_discount", "satisfaction", "quota"}  # fmt: skip
    return [key for key in reading.keys("measure") if key not in soft]
