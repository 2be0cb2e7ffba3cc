"""The verify step: what the model wrote is checked; what code wrote quotes its facts already."""

from typing import Any

from copilot.agent.contract import Status
from copilot.agent.desk import Request
from copilot.agent.wording import phrase
from copilot.grounding.sentences import CitedSentence
from copilot.grounding.verifier import Ground, verify
from crm.facts import Fact


def check_sentences(request: Request, state: dict[str, Any]) -> dict[str, Any]:
    """Return the state's changes: sentences that hold, and those that were cut with the reason.

    A fact's own text is a quotation and stands; a summary that fails is cut, because the quotes
    below it answer the question as well.
    """
    sentences = [CitedSentence.model_validate(one) for one in state["sentences"]]
    if not state["needs_model"]:
        return {}
    facts = {fact["id"]: Fact.model_validate(fact) for fact in state["facts"]}
    quoted = {fact.text for fact in facts.values()}
    ground = Ground(
        facts=facts,
        today=request.as_of.date(),
        language=state["language"],
        free_names=state["names"],
    )
    written = [one for one in sentences if one.text not in quoted]
    checked = verify(written, ground)
    kept = set(checked.kept)
    held = [one for one in sentences if one.text in quoted or one in kept]
    changes: dict[str, Any] = {
        "sentences": [one.model_dump(mode="json") for one in held],
        "dropped": [one.model_dump(mode="json") for one in checked.dropped],
    }
    if not held:
        text = phrase("nothing_said", state["language"])
        changes |= {"status": Status.NOT_FOUND.value, "sentences": [{"text": text, "facts": []}]}
    return changes
