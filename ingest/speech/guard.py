"""Leaves out text that nobody spoke, in any language: by doubt, by silence, and by repetition."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ingest.speech.activity import FRAME, SPEECH_ABOVE, Activity
from ingest.speech.channels import SAMPLE_RATE, Samples
from ingest.speech.words import Heard, Word

# Whisper's own measure of silence and doubt; either alone is common in good speech.
NO_SPEECH_ABOVE = 0.6
LOG_PROBABILITY_BELOW = -1.0
HOPELESS_BELOW = -1.6

UNSURE_BELOW = 0.5
BREATH_MS = 250
LITTLE_SPEECH = 0.2
# Against the loud speech of the same channel: 40 dB below it nobody is understood.
NEAR_SILENCE = 0.01

SURE_ENOUGH = 0.6
# A tone that glides like a voice passes for a second of speech, and then for "All right."
FAINT_SPEECH_S = 1.5
FAINT_BELOW = -0.6

LONGEST_PERIOD = 40
SHORT_LETTERS = 6
PHRASE_LETTERS = 12
REPEAT_GAP_MS = 3_000
ANY_GAP_MS = 24 * 3_600_000
# The fastest speakers come to twice this time.
MS_PER_LETTER = 25
ECHO_LENGTH = 4
VARIETY_FROM = 30
VARIETY_BELOW = 0.35


@dataclass(frozen=True)
class Background:
    """The sound behind a channel's words: what was spoken, where, and how loud."""

    samples: Samples
    activity: Activity
    offset_ms: int
    loudness: float

    @classmethod
    def of(cls, samples: Samples, activity: Activity, *, offset_ms: int) -> "Background":
        """Return the background of a channel's part that begins `offset_ms` in."""
        frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
        spoken = frames[activity.likelihood[: len(frames)] >= SPEECH_ABOVE]
        levels = np.sqrt(np.mean(np.square(spoken), axis=1)) if len(spoken) else np.zeros(1)
        return cls(samples, activity, offset_ms, float(np.percentile(levels, 90)))

    @property
    def spoken_s(self) -> float:
        """How many seconds of it the detector takes for speech."""
        return float(np.sum(self.activity.likelihood >= SPEECH_ABOVE)) * FRAME / SAMPLE_RATE

    def is_empty_at(self, start_ms: int, end_ms: int) -> bool:
        """Say whether nobody speaks then, or there is hardly any sound at all."""
        start, end = ((at - self.offset_ms) * SAMPLE_RATE // 1000 for at in (start_ms, end_ms))
        piece = self.samples[max(start, 0) : max(end, start + FRAME)]
        level = float(np.sqrt(np.mean(np.square(piece)))) if len(piece) else 0.0
        is_silent = level < self.loudness * NEAR_SILENCE
        return is_silent or self.activity.share_of_speech(start, end) < LITTLE_SPEECH


def keep_spoken(
    stretches: Sequence[Heard], background: Background, hints: Sequence[str] = ()
) -> list[Word]:
    """Return the words of a channel's part that somebody can be taken to have spoken."""
    words: list[Word] = []
    for heard in stretches:
        if is_invented(heard) or is_echo(heard, hints) or _is_faint(heard, background):
            continue
        spoken = [
            word
            for breath in _breaths(heard.words)
            if not _is_unfounded(breath, background)
            for word in breath
        ]
        if not _is_mere_loop(spoken) and not lacks_variety(without_loops(spoken)):
            words += spoken
    # Loops run on from one stretch to the next.
    return without_loops(words)


def is_invented(heard: Heard) -> bool:
    """Say whether the recogniser itself doubts that anybody spoke these words."""
    is_doubtful = heard.log_probability < LOG_PROBABILITY_BELOW
    return (heard.no_speech > NO_SPEECH_ABOVE and is_doubtful) or (
        heard.log_probability < HOPELESS_BELOW
    )


def _is_faint(heard: Heard, background: Background) -> bool:
    """Say whether these doubtful words are all there is in minutes without speech."""
    return heard.log_probability < FAINT_BELOW and background.spoken_s < FAINT_SPEECH_S


def is_echo(heard: Heard, hints: Sequence[str]) -> bool:
    """Say whether the words are no more than the hints read out, as recognisers do in noise."""
    told = _letters(" ".join(hints))
    said = _letters("".join(word.text for word in heard.words))
    several = [hint for hint in hints if _letters(hint) and _letters(hint) in said]
    return bool(said) and said in told and len(several) >= ECHO_LENGTH


def without_loops(words: Sequence[Word], *, gap_ms: int = REPEAT_GAP_MS) -> list[Word]:
    """Return the words with each loop said once: repeated more often than people do, or faster.

    A loop is any sequence of up to forty words, over and over without a pause. A short word may
    come six times ("no, no, no"), a phrase four times, a sentence twice. What comes again after
    `gap_ms` is said again.
    """
    tokens = [_letters(word.text) for word in words]
    kept: list[Word] = []
    position = 0
    while position < len(words):
        period, length = _loop_at(words, tokens, position, gap_ms)
        kept += words[position : position + (period or 1)]
        position += length or 1
    return kept


def lacks_variety(words: Sequence[Word]) -> bool:
    """Say whether a long stretch consists of few pairs of words: a loop with small changes."""
    tokens = [token for word in words if (token := _letters(word.text))]
    pairs = set(pairwise(tokens))
    return len(tokens) >= VARIETY_FROM and len(pairs) < VARIETY_BELOW * (len(tokens) - 1)


def _loop_at(
    words: Sequence[Word], tokens: list[str], position: int, gap_ms: int
) -> tuple[int, int]:
    """Return (words in a round, words in all rounds) of the loop that begins here; 0, 0 if none."""
    for period in range(1, min(LONGEST_PERIOD, (len(words) - position) // 2) + 1):
        length = _run_length(words, tokens, position, period, gap_ms)
        rounds = length // period
        if rounds < 3:
            continue
        letters = sum(_weight(token) for token in tokens[position : position + period])
        took_ms = words[position + length - 1].end_ms - words[position].start_ms
        is_rushed = took_ms < MS_PER_LETTER * letters * rounds
        if letters and (rounds > _rounds_allowed(letters, period) or is_rushed):
            return period, length
    return 0, 0


def _run_length(
    words: Sequence[Word], tokens: list[str], position: int, period: int, gap_ms: int
) -> int:
    """Return how many words from here repeat those `period` before, the first round included."""
    end = position + period
    while (
        end < len(words)
        and tokens[end] == tokens[end - period]
        and words[end].start_ms - words[end - 1].end_ms < gap_ms
    ):
        end += 1
    return end - position


def _rounds_allowed(letters: int, period: int) -> int:
    if letters <= SHORT_LETTERS and period == 1:
        return 6
    return 4 if letters <= PHRASE_LETTERS else 2


def _is_mere_loop(words: Sequence[Word]) -> bool:
    """Say whether most of a stretch is a loop, and the recogniser doubts what is left."""
    rest = without_loops(words, gap_ms=ANY_GAP_MS)
    return len(rest) * 2 < len(words) and _sureness(rest) < SURE_ENOUGH


def _breaths(words: Sequence[Word]) -> list[list[Word]]:
    """Return the words in groups without a pause: the time of a single one is too uncertain."""
    groups: list[list[Word]] = []
    for word in words:
        if not groups or word.start_ms - groups[-1][-1].end_ms >= BREATH_MS:
            groups.append([])
        groups[-1].append(word)
    return groups


def _is_unfounded(breath: Sequence[Word], background: Background) -> bool:
    return _sureness(breath) < UNSURE_BELOW and background.is_empty_at(
        breath[0].start_ms, breath[-1].end_ms
    )


def _sureness(words: Sequence[Word]) -> float:
    """Return the mean probability of the words, 1 where none is stated."""
    stated = [word.probability for word in words if word.probability is not None]
    return sum(stated) / len(stated) if stated else 1.0


def _letters(text: str) -> str:
    """Return the letters and digits alone, in one case and width."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LMN")


def _weight(token: str) -> int:
    """Return how long a word takes to say, in Latin letters: a Han character counts as two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in token)
