"""Settles what partners ask of the deals given to them, where words alone do not."""

from copilot.agent.declining import Topic, plain_words, speaks_of
from copilot.agent.kinds import TOLD_TO_PARTNERS, Guess, OutsideKinds
from copilot.agent.plan import OwnQuestion, OwnThing, Plan, Route
from copilot.agent.reading import Reading
from crm.metrics.query import MetricQuery
from tools.language import Language
from tools.names import NameMention

_STANDS_FOR: dict[Language, dict[str, str]] = {
    "en": {"opportunity": "this deal", "account": "this customer"},
    "zh": {"opportunity": "这个商机", "account": "这个客户"},
}
_THINGS = {"opportunity": OwnThing.DEAL, "account": OwnThing.CUSTOMER}
# A partner can name nothing but what was given to him, so a name speaks for the question.
_LIKELY, _NAMED, _REFUSES = 0.1, -0.5, -0.6


def partners_plan(plan: Plan | None, reading: Reading, kinds: OutsideKinds) -> Plan | None:
    """Return the plan, or a likelier one of the given deals; None if neither is to be told.

    `plan` is what the words say, None if they say nothing that a partner is told.
    """
    guess = kinds.guess(_masked(reading), TOLD_TO_PARTNERS)
    named = _named(reading)
    if plan is not None and not (guess.by_meaning and _is_doubtful(plan, named, guess)):
        return plan
    if reading.unknown or guess.margin <= (_NAMED if named else _LIKELY):
        return None
    # What is kept back is no part of an overview: to tell the rest would be no answer.
    if speaks_of(Topic.KEPT_BACK, plain_words(reading.text)):
        return None
    return _of_record(named) if named else _of_all()


def _is_doubtful(plan: Plan, named: NameMention | None, guess: Guess) -> bool:
    """Say whether a figure stands for something else, or the question is like what is not told."""
    if plan.route is Route.METRIC and named and named.candidates[0].dimension == "opportunity":
        return True
    return named is None and guess.margin < _REFUSES


def _named(reading: Reading) -> NameMention | None:
    """Return the one deal that is named, else the one customer."""
    for dimension in _THINGS:
        found = [one for one in reading.names if one.candidates[0].dimension == dimension]
        if len({one.candidates[0].id for one in found}) == 1 and not found[0].ambiguous:
            return found[0]
    return None


def _of_record(named: NameMention) -> Plan:
    thing = named.candidates[0]
    own = OwnQuestion(thing=_THINGS[thing.dimension], ids=(thing.id or 0,), is_guess=True)
    return Plan(route=Route.OWN, own=own)


def _of_all() -> Plan:
    queries = (MetricQuery(measure="open_opportunities"), MetricQuery(measure="pipeline"))
    return Plan(route=Route.METRIC, queries=queries, lists_rows=True)


def _masked(reading: Reading) -> str:
    text, words = reading.text, _STANDS_FOR[reading.language]
    for mention in sorted(reading.names, key=lambda one: one.span, reverse=True):
        instead = words.get(mention.candidates[0].dimension)
        if instead is not None:
            text = text[: mention.span[0]] + instead + text[mention.span[1] :]
    return text
