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


def write_sentences(desk: Desk, state: dict[str, Any]) -> dict[str, Any]:
    """Return the state's changes: a summary, then the customer's own words, each citing its fact.

    When the model finds that no fact bears on the question, the ending is "not found".
    """
    facts = [Fact.model_validate(one) for one in state["facts"]]
    language = state["language"]
    prompt = load_prompt("answer_quotes", language)
    shown = "\n".join(f"[{fact.id}] {cut(fact.text, FACT_TOKENS)}" for fact in facts)
    messages = [
        Message(role="system", content=prompt.render()),
        Message(role="user", content=f"{quote_outside(shown)}\n{quote_outside(state['question'])}"),
    ]
    reply = desk.model().structured(messages, _result_type(facts), max_tokens=MAX_TOKENS)
    value: Any = reply.value
    tokens = {
        "tokens_in": state["tokens_in"] + reply.usage.tokens_in,
        "tokens_out": state["tokens_out"] + reply.usage.tokens_out,
    }
    relevant = [fact for fact in facts if fact.id in set(value.relevant)]
    if not relevant:
        text = phrase("nothing_said", language)
        ending = {"status": Status.NOT_FOUND.value, "sentences": [{"text": text, "facts": []}]}
        return {**tokens, **ending, "needs_model": False}
    ids = [fact.id for fact in relevant]
    sentences = [{"text": value.summary.strip(), "facts": ids}] if value.summary.strip() else []
    sentences += [{"text": fact.text, "facts": [fact.id]} for fact in relevant]
    return {**tokens, "sentences": sentences, "status": Status.ANSWERED.value}


def _result_type(facts: list[Fact]) -> type[BaseModel]:
    ids = tuple(fact.id for fact in facts)
    one_id: Any = Literal[ids]
    quoted: type[BaseModel] = create_model(
        "Quoted",
        relevant=(list[one_id], Field(max_length=4)),
        summary=(str, Field(max_length=280)),
    )
    return quoted
