"""Settles the questions of people outside the company: what is not one of a few kinds is declined.

Words settle most; what they do not know is set against examples. No language model chooses here,
and whatever is chosen reads the caller's own and what is public, so that a wrong choice answers
beside the question and tells nothing of anybody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from copilot.agent.declining import Topic, declined, speaks_of, topic_of
from copilot.agent.desk import Request
from copilot.agent.kinds import Guess, OutsideKinds
from copilot.agent.outside_reading import Asked
from copilot.agent.plan import OwnThing, Plan
from copilot.agent.reading import Reading

_CLOSED_TO_ANCHORS = frozenset({OwnThing.PRODUCTS, OwnThing.DETAILS, OwnThing.COMPANY})
# Words of every topic stand in harmless questions as well ("nothing confidential, just our cases"):
# a likeness that is sure enough counts for more.
_SURE = {Topic.PERSONAL: 0.15, Topic.OTHERS: 0.45, Topic.KNOWLEDGE: 0.35}
_SURE_ENOUGH = 0.2
_LIKELY, _ANCHORED, _NAMED, _DELICATE = 0.05, 0.2, 0.05, 0.15
# Who names a case of his own or a family of products means something that he is told.
_OWN_CASE, _FAMILY = -0.45, -0.15
# From here on the likeness counts for more than single words do.
_OVERRULES, _OVERRULES_COUNTS, _OVERRULES_SEARCH, _REFUSES = 0.4, 0.8, 0.0, -0.5


def plan_outside(
    request: Request,
    reading: Reading,
    state: dict[str, Any],
    *,
    speakers: frozenset[str],
    cases: Sequence[str],
    kinds: OutsideKinds,
) -> dict[str, Any]:
    """Return the state's changes for a question from outside: a plan, or a decline.

    `speakers` are those who spoke in the caller's own conversations, whom he may name, `cases` the
    subjects of his cases that stand in quotation marks; `kinds` guess what no word settles.
    """
    question, caller = reading.text, request.principal
    settling = _Settling(Asked(reading, caller, speakers, tuple(cases)), kinds)
    topic = settling.topic()
    plan = settling.plan(state.get("previous") or {}) if topic is None else None
    if plan is None:
        return declined(topic or Topic.GENERAL, question, caller)
    return {
        "language": reading.language,
        "names": reading.said_names,
        "plan": plan.model_dump(mode="json"),
    }


@dataclass(frozen=True)
class _Settling:
    """One question, what its words say, and what it is like."""

    asked: Asked
    kinds: OutsideKinds

    @cached_property
    def guess(self) -> Guess:
        """What the question is like; loaded models are needed, so it is asked for late."""
        return self.kinds.guess(self.asked.masked)

    @property
    def is_of_own_details(self) -> bool:
        """Say whether the caller's own data are asked for."""
        asked = self.asked
        return (asked.has("details") or asked.names_himself) and not asked.names_others

    def topic(self) -> Topic | None:
        """Return what makes the question one to decline, None if its words do not."""
        asked = self.asked
        topic = topic_of(asked.reading.text, asked.caller)
        if topic is Topic.PERSONAL and (self.is_of_own_details or asked.has("reach")):
            return None
        if topic is Topic.OPERATIONS and asked.asks_whom_he_knows:
            return None
        if topic is None or asked.names_others or not self.guess.by_meaning:
            return topic
        return None if self.guess.margin > _SURE.get(topic, _SURE_ENOUGH) else topic

    def plan(self, previous: dict[str, Any]) -> Plan | None:
        """Return what is to be done, None if it is nothing that is told."""
        asked = self.asked
        if asked.names_others or speaks_of(Topic.ACTS, asked.words):
            return None
        if asked.may_name_somebody and self.guess.margin < _SURE_ENOUGH:
            return None
        plan = self._chosen(asked.plan()) or asked.again(previous)
        if plan is not None and plan.own is not None and self._is_closed(plan.own.thing):
            return None
        return plan

    def _chosen(self, worded: Plan | None) -> Plan | None:
        """Return the plan of the words, or of the likeness where that is surer."""
        if worded is None:
            return self._likely()
        is_sure = worded.own is not None and worded.own.thing is OwnThing.HELP
        if is_sure or not self.guess.by_meaning:
            return worded
        # With the name of a product almost anything may be asked.
        is_of_product = worded.own is not None and bool(worded.own.ids)
        if self.guess.margin < (_NAMED if is_of_product else _REFUSES):
            return None
        thing = OwnThing(self.guess.kind)
        is_other = worded.own is None or worded.own.thing is not thing
        if is_other and self.guess.margin < 0 and not is_of_product:
            return None
        if self.guess.margin < self._overruling(worded) or self._is_same(worded, thing):
            return worded
        return self.asked.plan_like(thing) or worded

    def _overruling(self, worded: Plan) -> float:
        """Return from which margin on the likeness counts for more than what the words say."""
        if worded.own is None:
            return _OVERRULES_SEARCH
        is_counted = worded.own.thing in {OwnThing.CASES, OwnThing.TALKS}
        is_exact = is_counted and not worded.own.words and self.asked.has("counts")
        return _OVERRULES_COUNTS if is_exact else _OVERRULES

    def _is_same(self, worded: Plan, thing: OwnThing) -> bool:
        """Say whether the words make the same of the question, and more exactly."""
        asked = self.asked
        if thing is OwnThing.TALKS and worded.own is None:
            return asked.names_a_topic
        if worded.own is None or worded.own.thing is not thing:
            return False
        if thing is OwnThing.CASES:
            # Words that nobody knows may be a case's, or may be anything.
            return not worded.own.words or bool(asked.quoted)
        return thing is not OwnThing.TALKS or any(
            asked.has(key) for key in ("who", "when", "counts")
        )

    def _likely(self) -> Plan | None:
        thing = OwnThing(self.guess.kind)
        if self.asked.names_product and thing not in {OwnThing.CASES, OwnThing.HELP}:
            thing = OwnThing.PRODUCTS
        return self.asked.plan_like(thing) if self.guess.margin > self._needed(thing) else None

    def _needed(self, thing: OwnThing) -> float:
        """Return the margin that is enough; words that mostly mean something else raise it."""
        if thing is OwnThing.CASES and self.asked.quotes_own_case:
            return _OWN_CASE
        if thing is OwnThing.PRODUCTS and self.asked.has("delicate"):
            return _DELICATE
        if thing is OwnThing.PRODUCTS and self.asked.names_family:
            return _FAMILY
        if thing is OwnThing.PRODUCTS and self.asked.names_product:
            return _NAMED
        return _ANCHORED if speaks_of(Topic.ANCHORED, self.asked.words) else _LIKELY

    def _is_closed(self, thing: OwnThing) -> bool:
        """Say whether words such as "price" make more of the question than is told."""
        if thing is OwnThing.DETAILS and self.is_of_own_details:
            return False
        if self.guess.by_meaning and self.guess.margin > _SURE_ENOUGH:
            return False
        return thing in _CLOSED_TO_ANCHORS and speaks_of(Topic.ANCHORED, self.asked.words)
