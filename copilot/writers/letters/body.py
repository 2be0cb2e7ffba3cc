"""Puts a letter together: paragraphs in order, within its length, greeting and sign-off."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from copilot.grounding.pack.asked import Channel
from copilot.grounding.pack.model import DraftEvidence
from copilot.grounding.sentences import CitedSentence
from copilot.writers.letters.outline import Move
from copilot.writers.letters.plan import Block, Slot
from copilot.writers.letters.weaving import joined
from crm.escaping import without_calls
from crm.index.passages import length_of
from tools.language import Language

Paragraphs = tuple[tuple[CitedSentence, ...], ...]
_SPARED = frozenset({Move.THANKS, Move.REFER, Move.UNANSWERED, Move.ASK, Move.AIM})
_TOLERANCE = 1.1


@dataclass(frozen=True)
class Written:
    """A slot with the sentences that hold in it, in their order."""

    slot: Slot
    sentences: tuple[CitedSentence, ...]


def fitted(written: Sequence[Written], most_words: int, language: Language) -> list[Written]:
    """Return the letter without its least weighty parts until it has about so many words.

    Thanks, the rep's aim, open questions and the closing question stay.
    """
    kept = list(written)
    while _words(kept, language) > most_words * _TOLERANCE:
        loose = [each for each in kept if each.slot.move not in _SPARED and each.sentences]
        if len(loose) <= 1:
            break
        kept.remove(min(loose, key=lambda each: each.slot.weight))
    return kept


def _words(written: Sequence[Written], language: Language) -> float:
    every = [sentence for each in written for sentence in each.sentences]
    return length_of(joined(every, language))


def written_words(written: Sequence[Written]) -> Paragraphs:
    """Return the paragraphs; an aim that asks something is the letter's closing question."""
    aim = next((each for each in written if each.slot.move is Move.AIM and _asks(each)), None)
    has_asked = any(each.slot.move is Move.THEIRS and _asks(each) for each in written)
    blocks: dict[Block, list[CitedSentence]] = {block: [] for block in Block}
    for each in written:
        if each.slot.move is Move.ASK and (aim is not None or has_asked):
            continue
        block = Block.ASK if each is aim else each.slot.block
        blocks[block] += each.sentences
    return tuple(tuple(sentences) for sentences in blocks.values() if sentences)


def _asks(written: Written) -> bool:
    return bool(written.sentences) and written.sentences[-1].text.rstrip().endswith(("?", "？"))


def assembled(evidence: DraftEvidence, greeting: str, paragraphs: Paragraphs, closing: str) -> str:
    """Return the whole text; a chat message runs on in one line after its greeting."""
    language = evidence.language
    texts = [joined(paragraph, language) for paragraph in paragraphs]
    if evidence.channel is not Channel.EMAIL:
        gap = "" if language == "zh" else " "
        text = gap.join(texts)
        if greeting.endswith(",") and re.match(r"(?!I\b)[A-Z][a-z]", text):
            text = text[:1].lower() + text[1:]
        whole = f"{greeting}{gap}{text}"
        return without_calls(whole) if evidence.channel is Channel.SLACK else whole
    signed = f"{closing}\n{evidence.sender.name}".strip()
    return "\n\n".join(part for part in [greeting, *texts, signed] if part)
