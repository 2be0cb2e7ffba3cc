"""The plan step: code settles what the words settle, the model chooses where a choice is left."""

from typing import Any, Literal

from copilot.agent.act_turns import plan_of_act
from copilot.agent.choosing import choose_slots, unknown_phrases
from copilot.agent.compose import (
    Slots,
    can_compute,
    metric_plan,
    negates_something_else,
    ranks_nothing,
    slots,
)
from copilot.agent.contract import Status
from copilot.agent.declining import is_outside
from copilot.agent.desk import Desk, Request
from copilot.agent.draft_turns import plan_of_wish
from copilot.agent.followup import continue_plan
from copilot.agent.gate import after_plan, before_plan
from copilot.agent.lookups import lookup_of
from copilot.agent.plan import Plan, Route
from copilot.agent.reading import Reading, read_question
from copilot.agent.routing import record_of, refusal, route_of
from copilot.agent.wording import phrase
from copilot.grounding.pack.hostile import told_name
from copilot.llm.allowance import UsedUp
from copilot.llm.client import UnusableReply
from copilot.llm.deadline import shared_patience
from crm.errors import BadInput, TransientError
from crm.metrics.catalog import catalog
from tools.names import NameIndex, NameMention

MAX_QUESTION = 2_000


def make_plan(desk: Desk, request: Request, state: dict[str, Any]) -> dict[str, Any]:
    """Return the state's changes: a plan, or an honest ending.

    Raises BadInput for a question that is empty or too long, and what the model raises.
    """
    question = str(state["question"]).strip()
    if not question:
        raise BadInput("the question is empty: ask something about your accounts, deals or calls")
    if len(question) > MAX_QUESTION:
        raise BadInput(
            f"the question has {len(question):,} characters, at most {MAX_QUESTION:,} are read: "
            "ask one thing at a time"
        )
    if state["tried"]:
        return _widen(state)
    caller = request.principal
    desk.admit(caller)
    with desk.store.session() as session:
        index = desk.names(session, caller)
        settled = before_plan(desk, request, session, index, state)
    if settled is not None:
        return settled
    previous = state.get("previous") or {}
    acted = None if is_outside(caller) else plan_of_act(desk, request, index, question, previous)
    if acted is not None:
        return acted
    drafted = plan_of_wish(desk, request, index, question, previous)
    if drafted is not None:
        return drafted
    reading = read_question(
        question,
        index,
        today=request.as_of.date(),
        calendar=desk.calendar,
        # A partner's deals are those that were given to him, whoever owns them.
        asker="" if caller.is_local_owner or is_outside(caller) else caller.name,
    )
    ending = _early_ending(reading, index)
    if ending is not None:
        return after_plan(desk, request, reading, {"language": reading.language, **ending})
    plan, tokens = _plan(desk, request, reading, previous)
    changes: dict[str, Any] = {
        "language": reading.language, "names": reading.said_names, **tokens,
    }  # fmt: skip
    if isinstance(plan, Plan):
        changes["plan"] = plan.model_dump(mode="json")
    else:
        changes |= plan
    return after_plan(desk, request, reading, changes)


def _early_ending(reading: Reading, index: NameIndex) -> dict[str, Any] | None:
    language = reading.language
    refused = refusal(reading)
    if refused is not None:
        text = phrase(refused.phrase, language, words=refused.words)
        return {"status": Status.DECLINED.value, "interpretation": "", **_say(text)}
    if reading.unknown:
        names = phrase("and", language).join(f"“{name}”" for name in reading.unknown)
        return {
            "status": Status.NOT_FOUND.value,
            **_say(phrase("unknown_name", language, names=names)),
        }
    for mention in reading.names:
        candidates = _distinct(mention) if mention.ambiguous else _namesakes(mention, index)
        if len(candidates) > 1:
            return {
                "status": Status.AMBIGUOUS.value,
                "candidates": candidates[:8],
                **_say(phrase("ambiguous", language, called=f"“{mention.text}”")),
            }
    return None


def _namesakes(mention: NameMention, index: NameIndex) -> list[str]:
    """Return the accounts that all begin with what was said, if it was only a beginning."""
    said = mention.text.lower()
    best = mention.candidates[0]
    if best.dimension != "account" or best.name.lower() == said or " " in said:
        return []
    return [
        f"{told_name('account', thing.id, thing.name)} (account {thing.id})"
        for thing in index.things("account")
        if thing.name.lower().startswith(said)
    ]


def _distinct(mention: NameMention) -> list[str]:
    people = {"owner", "manager"}
    kinds = {thing.dimension for thing in mention.candidates}
    if kinds <= people and len({thing.id for thing in mention.candidates}) == 1:
        return []
    shown: dict[str, None] = {}
    for thing in mention.candidates:
        kind = catalog().dimensions.get(thing.dimension)
        label = kind.label["en"] if kind else thing.dimension
        name = told_name(thing.dimension, thing.id, thing.name)
        shown.setdefault(f"{name} ({label}{f' {thing.id}' if thing.id else ''})", None)
    return list(shown)


