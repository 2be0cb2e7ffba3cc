"""The verify step: what the model wrote is checked; what code wrote quotes its facts already."""

from typing import Any

from copilot.agent.contract import Status
from copilot.agent.desk import Request
from copilot.agent.retelling import attributed, check_retold
from copilot.agent.wording import phrase
from copilot.grounding.sentences import CitedSentence, Dropped
from copilot.grounding.verifier import Ground, Verified, verify
from crm.facts import Fact
from tools.language import Language


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
    kept, dropped = _retold(checked, ground, state)
    held = [*kept, *(one for one in sentences if one.text in quoted)]
    changes: dict[str, Any] = {
        "sentences": [one.model_dump(mode="json") for one in held],
        "dropped": [one.model_dump(mode="json") for one in dropped],
    }
    if not held:
        text = phrase("nothing_said", state["language"])
        changes |= {"status": Status.NOT_FOUND.value, "sentences": [{"text": text, "facts": []}]}
    return changes


def _retold(
    checked: Verified, ground: Ground, state: dict[str, Any]
) -> tuple[list[CitedSentence], list[Dropped]]:
    """Return the summaries that tell others' words as theirs, and all that was cut."""
    language: Language = state["language"]
    kept, dropped = [], list(checked.dropped)
    for one in checked.kept:
        problem = check_retold(one, ground, question=state["question"], language=language)
        if problem is not None:
            dropped.append(Dropped(text=one.text, reason=problem.message(language)))
            continue
        cited = [ground.facts[each] for each in one.facts]
        kept.append(CitedSentence(text=attributed(one.text, cited, language), facts=one.facts))
    return kept, dropped
