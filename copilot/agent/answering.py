"""The answer step for conversations: the model picks and sums up, code quotes."""

import re
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from copilot.agent.contract import Status
from copilot.agent.desk import Desk
from copilot.agent.plan import Plan
from copilot.agent.wording import phrase
from copilot.llm.budget import cut
from copilot.llm.client import Message
from crm.facts import Fact
from crm.index.terms import terms_of
from prompts.library import load_prompt, quote_outside

MAX_TOKENS = 160
FACT_TOKENS = 90
QUOTES = 4
SHORTEST = 8
_FALSE_START = re.compile(r"^[\s,.;:，。；：、]+|^(?:but|and|so)\s+", re.IGNORECASE)


def write_sentences(desk: Desk, state: dict[str, Any]) -> dict[str, Any]:
    """Return the state's changes: a summary, then the customer's own words, each citing its fact.

    Quotes that share words with the question are known to bear on it. Where there are none, the
    model picks; when it picks none, the ending is "not found".
    """
    known = state["relevant"][:QUOTES]
    everything = [Fact.model_validate(one) for one in state["facts"]]
    facts = [fact for fact in everything if fact.id in known] or everything
    language = state["language"]
    prompt = load_prompt("answer_quotes", language)
    shown = "\n".join(f"[{fact.id}] {cut(fact.text, FACT_TOKENS)}" for fact in facts)
    messages = [
        Message(role="system", content=prompt.render()),
        Message(role="user", content=f"{quote_outside(shown)}\n{quote_outside(state['question'])}"),
    ]
    result_type = Summary if known else _result_type(facts)
    reply = desk.model().structured(messages, result_type, max_tokens=MAX_TOKENS)
    value: Any = reply.value
    tokens = {
        "tokens_in": state["tokens_in"] + reply.usage.tokens_in,
        "tokens_out": state["tokens_out"] + reply.usage.tokens_out,
    }
    picked = known or value.relevant
    relevant = [fact for fact in facts if fact.id in picked]
    if not relevant:
        text = phrase("nothing_said", language)
        ending = {"status": Status.NOT_FOUND.value, "sentences": [{"text": text, "facts": []}]}
        return {**tokens, **ending, "needs_model": False}
    ids = [fact.id for fact in relevant]
    summary = _tidy(value.summary, relevant, state)
    sentences = [{"text": summary, "facts": ids}] if summary else []
    sentences += [{"text": fact.text, "facts": [fact.id]} for fact in relevant]
    return {**tokens, "sentences": sentences, "status": Status.ANSWERED.value}


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
