"""Whether an edit puts a commitment into a mail that was not in it when it was proposed."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from copilot.grounding.ground import Ground
from copilot.grounding.promises import check_promises
from copilot.grounding.sentences import ProblemKind
from crm.models import EffectKind

_MAILS = frozenset({EffectKind.SEND_MAIL, EffectKind.SAVE_MAIL_DRAFT})
_TEXTS = ("subject", "body", "html", "text")
_ENDS = re.compile(r"(?<=[.!?])\s+|[。！？；\n]+|<[^>]*>")
_NOTHING_KNOWN = Ground(facts={}, today=date.min, outside=frozenset())
# "I'll call you on Friday" binds the writer's own time, and is his to give.
_OWN_TIME = re.compile(r"(?:we|i|our team)\b|[我本]", re.IGNORECASE)


def adds_commitment(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Say whether a sentence that is new promises a price, terms, a delivery or a guarantee.

    An edit brings no facts, so nothing carries such a sentence: more than its writer has to agree.
    """
    if kind not in _MAILS:
        return False
    known = set(_sentences(before))
    return any(_commits(sentence) for sentence in _sentences(after) if sentence not in known)


def _sentences(payload: Mapping[str, Any]) -> Iterator[str]:
    for name in _TEXTS:
        text = payload.get(name)
        if isinstance(text, str):
            yield from (part.strip() for part in _ENDS.split(text) if part.strip())


def _commits(sentence: str) -> bool:
    problems = check_promises(sentence, (), _NOTHING_KNOWN)
    return any(
        problem.kind is ProblemKind.PROMISE and not _OWN_TIME.match(problem.value)
        for problem in problems
    )
