"""Makes findings of what people said: the words, who said them, on which side and day."""

from collections.abc import Sequence

from copilot.grounding.pack.days import resolve_days
from copilot.grounding.pack.found import Found
from copilot.grounding.pack.model import Role
from crm.facts import Fact, FactKind
from crm.models import ConversationKind
from tools.language import Language
from tools.spoken import KIND_WORDS, SIDE_WORDS, Spoken, clock, shorten

_QUOTE_LENGTH = 32.0
_MARKS = str.maketrans({'"': "'", "“": "‘", "”": "’"})


def quote_turn(
    turn: Spoken,
    words: str,
    role: Role,
    *,
    language: Language,
    wanted: Sequence[str] = (),
    weight: float = 0.0,
    sentence: int = 0,
) -> Found:
    """Return words of a turn as a finding; long ones are cut to whole sentences that matter most.

    `sentence` is its number in the turn. The fact's text has the words as they were said; `quote`
    has days in place of relative ones.
    """
    said = shorten(words, wanted, _QUOTE_LENGTH)
    is_mail = turn.kind == ConversationKind.EMAIL
    fact = Fact(
        kind=FactKind.EMAIL if is_mail else FactKind.SEGMENT,
        text=word_quote(turn, said, language),
        as_of=turn.started_at,
        source=address_of(turn),
    )
    return Found(
        fact,
        role,
        who=turn.speaker,
        quote=resolve_days(said, turn.started_at.date(), language),
        weight=weight,
        place=(turn.first, sentence),
    )


def word_quote(turn: Spoken, words: str, language: Language) -> str:
    """Return who said it, on which side, how and when, and the words in quotation marks."""
    kind = KIND_WORDS[language].get(turn.kind, turn.kind)
    side = SIDE_WORDS[language].get(turn.side, "")
    day, moment = f"{turn.started_at:%Y-%m-%d}", clock(turn.start_ms)
    said = words.translate(_MARKS)
    if language == "zh":
        when = f"{day}{kind}{moment}"
        return f"{turn.speaker}（{side}），{when}：“{said}”"
    when = f"{kind} on {day}" + (f", {moment}" if moment else "")
    return f'{turn.speaker} ({side}), {when}: "{said}"'


def address_of(turn: Spoken) -> str:
    """Return where a turn stands, such as `conversation:7#4-6@03:12`."""
    place = f"{turn.first}" if turn.first == turn.last else f"{turn.first}-{turn.last}"
    moment = clock(turn.start_ms)
    return f"conversation:{turn.conversation_id}#{place}" + (f"@{moment}" if moment else "")
