"""What our side promised and still owes: told as promised, or shown to the rep where it is late."""

import re
from collections.abc import Callable, Collection

from copilot.grounding.pack.asked import DraftKind
from copilot.grounding.pack.model import DraftEvidence, Piece, Role
from copilot.grounding.sentences import CitedSentence
from copilot.writers.letters.quoting import our_words, quotable, shown_day, spoken_clean
from copilot.writers.letters.records import INTERNAL
from tools.language import Language, has_han

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
    r"|\bput (?:it|that|this|them)\b|\b(?:it|that|this|them)\s*\.?$"
    r"|\bwait to hear\b|\bcome back to you\b",
    re.IGNORECASE,
)
_INVITES = re.compile(r"\bthe (?:invitation|invite|calendar|meeting link)\b|邀请", re.IGNORECASE)
# What was promised, as a thing: "I will send the report by 20 November, and you …".
_THING = {
    "en": re.compile(
        r"\b(?:I|we)(?:['’]ll| will| can| shall| am going to| are going to) (?:also )?"
        r"(?:send|share|give|get|forward|provide|prepare|bring|email)\b (?:you |over )?"
        r"(?P<thing>(?:the|a|an|our|your|my|some)\b[^,.;?!]{3,90}?)(?: (?:to|for) you)?"
        r"(?= (?:by|until|before|on|this|next)\b|[,.;]|$)",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        r"(?:给|向|为)(?:您|你们?|贵司)(?:发|提供|准备|出|做)?(?:一[份下个])?(?P<thing>[^，。；？！的给]*(?:的)?[^，。；？！给]{2,16})"
        r"|把(?P<other>[^，。；？！]{2,16})(?:发|给|寄|交)(?:给)?(?:您|你|贵司)"
    ),
}
_OWED = {
    "en": ("I still owe you {thing}, which I had promised for {day}.", "I still owe you {thing}."),
    "zh": ("我还欠您{thing}，原定{day}前给您。", "我还欠您{thing}。"),
}
_OWNED_DAYS = 30
_LATE = {
    "en": "Overdue since {day}: we said “{words}”",
    "zh": "已于{day}到期：我方说过“{words}”",
}


def kept_promises(
    evidence: DraftEvidence, used: Collection[str], *, told: str = "", has_meeting: bool = False
) -> list[CitedSentence]:
    """Return our open promises that are not late, in the words in which we gave them.

    What `told` says already is not said again; an invitation needs the meeting it is for.
    """
    found = []
    for piece in _promises(evidence):
        if piece.fact.id in used or _is_late(piece, evidence):
            continue
        said_on = piece.fact.as_of.date() if piece.fact.as_of else None
        language = evidence.language
        words = _from_promise(piece.quote or piece.fact.text)
        text = our_words(words, language, said_on, _LENGTH)
        if text and (_DANGLES.search(text) or text.rstrip(".。") in told):
            continue
        if text and _INVITES.search(text) and not has_meeting:
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


def owed_sentence(
    evidence: DraftEvidence, *, holds: Callable[[CitedSentence], bool]
) -> CitedSentence | None:
    """Return a frank word on the newest promise of ours that is late, None where it is long ago."""
    today, language = evidence.as_of.date(), evidence.language
    late = [
        (piece.due_on, piece)
        for piece in _promises(evidence)
        if piece.due_on is not None and piece.due_on < today
    ]
    for due, piece in sorted(late, key=lambda each: each[0], reverse=True):
        if (today - due).days > _OWNED_DAYS:
            return None
        words = spoken_clean(piece.quote or piece.fact.text, language)
        match = _THING[language].search(words)
        if match is None or has_han(words) != (language == "zh") or INTERNAL.search(words):
            continue
        thing = next(group for group in match.groups() if group)
        for wording in _OWED[language]:
            text = wording.format(thing=thing.strip(), day=shown_day(due, language))
            sentence = CitedSentence(text=text, facts=(piece.fact.id,))
            if holds(sentence):
                return sentence
    return None


def _promises(evidence: DraftEvidence) -> list[Piece]:
    return [piece for piece in evidence.pieces if piece.role is Role.OUR_PROMISE and piece.is_open]


def _is_late(piece: Piece, evidence: DraftEvidence) -> bool:
    return piece.due_on is not None and piece.due_on < evidence.as_of.date()


def _is_stale(piece: Piece, evidence: DraftEvidence) -> bool:
    """Say whether an undated promise is so old that "I will" is no longer an honest word."""
    if piece.due_on is not None or piece.fact.as_of is None:
        return False
    return (evidence.as_of.date() - piece.fact.as_of.date()).days > 21
