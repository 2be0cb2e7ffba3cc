"""How the outcome of an import reads, for people and for scripts."""

from typing import Any

from ingest.conversation_run import ConversationSummary

_COUNTS = ("read", "created", "updated", "unchanged", "rejected", "suppressed")


def conversation_counts(summary: ConversationSummary) -> dict[str, Any]:
    """Return the counts, where the rejects are, and the ids that changed."""
    counts: dict[str, Any] = {name: getattr(summary, name) for name in _COUNTS}
    counts["rejects_path"] = str(summary.rejects_path) if summary.rejects_path else None
    counts["conversation_ids"] = list(summary.changed_ids)
    return counts


def conversation_lines(summary: ConversationSummary) -> list[str]:
    """Return one line of counts, and one that leads to the rejects if there are any."""
    shown = _COUNTS if summary.suppressed else _COUNTS[:-1]
    counts = ", ".join(f"{getattr(summary, name):,} {name}" for name in shown)
    lines = [f"conversations: {counts}"]
    if summary.rejected:
        first = summary.rejects[0]
        lines.append(f"first reject: {first.file}: {first.reason}")
        if summary.rejects_path:
            lines.append(f"all rejects with reasons: {summary.rejects_path}")
    return lines
