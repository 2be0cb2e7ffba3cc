"""The answer step for conversations: the model picks and sums up, code quotes."""

import re
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from copilot.agent.contract import Status
from copilot.agent.desk import Desk, Request
from copilot.agent.plan import Plan
from copilot.agent.retelling import is_mere_telling, may_be_shown
from copilot.agent.wording import phrase
from copilot.llm.budget import cut
from copilot.llm.client import Message, UnusableReply
from copilot.llm.metered import OverBudget
from crm.errors import CopilotError, TransientError
from crm.facts import Fact
from crm.index.terms import terms_of
from prompts.library import load_prompt, quote_outside
from tools.language import Language

MAX_TOKENS = 160
FACT_TOKENS = 90
QUOTES = 4
SHORTEST = 8
_FALSE_START = re.compile(r"^[\s,.;:，。；：、]+|^(?:but|and|so)\s+", re.IGNORECASE)


def write_sentences(desk: Desk, request: Request, state: dict[str, Any]) -> dict[str, Any]:
    """Return the state's changes: a summary, then the customer's own words, each citing its fact.

    Quotes that share words with the question are known to bear on it. Where there are none, the
    model picks; when it picks none, the ending is "not found". While the model is out of reach,
    finds no usable words, or the caller's tokens are used up, the quotes stand alone, with what
    was left out. A quote that orders the model about is shown to whoever asks, and to no model.
    """
    known = state["relevant"][:QUOTES]
    everything = [Fact.model_validate(one) for one in state["facts"]]
    quotes = [fact for fact in everything if fact.id in known]
    facts = [fact for fact in quotes or everything if may_be_shown(fact)]
    if not facts:
        return _ending("", [], quotes, state["language"])
    language = state["language"]
    prompt = load_prompt("answer_quotes", language)
    shown = "\n".join(f"[{fact.id}] {cut(fact.text, FACT_TOKENS)}" for fact in facts)
    messages = [
        Message(role="system", content=prompt.render()),
        Message(role="user", content=f"{quote_outside(shown)}\n{quote_outside(state['question'])}"),
    ]
    result_type = Summary if known else _result_type(facts)
    try:
        model = desk.model_for(request.principal)
        reply = model.structured(messages, result_type, max_tokens=MAX_TOKENS)
    except (TransientError, UnusableReply) as error:
        return _quotes_alone(quotes or facts, language, is_sorted=bool(known), error=error)
    value: Any = reply.value
    tokens = {
        "tokens_in": state["tokens_in"] + reply.usage.tokens_in,
        "tokens_out": state["tokens_out"] + reply.usage.tokens_out,
    }
    told = facts if known else [fact for fact in facts if fact.id in value.relevant]
    summary = _tidy(value.summary, told, state) if told else ""
    if not is_mere_telling(summary, prompt.body):
        summary = ""
    return {**tokens, **_ending(summary, told, quotes or told, language)}


def _ending(
    summary: str, told: list[Fact], quotes: list[Fact], language: Language
) -> dict[str, Any]:
    """Return the summary of what was told and the quotes, or that nothing was said."""
    if not quotes:
        text = phrase("nothing_said", language)
        ending = {"status": Status.NOT_FOUND.value, "sentences": [{"text": text, "facts": []}]}
        return {**ending, "needs_model": False}
    sentences = [{"text": summary, "facts": [fact.id for fact in told]}] if summary else []
    sentences += [{"text": fact.text, "facts": [fact.id]} for fact in quotes]
    return {"sentences": sentences, "status": Status.ANSWERED.value}


def _quotes_alone(
    facts: list[Fact], language: Language, *, is_sorted: bool, error: CopilotError
) -> dict[str, Any]:
    why = phrase("model_is_away", language)
    if isinstance(error, UnusableReply):
        why = phrase("model_is_no_use", language)
    if isinstance(error, OverBudget):
        why = phrase("model_is_used_up", language, until=f"{error.resets_at:%Y-%m-%d %H:%M %Z}")
    remark = phrase("no_summary" if is_sorted else "unsorted_quotes", language, why=why)
    quotes = [{"text": fact.text, "facts": [fact.id]} for fact in facts[:QUOTES]]
    return {
        "sentences": [*quotes, {"text": remark, "facts": []}],
        "status": Status.ANSWERED.value,
        "needs_model": False,
    }


def _tidy(summary: str, relevant: list[Fact], state: dict[str, Any]) -> str:
    """Return the summary without false starts; nothing if it only copies or claims too much.

    A word of the question that stands in no quote must not be asserted: "mentioned space travel".
    """
    text = _FALSE_START.sub("", summary).strip()
    text = text[:1].upper() + text[1:]
    quoted = " ".join(fact.text for fact in relevant)
    names = set(terms_of(" ".join(state["names"])))
    asked = set(terms_of(Plan.model_validate(state["plan"]).topic)) - names
    unproven = (asked & set(terms_of(text))) - set(terms_of(quoted))
    copies = any(fact.text in text for fact in relevant)
    return "" if len(text) < SHORTEST or unproven or copies else text


class Summary(BaseModel):
    """What the quotes say, in a sentence or two."""

    summary: str = Field(max_length=280)


def _result_type(facts: list[Fact]) -> type[BaseModel]:
    ids = tuple(fact.id for fact in facts)
    one_id: Any = Literal[ids]
    quoted: type[BaseModel] = create_model(
        "Quoted",
        relevant=(list[one_id], Field(max_length=4)),
        summary=(str, Field(max_length=280)),
    )
    return quoted
