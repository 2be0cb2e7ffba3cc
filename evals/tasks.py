"""The Inspect tasks: `inspect eval evals/tasks.py --model none --max-samples 1`."""

import atexit
import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import Score as InspectScore
from inspect_ai.scorer import Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from evals.answers import document_of
from evals.conversations import load_conversation_questions, score_conversation
from evals.gold import load_gold
from evals.scoring import Score, Verdict, score
from evals.seeded_bench.sources import SET_NAMES, Case, load_cases
from evals.seeded_errors import verifier_blocks
from evals.workspaces import opened

_FROM_RECORDS = frozenset({"number", "ranking", "list", "text"})
Judge = Callable[[dict[str, Any]], Score]


@task
def crm_questions_demo() -> Task:
    """Questions on the demo company, with gold answers by independent SQL."""
    return _crm_questions("demo")


@task
def crm_questions_foreign() -> Task:
    """Questions on a CRM export of another vendor."""
    return _crm_questions("foreign")


@task
def conversation_answers() -> Task:
    """Questions on what was said: the right conversation is quoted, and nothing is made up."""
    with opened("demo") as installation:
        expected = load_conversation_questions(installation.settings.workspace_dir)
    judges: dict[str, Judge] = {
        each.id: lambda answer, each=each: score_conversation(each, answer)  # type: ignore[misc]
        for each in expected
    }
    samples = [
        Sample(id=each.id, input=each.question, target=" | ".join(each.keywords) or "nothing")
        for each in expected
    ]
    return _asked("demo", samples, judges, embed=True)


@task
def tool_choice() -> Task:
    """Whether the answer rests on the kind of evidence that the question calls for."""
    with opened("demo") as installation:
        numbers = load_gold("demo", installation.settings.crm_db)
        said = load_conversation_questions(installation.settings.workspace_dir)
    wanted = [
        (one.question.id, one.question.question, "records")
        for one in numbers
        if one.question.kind in _FROM_RECORDS
    ]
    wanted += [(one.id, one.question, "conversation") for one in said if not one.nothing]
    judges: dict[str, Judge] = {
        key: lambda answer, route=route: _chose(route, answer)  # type: ignore[misc]
        for key, _, route in wanted
    }
    samples = [Sample(id=key, input=question, target=route) for key, question, route in wanted]
    return _asked("demo", samples, judges)


@task
def verifier_seeded_errors() -> Task:
    """Whether the verifier stops sentences with a seeded error and keeps the correct ones."""
    cases = {case.id: case for name in SET_NAMES for case in load_cases(name)}
    samples = [
        Sample(
            id=case.id,
            input=case.sentence.text,
            target="cut" if case.error else "kept",
            metadata={"error": case.error, "language": case.source.language},
        )
        for case in cases.values()
    ]
    return Task(dataset=MemoryDataset(samples), solver=_verify(cases), scorer=_verdict_matches())


def _crm_questions(name: str) -> Task:
    with opened(name) as installation:
        every = load_gold(name, installation.settings.crm_db)
    judges: dict[str, Judge] = {
        gold.question.id: lambda answer, gold=gold: score(gold, answer)  # type: ignore[misc]
        for gold in every
    }
    callers = {gold.question.id: gold.question.caller for gold in every}
    samples = [
        Sample(
            id=gold.question.id,
            input=gold.question.question,
            target=repr(gold.readings[0][:3]) if gold.readings else "no answer",
            metadata={"kind": gold.question.kind, "caller": callers[gold.question.id]},
        )
        for gold in every
    ]
    return _asked(name, samples, judges)


def _asked(
    name: str, samples: list[Sample], judges: dict[str, Judge], *, embed: bool = False
) -> Task:
    return Task(
        dataset=MemoryDataset(samples),
        solver=_product(name, embed=embed),
        scorer=_judged(judges),
    )


@solver
def _product(name: str, *, embed: bool) -> Solver:
    """Answer with our graph; the workspace and the model stay open for the whole process."""
    stack = ExitStack()
    installation = stack.enter_context(opened(name, embed=embed))
    atexit.register(stack.close)

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001
        with installation.graph() as graph:
            answer = document_of(
                installation,
                graph,
                state.input_text,
                workspace=name,
                caller=state.metadata.get("caller"),
            )
        state.output.completion = json.dumps(answer, ensure_ascii=False)
        return state

    return solve


@scorer(metrics=[accuracy(), stderr()])
def _judged(judges: dict[str, Judge]) -> Scorer:
    async def judge(state: TaskState, target: Target) -> InspectScore:  # noqa: ARG001
        answer = json.loads(state.output.completion)
        found = judges[str(state.sample_id)](answer)
        return InspectScore(
            value="C" if found.verdict is Verdict.RIGHT else "I",
            answer=answer["answer"],
            explanation=f"{found.verdict}: {found.why}",
            metadata={"verdict": found.verdict, "states_number": found.states_number},
        )

    return judge


def _chose(route: str, answer: dict[str, Any]) -> Score:
    kinds = {fact["kind"] for fact in answer["facts"]}
    said = bool(kinds & {"segment", "email"})
    is_right = said if route == "conversation" else bool(kinds) and not said
    return Score(Verdict.RIGHT if is_right else Verdict.WRONG, f"facts of {sorted(kinds)}")


@solver
def _verify(cases: dict[str, Case]) -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001
        reason = verifier_blocks(cases[str(state.sample_id)])
        state.output.completion = "cut" if reason else "kept"
        return state

    return solve


@scorer(metrics=[accuracy(), stderr()])
def _verdict_matches() -> Scorer:
    async def judge(state: TaskState, target: Target) -> InspectScore:
        got = state.output.completion
        return InspectScore(value="C" if got == target.text else "I", answer=got)

    return judge
