"""Days that speakers mean: "by next Friday", "within two weeks", 月底前, counted from their day."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from copilot.grounding.dates import DateMention, find_dates
from copilot.grounding.quantities import blank
from copilot.writers.calls.due_rules import FRIDAY, RULES, VAGUE, Reader, parts_of

_FARTHEST = timedelta(days=366 * 4)


@dataclass(frozen=True)
class Due:
    """A day as said; `is_vague` marks one that stands for a whole week, month or more."""

    raw: str
    start: int
    end: int
    on: date
    is_vague: bool = False


def find_due(text: str, day: date) -> list[Due]:
    """Return the days named in a text that lie on or after `day`, in the order of the text.

    Of several readings the next one to come is meant. A week stands for its Friday, a month or
    quarter for its last day: the day by which what is promised for it is late. A weekday beside a
    day of the month ("Monday the 16th") adds nothing.
    """
    found: list[Due] = []
    for pattern, read in RULES:
        for match in list(pattern.finditer(text)):
            on = _safely(read, match, day)
            if on is None:
                continue
            if day <= on <= day + _FARTHEST:
                found.append(Due(match.group().strip(), *match.span(), on, read in VAGUE))
            text = blank(text, *match.span())
    for mention in find_dates(text, day)[0]:
        due = _ahead(mention, day)
        if due is not None and not _is_beside(due, found, text):
            found.append(due)
    return sorted(found, key=lambda due: due.start)


def _safely(read: Reader, match: re.Match[str], day: date) -> date | None:
    try:
        return read(parts_of(match), day)
    except (ValueError, OverflowError):  # 31 February, or a year beyond the calendar
        return None


def _is_beside(due: Due, others: list[Due], text: str) -> bool:
    """Say whether a day found stands right before one that a rule has read already."""
    return any(
        due.end <= other.start and not text[due.end : other.start].strip(" ,，(（")
        for other in others
    )


def _ahead(mention: DateMention, day: date) -> Due | None:
    is_day = mention.periods[0].start == mention.periods[0].end
    ends = sorted({_last_of(period.start, period.end) for period in mention.periods})
    stated = sorted({_last_of(period.start, period.end) for period in mention.stated})
    is_next = re.match(r"next\b", mention.raw, re.IGNORECASE) and len(stated) == 2
    # "next Thursday" is next week's to most people; the other reading is over before they know.
    pool = stated[-1:] if is_next else ends
    is_weekday = is_day and len(mention.periods) > 2 and _are_weekly(mention)
    coming = [each for each in pool if each > day or (each == day and not is_weekday)]
    if not coming or coming[0] > day + _FARTHEST:
        return None
    return Due(mention.raw, mention.start, mention.end, coming[0], is_vague=not is_day)


def _are_weekly(mention: DateMention) -> bool:
    first, second = mention.periods[0].start, mention.periods[1].start
    return abs((second - first).days) == 7


def _last_of(start: date, end: date) -> date:
    return start + timedelta(days=FRIDAY) if (end - start).days == 6 else end