def _plan(
    desk: Desk, request: Request, reading: Reading, previous: dict[str, Any]
) -> tuple[Plan | dict[str, Any], dict[str, int]]:
    focus = previous.get("focus") or {}
    spoken = reading.has("route", "said", "last_call", "last_email")
    lookup = None if spoken else lookup_of(reading)
    if lookup is not None:
        plan = Plan(
            route=Route.LOOKUP,
            entity=lookup.entity.value,
            record_id=lookup.thing.id,
            attribute=lookup.attribute,
        )
        return plan, {}
    route = route_of(reading)
    if route is Route.CONVERSATION:
        return _conversation(reading, focus), {}
    if route in {Route.HISTORY, Route.CONTACT_GAP}:
        return _about_record(route, reading, focus), {}
    if negates_something_else(reading):
        text = phrase("not_understood", reading.language, words=_negation(reading))
        return {"status": Status.NOT_FOUND.value, **_say(text)}, {}
    found = slots(reading)
    continued = continue_plan(reading, found, previous)
    if continued is not None:
        return continued, {}
    if found.measures and not reading.residue:
        return _checked(reading, found, focus), {}
    if not found.measures and _names_a_customer(reading):
        return _conversation(reading, focus), {}
    return _choose(desk, request, reading, found, focus)


def _checked(reading: Reading, chosen: Slots, focus: dict[str, Any]) -> Plan | dict[str, Any]:
    """Return the plan if it makes sense; what asks for a best of nothing is not understood."""
    plan = metric_plan(reading, chosen)
    if ranks_nothing(reading, plan):
        rank = reading.rank.text if reading.rank else reading.text[:40]
        text = phrase("not_understood", reading.language, words=rank)
        return {"status": Status.NOT_FOUND.value, **_say(text)}
    if _names_a_customer(reading) and not can_compute(plan):
        return _conversation(reading, focus)
    return plan


def _negation(reading: Reading) -> str:
    return next(cue.text for cue in reading.cues if cue.key == "never" or cue.section == "missing")


def _names_a_customer(reading: Reading) -> bool:
    customers = {"account", "contact", "opportunity"}
    return any(mention.candidates[0].dimension in customers for mention in reading.names)


def _choose(
    desk: Desk, request: Request, reading: Reading, found: Slots, focus: dict[str, Any]
) -> tuple[Plan | dict[str, Any], dict[str, int]]:
    if reading.residue and not desk.judges_words:
        words = " ".join(unknown_phrases(reading))
        text = phrase("not_understood", reading.language, words=words[:80])
        return {"status": Status.NOT_FOUND.value, **_say(text)}, {}
    try:
        with shared_patience():
            choice = choose_slots(desk.model_for(request.principal), reading, found)
    except UsedUp:
        raise
    except TransientError as error:
        raise TransientError(phrase("needs_model", reading.language, why=error)) from error
    except UnusableReply:
        text = phrase("not_understood", reading.language, words=reading.text[:80])
        return {"status": Status.NOT_FOUND.value, **_say(text)}, {}
    tokens = {"tokens_in": choice.usage.tokens_in, "tokens_out": choice.usage.tokens_out}
    if choice.route is Route.CONVERSATION:
        return _conversation(reading, focus), tokens
    if choice.route is Route.HISTORY and record_of(reading):
        return _about_record(Route.HISTORY, reading, focus), tokens
    if choice.route is Route.METRIC and choice.slots.measures and not choice.unexplained:
        return _checked(reading, choice.slots, focus), tokens
    words = " ".join(choice.unexplained or reading.residue) or reading.text
    text = phrase("not_understood", reading.language, words=words[:80])
    return {"status": Status.NOT_FOUND.value, **_say(text)}, tokens


def _conversation(reading: Reading, focus: dict[str, Any]) -> Plan:
    ids = _ids(reading)
    named = bool(ids)
    only_last = reading.has("route", "last_call", "last_email")
    if not named and only_last:
        ids = {key: focus[key] for key in ("account_id", "opportunity_id") if focus.get(key)}
    side: Literal["customer", "ours", ""] = ""
    if reading.has("side", "customer") or any(
        m.candidates[0].dimension in {"account", "contact"} for m in reading.names
    ):
        side = "customer"
    elif reading.has("side", "ours"):
        side = "ours"
    speaker = next(
        (m.candidates[0].name for m in reading.names if m.candidates[0].dimension == "contact"), ""
    )
    return Plan(
        route=Route.CONVERSATION,
        topic=reading.topic,
        side=side,
        speaker=speaker,
        only_last=only_last,
        kind="email" if reading.has("route", "last_email") else "call" if only_last else "",
        **ids,
    )


def _about_record(route: Route, reading: Reading, focus: dict[str, Any]) -> Plan:
    ids = _ids(reading) or {
        key: focus[key] for key in ("account_id", "opportunity_id") if focus.get(key)
    }
    return Plan(route=route, **ids)


def _ids(reading: Reading) -> dict[str, int]:
    keys = {"account": "account_id", "opportunity": "opportunity_id", "owner": "owner_id"}
    found: dict[str, int] = {}
    for mention in reading.names:
        thing = mention.candidates[0]
        if thing.dimension in keys and thing.id is not None:
            found.setdefault(keys[thing.dimension], thing.id)
    return found


def _widen(state: dict[str, Any]) -> dict[str, Any]:
    """After a last call that says nothing on the topic, look through all conversations."""
    wider = Plan.model_validate(state["plan"]).model_copy(update={"only_last": False, "kind": ""})
    return {"plan": wider.model_dump(mode="json"), "status": ""}


def _say(text: str) -> dict[str, Any]:
    return {"sentences": [{"text": text, "facts": []}]}
