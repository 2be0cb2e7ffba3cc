"""The model's part in planning: one choice from closed sets, where the words left one open."""

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

MAX_TOKENS = 120
NOTHING = "nothing"

_TOOLS = {
    "numbers": Route.METRIC,
    "conversations": Route.CONVERSATION,
    "record_history": Route.HISTORY,
    "none": Route.NONE,
}


@dataclass(frozen=True)
class Choice:
    """What the model chose; `unexplained` are the words that its choice does not cover."""

    route: Route
    slots: Slots
    unexplained: tuple[str, ...]
    usage: Usage


def choose_slots(model: LanguageModel, reading: Reading, found: Slots) -> Choice:
    """Ask the model for tool, measure and group; everything it may say is in the schema.

    Raises what the model raises: TransientError, PermanentError.
    """
    prompt = load_prompt("plan", reading.language)
    system = Message(role="system", content=prompt.render(measures=_measures(reading.language)))
    words = ", ".join(dict.fromkeys(reading.residue)) or "-"
    asked = f"{quote_outside(reading.text)}\nunclear words: {words}"
    reply = model.structured(
        [system, Message(role="user", content=asked)],
        _result_type(found, reading),
        max_tokens=MAX_TOKENS,
    )
    value: Any = reply.value
    measures = found.measures or ((value.measure,) if value.measure != NOTHING else ())
    group = found.group or ("" if value.group_by == NOTHING else value.group_by)
    covered = value.covers_unclear_words == "yes" and measures
    return Choice(
        route=_TOOLS[value.tool],
        slots=Slots(tuple(measures), group),
        unexplained=() if covered or not reading.residue else reading.residue,
        usage=reply.usage,
    )


def _result_type(found: Slots, reading: Reading) -> type[BaseModel]:
    measures = found.measures or tuple(catalog().measures)
    groups = (
        (found.group,)
        if found.group
        else tuple(dict.fromkeys(cue.key for cue in reading.cues if cue.section == "noun"))
    )
    groups = tuple(key for key in groups if key in catalog().dimensions)
    closed_sets = {
        "tool": tuple(_TOOLS),
        "measure": (*measures, NOTHING),
        "group_by": (*groups, NOTHING),
        "covers_unclear_words": ("yes", "no"),
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
