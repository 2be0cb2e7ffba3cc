"""The answer step for conversations: the model picks and sums up, code quotes."""

from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from copilot.agent.contract import Status
from copilot.agent.desk import Desk
from copilot.agent.wording import phrase
from copilot.llm.budget import cut
from copilot.llm.client import Message
from crm.facts import Fact
from prompts.library import load_prompt, quote_outside

MAX_TOKENS = 160
FACT_TOKENS = 90
QUOTES = 4


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
    sentences = [{"text": value.summary.strip(), "facts": ids}] if value.summary.strip() else []
    sentences += [{"text": fact.text, "facts": [fact.id]} for fact in relevant]
    return {**tokens, "sentences": sentences, "status": Status.ANSWERED.value}


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
