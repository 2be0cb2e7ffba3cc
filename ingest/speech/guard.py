"""Keeps what was said: words become utterances, and text that nobody spoke is left out."""

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.speech.transcriber import Channel, Utterance

# Whisper's own measure of silence and doubt; either alone is common in good speech.
NO_SPEECH_ABOVE = 0.6
LOG_PROBABILITY_BELOW = -1.0
HOPELESS_BELOW = -1.6
REPEATS_ALLOWED = 2

PAUSE_MS = 800
MAX_UTTERANCE_CHARS = 400
_SENTENCE_ENDS = (".", "?", "!", "。", "？", "！")


@dataclass(frozen=True)
class Word:
    """A word as recognised, with the space before it; times in milliseconds."""

    text: str
    start_ms: int
    end_ms: int
    probability: float


@dataclass(frozen=True)
class Heard:
    """A stretch as the recogniser returned it."""

    words: tuple[Word, ...]
    no_speech: float
    log_probability: float


def is_invented(heard: Heard) -> bool:
    """Say whether the recogniser itself doubts that anybody spoke these words."""
    is_doubtful = heard.log_probability < LOG_PROBABILITY_BELOW
    return (heard.no_speech > NO_SPEECH_ABOVE and is_doubtful) or (
        heard.log_probability < HOPELESS_BELOW
    )


def to_utterances(heard: Heard, channel: Channel) -> list[Utterance]:
    """Cut a stretch into utterances at sentence ends and pauses."""
    groups: list[list[Word]] = []
    for word in heard.words:
        if not groups or _starts_new(groups[-1], word):
            groups.append([])
        groups[-1].append(word)
    return [_join(group, channel) for group in groups if "".join(w.text for w in group).strip()]


def drop_repeats(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Return them without the third and further of identical ones in a row on one channel."""
    kept: list[Utterance] = []
    runs: dict[Channel, tuple[str, int]] = {}
    for utterance in utterances:
        text, count = runs.get(utterance.channel, ("", 0))
        key = utterance.text.casefold().strip(" .,!?。，！？")
        runs[utterance.channel] = (key, count + 1 if key == text else 1)
        if runs[utterance.channel][1] <= REPEATS_ALLOWED:
            kept.append(utterance)
    return kept


def _starts_new(group: list[Word], word: Word) -> bool:
    last = group[-1]
    return (
        word.start_ms - last.end_ms >= PAUSE_MS
        or last.text.rstrip().endswith(_SENTENCE_ENDS)
        or sum(len(one.text) for one in group) >= MAX_UTTERANCE_CHARS
    )


def _join(group: list[Word], channel: Channel) -> Utterance:
    return Utterance(
        channel=channel,
        start_ms=group[0].start_ms,
        end_ms=max(group[-1].end_ms, group[0].start_ms),
        text="".join(word.text for word in group).strip(),
        confidence=sum(word.probability for word in group) / len(group),
    )
