"""The model's part in planning: choices from closed sets, where the words left one open."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, create_model

from copilot.agent.compose import Slots
from copilot.agent.plan import Route
from copilot.agent.reading import Reading
from copilot.llm.client import LanguageModel, Message, Usage
from crm.metrics.catalog import catalog
from prompts.library import load_prompt, quote_outside

MAX_TOKENS = 60
MAX_WORDS = 3
NOTHING = "nothing"

_TOOLS = {
    "numbers": Route.METRIC,
    "conversations": Route.CONVERSATION,
    "record_history": Route.HISTORY,
    "none": Route.NONE,
}


@dataclass(frozen=True)
class Choice:
    """What the model chose; `unexplained` are the words that stand in the way of an answer."""

    route: Route
    slots: Slots
    unexplained: tuple[str, ...]
    usage: Usage


class Role(BaseModel):
    """What a word does in a question: only mere talk may be passed over."""

    role: Literal["talk", "condition", "name", "topic"]


def choose_slots(model: LanguageModel, reading: Reading, found: Slots) -> Choice:
    """Ask the model what the words left open; everything it may say is in a schema.

    Unknown words come first: one that limits, names or asks for something else ends the matter,
    whatever measure there is. Raises what the model raises: TransientError, PermanentError.
    """
    unexplained, usage = _not_mere_talk(model, reading)
    if unexplained or found.measures:
        return Choice(Route.METRIC, found, unexplained, usage)
    prompt = load_prompt("plan", reading.language)
    system = Message(role="system", content=prompt.render(measures=_measures(reading.language)))
    question = Message(role="user", content=quote_outside(reading.text))
    reply = model.structured(
        [system, question], _result_type(found, reading), max_tokens=MAX_TOKENS
    )
    value: Any = reply.value
    return Choice(
        route=_TOOLS[value.tool],
        slots=Slots(
            () if value.measure == NOTHING else (value.measure,),
            found.group or ("" if value.group_by == NOTHING else value.group_by),
        ),
        unexplained=(),
        usage=usage + reply.usage,
    )


def _not_mere_talk(model: LanguageModel, reading: Reading) -> tuple[tuple[str, ...], Usage]:
    words = unknown_phrases(reading)
    if len(words) > MAX_WORDS:
        return tuple(words), Usage()
    usage = Usage()
    system = Message(role="system", content=load_prompt("word_role", reading.language).render())
    for word in words:
        asked = quote_outside(f"{reading.text}\n{word}")
        turn = Message(role="user", content=asked)
        reply = model.structured([system, turn], Role, max_tokens=20)
        usage += reply.usage
        if reply.value.role != "talk":
            return (word,), usage
    return (), usage


def unknown_phrases(reading: Reading) -> list[str]:
    """Return the words that nothing explained, Chinese characters that stand together as one."""
    if reading.language == "en":
        return list(dict.fromkeys(reading.residue))
    left = set(reading.residue)
    runs = re.findall(r"[\u3400-\u9fff]+|[A-Za-z0-9]+", reading.text)
    found: list[str] = []
    for run in runs:
        if run.isascii():
            found += [run] if run in left else []
            continue
        found += re.findall("[" + "".join(left & set(run)) + "]+", run) if left & set(run) else []
    return list(dict.fromkeys(found))


def _result_type(found: Slots, reading: Reading) -> type[BaseModel]:
    groups = [found.group] if found.group else [c.key for c in reading.cues if c.section == "noun"]
    closed_sets = {
        "tool": tuple(_TOOLS),
        "measure": (*catalog().measures, NOTHING),
        "group_by": (*(g for g in dict.fromkeys(groups) if g in catalog().dimensions), NOTHING),
    }
    fields: dict[str, Any] = {
        name: (Literal[options], ...) for name, options in closed_sets.items()
    }
    chosen: type[BaseModel] = create_model("Choice", **fields)
    return chosen


@cache
def _measures(language: Literal["en", "zh"]) -> str:
    return "\n".join(
        f"- {measure.name}: {measure.label[language]}" for measure in catalog().measures.values()
    )
