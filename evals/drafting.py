"""`python -m evals.drafting`: writes the drafting tasks and says what may be sent and what not."""

import argparse
import functools
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from copilot.grounding.pack.asked import DraftKind
from copilot.llm.client import LanguageModel
from copilot.wiring import Installation
from copilot.writers.company.guide import CompanyGuide
from copilot.writers.draft import Draft
from copilot.writers.learning.learned import learned_style
from copilot.writers.letters.write import write_draft
from crm.errors import CopilotError, TransientError
from evals.drafting_check import check_draft
from evals.drafting_results import Result, figures_of, load, save
from evals.drafting_rubric import grade
from evals.drafting_store import StoreWitness
from evals.drafting_tasks import Resolved, Task, load_tasks, resolve
from evals.drafting_world import Added, opened_copy

_LANGUAGES = ("en", "zh")
Watch = Callable[[str], None]


def main() -> None:
    """Write the tasks that have no result yet, or judge anew what is there, and print figures."""
    asked = _arguments()
    tasks = [one for one in load_tasks() if _is_wanted(one, asked)][: asked.tasks]
    with opened_copy(
        "drafting", Added.contradictions(), folder=asked.workspace, today=asked.today
    ) as installation:
        if asked.judge:
            judge_anew(tasks, installation, asked.out)
        else:
            done = {one.task for one in load(asked.out)}
            todo = [one for one in tasks if one.id not in done]
            until = time.monotonic() + asked.seconds if asked.seconds else None
            for result in run(todo, installation, until=until, watch=_say):
                save(result, asked.out)
    wanted = {one.id for one in tasks}
    results = [one for one in load(asked.out) if one.task in wanted]
    figures = figures_of(results)
    print(json.dumps(figures, ensure_ascii=False, indent=None if asked.json else 1))  # noqa: T201


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evals.drafting", description=__doc__)
    parser.add_argument("--tasks", type=int, help="only the first N tasks")
    parser.add_argument("--kind", choices=[kind.value for kind in DraftKind])
    parser.add_argument("--id", default="", help="only the tasks whose id this pattern matches")
    parser.add_argument("--language", choices=_LANGUAGES)
    parser.add_argument("--evidence", choices=("rich", "thin", "contradictory"))
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(tempfile.gettempdir()) / "sales-copilot-evals" / "drafting-results",
        help="a folder that keeps each draft, as JSON and as Markdown",
    )
    parser.add_argument("--seconds", type=float, help="begin no task after so long; run it again")
    parser.add_argument("--judge", action="store_true", help="judge the kept drafts anew")
    parser.add_argument("--workspace", type=Path, help="a ready demo workspace to copy")
    parser.add_argument("--today", type=date.fromisoformat, help="the day of that workspace")
    parser.add_argument("--json", action="store_true", help="figures on one line")
    return parser.parse_args()


def _is_wanted(task: Task, asked: argparse.Namespace) -> bool:
    return (
        (asked.kind is None or task.kind == asked.kind)
        and re.search(asked.id, task.id) is not None
        and (asked.language is None or task.language == asked.language)
        and (asked.evidence is None or task.evidence == asked.evidence)
    )


def run(
    tasks: Sequence[Task],
    installation: Installation,
    *,
    until: float | None = None,
    model: LanguageModel | None = None,
    watch: Watch = lambda _line: None,
) -> Iterator[Result]:
    """Yield a result for each task; the first draft of a process pays for loading the model."""
    guide = installation.guide
    is_cold = True
    for number, task in enumerate(tasks, start=1):
        if until is not None and time.monotonic() > until:
            watch(f"{len(tasks) - number + 1} tasks are left: run it again")
            return
        result = run_one(task, installation, guide, model=model, is_cold=is_cold)
        if result is None:
            watch(f"{number}/{len(tasks)} {task.id}: its pool {task.pool.name!r} is empty")
            continue
        is_cold = is_cold and result.draft is None
        watch(
            f"{number}/{len(tasks)} {task.id}: {result.seconds:.1f} s, "
            f"{'sendable' if result.is_sendable else 'not sendable'}, "
            f"{len(result.findings)} unsupported"
        )
        yield result


def run_one(
    task: Task,
    installation: Installation,
    guide: CompanyGuide,
    *,
    model: LanguageModel | None,
    is_cold: bool,
) -> Result | None:
    """Return what came of one task, None if this workspace has nobody for it."""
    with installation.store.session() as session:
        resolved = resolve(task, session)
    if resolved is None:
        return None
    started, worked = time.perf_counter(), time.process_time()
    draft, refused = None, ""
    try:
        draft = draft_of(resolved, installation, guide, model=model)
    except CopilotError as error:
        refused = str(error)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - worked
    bare = Result(
        task=task.id,
        kind=(task.kind or (draft.kind if draft else "")) or "",
        language=task.language,
        evidence=task.evidence,
        channel=task.channel.value,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        is_cold=is_cold,
        draft=draft,
        refused=refused,
        findings=(),
        marks=(),
    )
    return judged(bare, resolved, installation, guide)


def draft_of(
    resolved: Resolved,
    installation: Installation,
    guide: CompanyGuide,
    *,
    model: LanguageModel | None = None,
) -> Draft:
    """Return what the product writes for the rep of this task; raises its CopilotErrors."""
    principal = installation.principal(resolved.rep)
    with installation.store.session() as session:
        draft = write_draft(
            session,
            model or installation.model,
            installation.index,
            resolved.request,
            guide=guide,
            style=lambda evidence: learned_style(
                session, evidence, guide=guide, principal=principal
            ),
            principal=principal,
            as_of=installation.now(),
        )
    if draft.without_model is not None:
        # What rules make of an outage is not what is measured here.
        raise TransientError(draft.without_model)
    return draft


def judged(
    result: Result, resolved: Resolved, installation: Installation, guide: CompanyGuide
) -> Result:
    """Return the result with the independent check's findings and the rubric's marks."""
    if result.draft is None:
        return result
    today = installation.now().date()
    texts = [
        *(each.text for each in guide.policies),
        *(each.text for each in guide.terms),
        *(each.text for each in guide.references),
    ]
    policies = tuple(words for text in texts for words in (text.en, text.zh) if words)
    with installation.store.session() as session:
        witness = StoreWitness(session, policies, resolved.request.purpose)
        findings = check_draft(result.draft, witness, today=today)
    marks = grade(result.draft, resolved, today=today)
    return replace(result, findings=tuple(findings), marks=tuple(marks))


def judge_anew(tasks: Sequence[Task], installation: Installation, folder: Path) -> None:
    """Judge the kept drafts by the rules as they are now; nothing is written anew."""
    guide = installation.guide
    of_id = {one.id: one for one in tasks}
    for result in load(folder):
        if result.task in of_id:
            with installation.store.session() as session:
                resolved = resolve(of_id[result.task], session)
            if resolved is not None:
                save(judged(result, resolved, installation, guide), folder)


_say = functools.partial(print, file=sys.stderr, flush=True)

if __name__ == "__main__":
    main()
