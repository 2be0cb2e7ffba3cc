"""From words and voices to turns: which voice spoke which word, and where an utterance ends."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import groupby

from ingest.speech.channels import Channel
from ingest.speech.diarizer import VoiceTurn
from ingest.speech.guard import BREATH_MS
from ingest.speech.transcriber import Utterance
from ingest.speech.words import Word

PAUSE_MS = 800
MAX_UTTERANCE_CHARS = 400
_SENTENCE_ENDS = (".", "?", "!", "。", "？", "！")
_CLAUSE_ENDS = (*_SENTENCE_ENDS, ",", ";", ":", "，", "、", "；", "：")
VOICE_LABEL = "Speaker {}"


def to_utterances(
    words: Sequence[Word], channel: Channel, voices: Sequence[str] | None = None
) -> list[Utterance]:
    """Cut a channel's words into utterances at sentence ends, pauses and changes of voice.

    `voices` names the voice of each word.
    """
    groups: list[list[int]] = []
    for number, word in enumerate(words):
        last = groups[-1] if groups else None
        is_other = bool(voices and last and voices[last[-1]] != voices[number])
        if not last or is_other or _starts_new([words[one] for one in last], word):
            groups.append([])
        groups[-1].append(number)
    joined = [
        _join([words[one] for one in group], channel, voices[group[0]] if voices else None)
        for group in groups
    ]
    return [one for one in joined if one.text]


def name_of_voices(words: Sequence[Word], turns: Sequence[VoiceTurn]) -> list[str]:
    """Return a label for each word: `Speaker 1` spoke first, and so on.

    Words between two breaths go together to the voice that is heard the longest in them, since a
    voice's print is coarser than a word; where no voice is heard, to the nearest.
    """
    ordered = sorted(turns, key=lambda turn: turn.start_ms)
    numbers: dict[int, int] = {}
    labels: list[str] = []
    for _, group in groupby(enumerate(_clauses(words)), key=lambda pair: pair[1]):
        clause = [words[number] for number, _ in group]
        voice = _voice_between(clause[0].start_ms, clause[-1].end_ms, ordered)
        label = VOICE_LABEL.format(numbers.setdefault(voice, len(numbers) + 1))
        labels += [label] * len(clause)
    return labels


def _clauses(words: Sequence[Word]) -> list[int]:
    """Return the number of the clause that each word is in."""
    numbers: list[int] = []
    for position, word in enumerate(words):
        before = words[position - 1] if position else None
        is_new = before is not None and (
            before.text.rstrip().endswith(_CLAUSE_ENDS)
            or word.start_ms - before.end_ms >= BREATH_MS
        )
        numbers.append((numbers[-1] if numbers else 0) + is_new)
    return numbers


def _voice_between(start_ms: int, end_ms: int, turns: Sequence[VoiceTurn]) -> int:
    if not turns:
        return 0
    # Turns of different voices may overlap, so one that began long ago is looked at as well.
    last = bisect_left(turns, end_ms, key=lambda turn: turn.start_ms)
    near = turns[max(0, last - 20) : last + 1]
    shared: dict[int, int] = {}
    for turn in near:
        overlap = min(end_ms, turn.end_ms) - max(start_ms, turn.start_ms)
        if overlap > 0:
            shared[turn.voice] = shared.get(turn.voice, 0) + overlap
    if shared:
        return max(shared, key=lambda voice: shared[voice])
    middle = (start_ms + end_ms) // 2
    return min(
        near, key=lambda turn: max(turn.start_ms - middle, middle - turn.end_ms, 0)
    ).voice  # fmt: skip


def _starts_new(group: list[Word], word: Word) -> bool:
    last = group[-1]
    return (
        word.start_ms - last.end_ms >= PAUSE_MS
        or last.text.rstrip().endswith(_SENTENCE_ENDS)
        or sum(len(one.text) for one in group) >= MAX_UTTERANCE_CHARS
    )


def _join(group: list[Word], channel: Channel, voice: str | None) -> Utterance:
    sure = [word.probability for word in group if word.probability is not None]
    return Utterance(
        channel=channel,
        start_ms=group[0].start_ms,
        end_ms=max(group[-1].end_ms, group[0].start_ms),
        text="".join(word.text for word in group).strip(),
        confidence=sum(sure) / len(sure) if sure else None,
        words=tuple(group),
        voice=voice,
    )
