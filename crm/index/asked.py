"""What a question itself says about where to look: the kind of talk and the days it names."""

import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from crm.index.filters import SearchFilters
from crm.models import ConversationKind

_KINDS = {
    ConversationKind.EMAIL: re.compile(r"\be-?mails?\b|\bmails?\b|邮件|来信|去信", re.I),
    ConversationKind.CALL: re.compile(r"\b(?:phone )?calls?\b|通话|电话", re.I),
    ConversationKind.MEETING: re.compile(r"\bmeetings?\b|会议|会上|例会", re.I),
    ConversationKind.CHAT: re.compile(r"\bchats?\b|\bslack\b|聊天|群里", re.I),
}


def kind_named(text: str) -> ConversationKind | None:
    """Return the kind of conversation that a question names, None if none or several."""
    named = [kind for kind, pattern in _KINDS.items() if pattern.search(text)]
    return named[0] if len(named) == 1 else None


def likely_scopes(text: str, filters: SearchFilters) -> list[SearchFilters]:
    """Return narrower filters that the question makes likely: its kind, the `likely` days.

    They are for a second look, not instead of the first: "the call for papers" names no call.
    """
    scopes = []
    kind = kind_named(text)
    if kind is not None and filters.kind is None:
        scopes.append(replace(filters, kind=kind))
    if filters.likely is not None:
        scopes.append(_in_likely_days(filters))
    return scopes


def _in_likely_days(filters: SearchFilters) -> SearchFilters:
    assert filters.likely is not None  # noqa: S101
    start = datetime.combine(filters.likely.start, time(), UTC)
    end = datetime.combine(filters.likely.end + timedelta(days=1), time(), UTC)
    return replace(
        filters,
        since=max(start, filters.since or start),
        until=min(end, filters.until or end),
    )
