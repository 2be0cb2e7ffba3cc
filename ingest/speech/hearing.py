"""Hears a recording part by part, in the same memory however long it is, and keeps each part."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from crm.errors import BadInput
from ingest.speech.activity import find_speech
from ingest.speech.channels import SAMPLE_RATE, Channel, Samples, Sound, open_sound
from ingest.speech.chinese import simplify
from ingest.speech.cutting import PLAN, Part, cut_parts
from ingest.speech.diarizer import Diarizer
from ingest.speech.finished import FinishedPart, PrintRoll
from ingest.speech.guard import Background, keep_spoken, without_loops
from ingest.speech.packing import pack
from ingest.speech.parts import PartStore, recording_key
from ingest.speech.recogniser import Recogniser
from ingest.speech.transcriber import Transcript, Utterance
from ingest.speech.turns import name_of_voices, to_utterances
from ingest.speech.words import Word

# Grows when the same sound would be heard otherwise: parts kept before are then heard anew.
METHOD = f"1, {PLAN}"

Progress = Callable[[float], None]


def hear_recording(
    path: Path,
    *,
    recogniser: Recogniser,
    diarizer: Diarizer | None = None,
    language: str | None = None,
    hints: Sequence[str] = (),
    progress: Progress | None = None,
    parts: PartStore | None = None,
) -> Transcript:
    """Return what is said in a recording: a speaker a channel in stereo, a voice each in mono.

    See `Transcriber.transcribe` for the arguments. Without a diarizer the voices of a mono
    recording stay one. BadInput for a file that is empty, damaged, cut off, silent, or holds no
    speech.
    """
    sound = open_sound(path)
    if len(sound.channels) > 1:
        diarizer = None
    ear = _Ear(sound, recogniser, diarizer, tuple(hints), progress or _nobody)
    key = ""
    if parts:
        heard_by = (METHOD, recogniser.name, diarizer.name if diarizer else None)
        key = recording_key(path, language=language, hints=hints, heard_by=heard_by)
    finished = list(ear.hear(language, parts, key))
    if not any(words for part in finished for words in part.words.values()):
        raise BadInput(
            f"{path.name!r} holds {sound.duration_ms / 1000:.0f} s of sound but no speech"
        )
    language = next((part.language for part in finished if part.language), language)
    utterances = list(_utterances(sound, finished, language, diarizer))
    ear.progress(1.0)
    utterances.sort(key=lambda one: (one.start_ms, one.end_ms))
    dropped = sum(part.dropped for part in finished)
    return Transcript(tuple(utterances), language, sound.duration_ms, dropped)


@dataclass(frozen=True)
class _Ear:
    sound: Sound
    recogniser: Recogniser
    diarizer: Diarizer | None
    hints: tuple[str, ...]
    progress: Progress

    def hear(
        self, language: str | None, parts: PartStore | None, key: str
    ) -> Iterator[FinishedPart]:
        """Yield the parts in order, those kept earlier as they were."""
        kept = _first_of(parts.read(key)) if parts else []
        language = language or next((part.language for part in kept if part.language), None)
        for part in cut_parts(self.sound, [one.end for one in kept]):
            if part.number < len(kept):
                finished = kept[part.number]
            else:
                finished = self._hear_part(part, language)
                if parts:
                    parts.keep(key, part.number, finished.to_json())
                    # What is kept is rounded: a run that was broken off ends as any other.
                    finished = FinishedPart.from_json(finished.to_json())
            language = language or finished.language
            self.progress(part.end / self.sound.samples)
            yield finished

    def _hear_part(self, part: Part, language: str | None) -> FinishedPart:
        words: dict[Channel, tuple[Word, ...]] = {}
        dropped = 0
        for number, (channel, samples) in enumerate(part.tracks.items()):
            done = number / len(part.tracks)
            heard, language, lost = self._hear_channel(part, samples, language, done)
            words[channel] = tuple(heard)
            dropped += lost
        prints = PrintRoll()
        if self.diarizer and any(words.values()):
            offset_ms = part.start * 1000 // SAMPLE_RATE
            prints = PrintRoll(self.diarizer.listen(part.tracks["mono"], offset_ms=offset_ms))
        return FinishedPart(part.end, language, words, prints, dropped)

    def _hear_channel(
        self, part: Part, samples: Samples, language: str | None, done: float
    ) -> tuple[list[Word], str | None, int]:
        activity = find_speech(samples)
        if not activity.spans:
            return [], language, 0
        packed = pack(samples, activity, offset=part.start)
        language = language or self._detect(packed.samples)

        def tell(fraction: float) -> None:
            share = done + fraction / len(part.tracks)
            self.progress((part.start + share * (part.end - part.start)) / self.sound.samples)

        recognised = self.recogniser.recognise(
            packed, language=language, hints=self.hints, progress=tell
        )
        offset_ms = part.start * 1000 // SAMPLE_RATE
        background = Background.of(samples, activity, offset_ms=offset_ms)
        words = keep_spoken(recognised.stretches, background, self.hints)
        lost = sum(len(heard.words) for heard in recognised.stretches) - len(words)
        return words, language or recognised.language, lost

    def _detect(self, speech: Samples) -> str | None:
        """Return the language of the whole recording, or of this speech if no window holds any."""
        spoken = [
            pack(window, activity, offset=0).samples
            for window in self.sound.windows
            if (activity := find_speech(window)).spans
        ]
        return self.recogniser.detect_language(spoken or [speech])


def _first_of(kept: dict[int, dict[str, object]]) -> list[FinishedPart]:
    """Return the kept parts up to the first gap."""
    first: list[FinishedPart] = []
    while len(first) in kept:
        first.append(FinishedPart.from_json(kept[len(first)]))
    return first


def _utterances(
    sound: Sound,
    finished: Sequence[FinishedPart],
    language: str | None,
    diarizer: Diarizer | None,
) -> Iterator[Utterance]:
    for channel in sound.channels:
        # A loop may have been cut in two with its part.
        words = without_loops([word for part in finished for word in part.words[channel]])
        voices = None
        if diarizer:
            prints = PrintRoll()
            for part in finished:
                prints.extend(part.prints)
            voices = name_of_voices(words, diarizer.group(prints))
        utterances = to_utterances(words, channel, voices)
        yield from simplify(utterances) if language == "zh" else utterances


def _nobody(_fraction: float) -> None:
    """Nobody asked for progress."""
