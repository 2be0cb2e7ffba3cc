"""Leaves out what the customer has corrected since: "65 sensors, not 40" outdates every 40."""

import re
from collections.abc import Sequence

from copilot.grounding.pack.found import Found
from copilot.grounding.pack.model import THEIRS
from crm.index.terms import query_terms, terms_of

_WITHDRAWN = re.compile(
    r"\b(?:not|instead of|rather than|no longer)\s+(?:[$€£¥]\s*)?(?P<en>\d[\d,.]*\d|\d)"
    r"|(?:而?不是|而非|不再是)\s*(?P<zh>\d[\d,.]*\d|\d)",
    re.IGNORECASE,
)


def without_corrected(found: Sequence[Found]) -> list[Found]:
    """Return the findings without older words, theirs or ours, on a figure they have withdrawn.

    Both have to speak of the same thing: they share a telling word.
    """
    kept = list(found)
    for newer in found:
        if newer.role not in THEIRS or not newer.quote:
            continue
        for match in _WITHDRAWN.finditer(newer.quote):
            figure = match["en"] or match["zh"]
            kept = [each for each in kept if not _is_outdated(each, newer, figure)]
    return kept


def _is_outdated(each: Found, newer: Found, figure: str) -> bool:
    if not each.quote or each.said_at >= newer.said_at:
        return False
    if not re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d]|[.,]\d)", each.quote):
        return False
    told = {term for term in query_terms(newer.quote or "") if not term[:1].isdigit()}
    return not told.isdisjoint(terms_of(each.quote))
