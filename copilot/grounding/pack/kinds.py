"""Which kind of draft a situation asks for, where the request does not say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from copilot.grounding.pack.asked import DraftKind

RECENT_DAYS = 21
UNANSWERED_DAYS = 5
SILENT_DAYS = 60
RENEWAL_DAYS = (274, 396)
"""Nine to thirteen months after a deal was won."""


@dataclass(frozen=True)
class Situation:
    """How matters stand; days count back from the day of the draft, None where there was nothing.

    `unanswered_days` is the age of our newest mail if nothing came after it; `contact_days` that
    of the last conversation or logged contact.
    """

    is_reply: bool = False
    contact_days: int | None = None
    unanswered_days: int | None = None
    has_open_deal: bool = False
    won_days: int | None = None


_RULES: Final[tuple[tuple[DraftKind, Callable[[Situation], bool]], ...]] = (
    (DraftKind.REPLY, lambda now: now.is_reply),
    (
        DraftKind.NUDGE,
        lambda now: _is_within(now.unanswered_days, UNANSWERED_DAYS, SILENT_DAYS - 1),
    ),
    (DraftKind.FOLLOW_UP, lambda now: _is_within(now.contact_days, 0, RECENT_DAYS)),
    (
        DraftKind.RENEWAL,
        lambda now: not now.has_open_deal and _is_within(now.won_days, *RENEWAL_DAYS),
    ),
    (DraftKind.COLD_OUTREACH, lambda now: now.contact_days is None and now.won_days is None),
    (DraftKind.FOLLOW_UP, lambda now: now.has_open_deal and not _is_silent(now)),
)


def kind_for(now: Situation) -> DraftKind:
    """Return the kind of the first rule that fits: reply, nudge, follow-up, renewal, cold outreach.

    What remains is a customer whom nobody spoke to for long: re-engagement.
    """
    return next((kind for kind, fits in _RULES if fits(now)), DraftKind.RE_ENGAGEMENT)


def _is_within(days: int | None, first: int, last: int) -> bool:
    return days is not None and first <= days <= last


def _is_silent(now: Situation) -> bool:
    return now.contact_days is None or now.contact_days >= SILENT_DAYS
