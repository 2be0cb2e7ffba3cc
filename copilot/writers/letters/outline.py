"""What each kind of letter consists of: its moves in order, and how long it may be."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from copilot.grounding.pack.asked import Channel, DraftKind
from tools.language import Language


class Move(StrEnum):
    """What a part of a letter does; EXCHANGES and AIM are worded by the model, the rest by code."""

    THANKS = "thanks"
    REFER = "refer"
    COMPANY = "company"
    AIM = "aim"
    EXCHANGES = "exchanges"
    UNANSWERED = "unanswered"
    SERVICE = "service"
    EVENT = "event"
    REFERENCE = "reference"
    PRODUCT = "product"
    OFFER = "offer"
    POLICY = "policy"
    OURS = "ours"
    OWED = "owed"
    THEIRS = "theirs"
    MEETING = "meeting"
    ASK = "ask"


@dataclass(frozen=True)
class Part:
    """One move and how many of it there may be at most."""

    move: Move
    most: int = 1


@dataclass(frozen=True)
class Outline:
    """The parts of a kind in their order, and how many words it may have (see `length_of`)."""

    parts: tuple[Part, ...]
    words: int


OUTLINES: Mapping[DraftKind, Outline] = {
    DraftKind.FOLLOW_UP: Outline(
        (
            Part(Move.THANKS),
            Part(Move.AIM),
            Part(Move.EXCHANGES, 4),
            Part(Move.PRODUCT),
            Part(Move.UNANSWERED, 2),
            Part(Move.OWED),
            Part(Move.MEETING),
            Part(Move.OURS, 2),
            Part(Move.THEIRS, 1),
            Part(Move.ASK),
        ),
        190,
    ),
    DraftKind.REPLY: Outline(
        (
            Part(Move.THANKS),
            Part(Move.AIM),
            Part(Move.EXCHANGES, 4),
            Part(Move.UNANSWERED, 4),
            Part(Move.OWED),
            Part(Move.THEIRS),
            Part(Move.MEETING),
            Part(Move.ASK),
        ),
        190,
    ),
    DraftKind.NUDGE: Outline(
        (
            Part(Move.REFER),
            Part(Move.AIM),
            Part(Move.OFFER),
            Part(Move.EXCHANGES, 1),
            Part(Move.UNANSWERED, 1),
            Part(Move.OWED),
            Part(Move.PRODUCT),
            Part(Move.THEIRS, 1),
            Part(Move.ASK),
        ),
        90,
    ),
    DraftKind.MEETING_REQUEST: Outline(
        (
            Part(Move.REFER),
            Part(Move.AIM),
            Part(Move.EXCHANGES, 2),
            Part(Move.PRODUCT),
            Part(Move.UNANSWERED, 2),
            Part(Move.ASK),
        ),
        100,
    ),
    DraftKind.RE_ENGAGEMENT: Outline(
        (
            Part(Move.REFER),
            Part(Move.AIM),
            Part(Move.EXCHANGES, 2),
            Part(Move.UNANSWERED, 1),
            Part(Move.OFFER),
            Part(Move.ASK),
        ),
        110,
    ),
    DraftKind.RENEWAL: Outline(
        (
            Part(Move.PRODUCT),
            Part(Move.AIM),
            Part(Move.SERVICE),
            Part(Move.EXCHANGES, 2),
            Part(Move.OFFER),
            Part(Move.OURS, 1),
            Part(Move.ASK),
        ),
        130,
    ),
    DraftKind.PROPOSAL_COVER: Outline(
        (
            Part(Move.OFFER),
            Part(Move.PRODUCT),
            Part(Move.AIM),
            Part(Move.EXCHANGES, 3),
            Part(Move.OURS, 1),
            Part(Move.ASK),
        ),
        140,
    ),
    DraftKind.COLD_OUTREACH: Outline(
        (
            Part(Move.COMPANY),
            Part(Move.AIM),
            Part(Move.EXCHANGES, 1),
            Part(Move.EVENT),
            Part(Move.REFERENCE),
            Part(Move.PRODUCT),
            Part(Move.ASK),
        ),
        100,
    ),
}

_CHAT_WORDS = 60
# What a chat message has room for beside its question.
_CHAT_MOST = 1
_CHAT_SKIPS = frozenset({Move.COMPANY, Move.POLICY, Move.REFERENCE, Move.SERVICE})
# A Chinese letter says the same in two thirds of the space, counted as `length_of` counts.
_SCALE: Mapping[Language, float] = {"en": 1.0, "zh": 0.8}


def outline_of(kind: DraftKind, channel: Channel, language: Language) -> Outline:
    """Return the outline of a kind; on a chat channel the short one."""
    full = OUTLINES[kind]
    scale = _SCALE[language]
    if channel is Channel.EMAIL:
        return Outline(full.parts, round(full.words * scale))
    parts = [part for part in full.parts if part.move not in _CHAT_SKIPS]
    short = tuple(Part(part.move, min(part.most, _CHAT_MOST)) for part in parts)
    return Outline(short, round(_CHAT_WORDS * scale))
