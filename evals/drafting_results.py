"""What came of each drafting task: kept one file a task, counted, and written out for reading."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from copilot.writers.draft import Draft
from evals.answers import percentile
from evals.drafting_ground import Finding
from evals.drafting_rubric import Mark, passes


@dataclass(frozen=True)
class Result:
    """One task's outcome; without a draft, `refused` says why in the product's words.

    `seconds` is the wall time of the writing and `cpu_seconds` what this process, the model in it,
    worked meanwhile: on a machine that does other things the two part. `is_cold` says that the
    model had to be loaded for it.
    """

    task: str
    kind: str
    language: str
    evidence: str
    channel: str
    seconds: float
    cpu_seconds: float
    is_cold: bool
    draft: Draft | None
    refused: str
    findings: tuple[Finding, ...]
    marks: tuple[Mark, ...]

    @property
    def is_sendable(self) -> bool:
        """Say whether a rep would send it after small edits."""
        return self.draft is not None and passes(list(self.marks))


def save(result: Result, folder: Path) -> None:
    """Write the result as JSON and, for reading, as Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    document = asdict(result) | {
        "draft": result.draft.model_dump(mode="json") if result.draft else None
    }
    path = folder / f"{result.task}.json"
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), "utf-8")
    (folder / f"{result.task}.md").write_text(as_markdown(result), "utf-8")


def load(folder: Path) -> list[Result]:
    """Return the results kept in a folder, in the order of their names."""
    found = []
    for path in sorted(folder.glob("*.json")):
        raw = json.loads(path.read_text("utf-8"))
        raw.setdefault("cpu_seconds", raw["seconds"])
        raw["draft"] = Draft.model_validate(raw["draft"]) if raw["draft"] else None
        raw["findings"] = tuple(Finding(**one) for one in raw["findings"])
        raw["marks"] = tuple(Mark(**one) for one in raw["marks"])
        found.append(Result(**raw))
    return found


def as_markdown(result: Result) -> str:
    """Return the draft, its sentences with their facts, what was cut, and every judgement."""
    lines = [
        f"# {result.task}",
        f"{result.kind} · {result.language} · {result.evidence} · {result.channel} · "
        f"{result.seconds:.1f} s{' (cold)' if result.is_cold else ''}",
        "",
    ]
    if result.draft is None:
        return "\n".join([*lines, f"REFUSED: {result.refused}", ""])
    draft = result.draft
    to = ", ".join(f"{one.name} <{one.email}>" for one in draft.to)
    lines += [f"To: {to}", f"Subject: {draft.subject}", "", draft.body, "", "## Sentences", ""]
    lines += [f"- [{' '.join(one.facts) or '—'}] {one.text}" for one in draft.sentences]
    lines += ["", "## Facts", ""]
    lines += [f"- {fact.id} ({fact.source}) {fact.text}" for fact in draft.facts]
    lines += ["", "## Cut", "", *(f"- {one.text} — {one.reason}" for one in draft.dropped)]
    lines += [
        "",
        "## Open",
        "",
        *(f"- {one.placeholder}: {one.reason}" for one in draft.open_points),
    ]
    lines += ["", "## Unsupported by the independent check", ""]
    lines += [f"- {one.kind}: {one.value!r} in: {one.sentence}" for one in result.findings]
    lines += ["", f"## Rubric: {'passes' if result.is_sendable else 'FAILS'}", ""]
    lines += [
        f"- {'hard' if one.is_hard else 'soft'} {one.criterion}: {one.why}"
        for one in result.marks
        if not one.holds
    ]
    return "\n".join([*lines, ""])


def figures_of(results: Sequence[Result]) -> dict[str, Any]:
    """Return the figures of a run, counts with their totals, times of warm drafts in seconds."""
    drafts = [one for one in results if one.draft is not None]
    warm = [one.seconds for one in drafts if not one.is_cold]
    work = [one.cpu_seconds for one in drafts if not one.is_cold]
    failed = Counter(mark.criterion for one in drafts for mark in one.marks if not mark.holds)
    groups: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for one in results:
        for name in ("kind", "language", "evidence", "channel"):
            groups[name][getattr(one, name)].append(one)
    return {
        "tasks": len(results),
        "drafts": len(drafts),
        "refused": {one.task: one.refused[:120] for one in results if one.draft is None},
        "sendable": sum(one.is_sendable for one in results),
        "sendable_by": {
            name: {
                key: f"{sum(one.is_sendable for one in part)}/{len(part)}"
                for key, part in sorted(parts.items())
            }
            for name, parts in groups.items()
        },
        "sentences": sum(len(one.draft.sentences) for one in drafts if one.draft),
        "sentences_by_facts": sum(
            bool(sentence.facts) for one in drafts if one.draft for sentence in one.draft.sentences
        ),
        "drafts_with_findings": sum(bool(one.findings) for one in drafts),
        "findings": dict(Counter(each.kind for one in drafts for each in one.findings)),
        "criteria_failed": {name: f"{count}/{len(drafts)}" for name, count in failed.most_common()},
        "placeholders": sum(len(one.draft.open_points) for one in drafts if one.draft),
        "cut": sum(len(one.draft.dropped) for one in drafts if one.draft),
        "seconds_p50": round(percentile(warm, 0.5), 1) if warm else None,
        "seconds_p95": round(percentile(warm, 0.95), 1) if warm else None,
        "cpu_seconds_p50": round(percentile(work, 0.5), 1) if work else None,
        "cpu_seconds_p95": round(percentile(work, 0.95), 1) if work else None,
        "warm": len(warm),
    }
