"""Puts the questions of a set to the product, in this process, one new thread a question."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from copilot.agent.asking import ask
from copilot.agent.graph import Graph
from copilot.wiring import Installation
from crm.errors import CopilotError
from evals.gold import Gold, load_gold, workspace_of
from evals.scoring import Score, score
from evals.workspaces import as_of, opened

Watch = Callable[["Outcome"], None]


@dataclass(frozen=True)
class Outcome:
    """A question, what the product answered, how it did, and the wall-clock time in seconds."""

    gold: Gold
    answer: dict[str, Any]
    score: Score
    seconds: float


def run_set(name: str, *, limit: int | None = None, watch: Watch | None = None) -> list[Outcome]:
    """Ask every question of a set, in its own workspace, and return the outcomes."""
    outcomes, workspace = [], workspace_of(name)
    with opened(workspace) as installation, installation.graph() as graph:
        for gold in load_gold(name, installation.settings.crm_db)[:limit]:
            outcome = ask_one(installation, graph, gold, workspace=workspace)
            outcomes.append(outcome)
            if watch:
                watch(outcome)
    return outcomes


def ask_one(installation: Installation, graph: Graph, gold: Gold, *, workspace: str) -> Outcome:
    """Ask one question in a thread of its own and judge the answer."""
    started = time.perf_counter()
    answer = document_of(
        installation,
        graph,
        gold.question.question,
        workspace=workspace,
        caller=gold.question.caller,
    )
    return Outcome(gold, answer, score(gold, answer), time.perf_counter() - started)


def document_of(
    installation: Installation,
    graph: Graph,
    question: str,
    *,
    workspace: str,
    caller: str | None = None,
) -> dict[str, Any]:
    """Return the answer document; a failure of the product is a document of status "error"."""
    try:
        answer = ask(
            graph,
            question,
            principal=installation.principal(caller),
            as_of=as_of(workspace),
        )
    except CopilotError as error:
        return {"status": "error", "answer": str(error), "sentences": [], "facts": []}
    return answer.model_dump(mode="json")


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` of the values lie (nearest rank); 0 for none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


def wrong_first(outcomes: list[Outcome]) -> Iterator[Outcome]:
    """Yield the outcomes that are not right, wrong ones before refused ones."""
    missed = [outcome for outcome in outcomes if outcome.score.verdict != "right"]
    yield from sorted(missed, key=lambda outcome: outcome.score.verdict != "wrong")
