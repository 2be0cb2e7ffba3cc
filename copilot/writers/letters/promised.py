"""What our side promised and still owes: told as promised, or shown to the rep where it is late."""

import re
from collections.abc import Collection

from copilot.grounding.pack.asked import DraftKind
from copilot.grounding.pack.model import DraftEvidence, Piece, Role
from copilot.grounding.sentences import CitedSentence
from copilot.writers.letters.quoting import our_words, quotable, shown_day
from tools.language import Language

_LENGTH = 30.0
# A promise by itself names who does what: "Let me ask" and 一定发给您 need their context.
_COMMITS = {
    "en": re.compile(r"^(?:I|we) (?:will|shall|am going to|are going to|can)\b(?!\s*[.!]?$)", re.I),
    "zh": re.compile(
        r"(?:我|我们|我这边)[^，。]{0,12}(?:会|来|去|马上|尽快|安排|负责|发|给|准备|整理)"
    ),
}
_DANGLES = re.compile(
    r"^(?:I|we) will (?:send|do|bring|share|check|forward|confirm) (?:it|that|this|them)\b"
    r"|\b(?:it|that|this|them)\s*\.?$|\bwait to hear\b|\bcome back to you\b",
    re.IGNORECASE,
)
_LATE = {
    "en": "Overdue since {day}: we said “{words}”",
    "zh": "已于{day}到期：我方说过“{words}”",
}


def kept_promises(evidence: DraftEvidence, used: Collection[str]) -> list[CitedSentence]:
    """Return our open promises that are not late, in the words in which we gave them."""
    found = []
    for piece in _promises(evidence):
        if piece.fact.id in used or _is_late(piece, evidence):
            continue
        said_on = piece.fact.as_of.date() if piece.fact.as_of else None
        language = evidence.language
        words = _from_promise(piece.quote or piece.fact.text)
        text = our_words(words, language, said_on, _LENGTH)
        if text and _DANGLES.search(text):
            continue
        if text and _COMMITS[language].search(text) and not _is_stale(piece, evidence):
            found.append(CitedSentence(text=text, facts=(piece.fact.id,)))
    return found


def _from_promise(words: str) -> str:
    """Return the words from "I will" on: what stands before it is talk."""
    start = re.search(r"\b(?:I|we)(?:['’]ll| will| am going to| are going to)\b", words)
    return words[start.start() :] if start else words


def is_theirs_to_do(piece: Piece, evidence: DraftEvidence) -> bool:
    """Say whether words of the customer are plainly their own promise, not talk about others.

    In a reply only what the mail itself says counts.
    """
    words = piece.quote or piece.fact.text
    if evidence.kind is DraftKind.REPLY:
        answered = evidence.answered
        source = f"conversation:{answered.conversation_id}#" if answered else ""
        return bool(source) and piece.fact.source.startswith(source)
    return piece.due_on is not None or bool(
        re.search(r"\bI(?:['’]ll| will)\b(?! do\b)|我(?:会|负责|这边会)", words)
    )


def late_promises(evidence: DraftEvidence) -> list[str]:
    """Return what we owe and did not do in time, in words for the rep."""
    language: Language = evidence.language
    found = []
    for piece in _promises(evidence):
        if not _is_late(piece, evidence) or piece.due_on is None:
            continue
        words = quotable(piece.quote or piece.fact.text, language, None, _LENGTH)
        if words:
            day = shown_day(piece.due_on, language)
            found.append(_LATE[language].format(day=day, words=words))
    return found


def _promises(evidence: DraftEvidence) -> list[Piece]:
    return [piece for piece in evidence.pieces if piece.role is Role.OUR_PROMISE and piece.is_open]


def _is_late(piece: Piece, evidence: DraftEvidence) -> bool:
    return piece.due_on is not None and piece.due_on < evidence.as_of.date()


def _is_stale(piece: Piece, evidence: DraftEvidence) -> bool:
    """Say whether an undated promise is so old that "I will" is no longer an honest word."""
    if piece.due_on is not None or piece.fact.as_of is None:
        return False
    return (evidence.as_of.date() - piece.fact.as_of.date()).days > 21
