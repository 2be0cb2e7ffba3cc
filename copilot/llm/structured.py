"""One structured answer: ask, validate, and show the model its error once before giving up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ValidationError

from copilot.llm.client import Message, Reply, T, UnusableReply, Usage
from copilot.llm.schema import Schema, read_reply, schema_of
from copilot.llm.spending import spend
from prompts.library import defuse, language_of, load_prompt

SHOWN_CHARS = 1500
SHOWN_ERRORS = 5


@dataclass(frozen=True)
class Completion:
    """A model's raw reply; `is_cut` when it reached the token limit."""

    text: str
    usage: Usage
    is_cut: bool


Complete = Callable[[Sequence[Message], Schema, int], Completion]


def ask_structured(
    complete: Complete,
    messages: Sequence[Message],
    result_type: type[T],
    *,
    max_tokens: int,
    model: str,
) -> Reply[T]:
    """Return a validated `result_type` from the completion function, repaired at most once.

    Raises:
        UnusableReply: the second reply is unusable too.
    """
    schema = schema_of(result_type)
    usage = Usage()
    turns = list(messages)
    problem = ""
    for _ in ("first", "repair"):
        completion = complete(turns, schema, max_tokens)
        usage += completion.usage
        spend(completion.usage)
        result = _read(completion, schema, result_type, max_tokens)
        if isinstance(result, BaseModel):
            return Reply[result_type](value=result, usage=usage)  # type: ignore[valid-type]
        problem = result
        turns = [*messages, *_repair_turns(completion.text, problem, messages)]
    raise UnusableReply(
        f"the model {model!r} gave no usable answer, even after a second try: {problem}; "
        "ask more simply, or choose a larger model in the settings"
    )


def _read(completion: Completion, schema: Schema, result_type: type[T], max_tokens: int) -> T | str:
    """Return the value, or what is wrong with the reply in words the model can act on."""
    if completion.is_cut:
        return f"it was cut off after {max_tokens} tokens; answer more briefly"
    try:
        return result_type.model_validate(read_reply(completion.text, schema))
    except ValidationError as error:
        return _in_words(error)
    except ValueError as error:
        return f"it is not valid JSON: {error}"


def _in_words(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False)
    lines = []
    for item in found[:SHOWN_ERRORS]:
        where = ".".join(map(str, item["loc"])) or "reply"
        lines.append(f"{where}: {item['msg']}, got {str(item['input'])[:80]!r}")
    return "; ".join(lines)


def _repair_turns(text: str, problem: str, messages: Sequence[Message]) -> list[Message]:
    language: Literal["en", "zh"] = language_of(messages[-1].content if messages else "")
    plea = load_prompt("repair_reply", language).render(problem=defuse(problem))
    return [
        Message(role="assistant", content=text[:SHOWN_CHARS]),
        Message(role="user", content=plea),
    ]
