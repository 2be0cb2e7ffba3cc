"""Whether a mail, or an edit of one, puts a commitment into it that no draft has proved."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from copilot.agent.approvals.binding_words import binds_us
from crm.models import EffectKind

_MAILS = frozenset({EffectKind.SEND_MAIL, EffectKind.SAVE_MAIL_DRAFT})
_TEXTS = ("subject", "body", "html", "text")
_ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])|\n+|<[^>]*>")


def adds_commitment(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Say whether a sentence that is new promises a price, terms, a delivery or a guarantee.

    An edit brings no facts, so nothing carries such a sentence: more than its writer has to agree.
    """
    if kind not in _MAILS:
        return False
    known = set(_sentences(before))
    return any(binds_us(sentence) for sentence in _sentences(after) if sentence not in known)


def _sentences(payload: Mapping[str, Any]) -> Iterator[str]:
    for name in _TEXTS:
        text = payload.get(name)
        if isinstance(text, str):
            yield from (part.strip() for part in _ENDS.split(text) if part.strip())
