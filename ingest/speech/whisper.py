"""The Whisper transcriber: faster-whisper on the CPU, from a local model folder."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from crm.errors import BadInput, PermanentError
from ingest.speech.channels import SAMPLE_RATE, Samples, load_sound
from ingest.speech.guard import Heard, Word, drop_repeats, is_invented, to_utterances
from ingest.speech.transcriber import Channel, Transcript, Utterance

MODEL_FILES = ("config.json", "tokenizer.json", "vocabulary.txt", "model.bin")
BATCH_SIZE = 4
MAX_HINT_CHARS = 300
# Whisper follows the script and punctuation of what it takes for the text before.
_CHINESE_PROMPT = "以下是普通话的销售通话，使用简体中文和标点。"

_LATIN_MARK = re.compile("(?<=[\u3400-\u9fff])([,?!:;]) ?")
_CHINESE_MARKS = {",": "，", "?": "？", "!": "！", ":": "：", ";": "；"}


class FasterWhisperTranscriber:
    """Transcribes with a Whisper model in CTranslate2 format; loads it when made."""

    def __init__(self, model_dir: Path, threads: int) -> None:
        """Load the model; PermanentError if its files are missing or unreadable."""
        missing = [name for name in MODEL_FILES if not (model_dir / name).is_file()]
        if missing:
            raise PermanentError(
                f"the speech model in {str(model_dir)!r} lacks {', '.join(missing)}; "
                "run `sales-copilot setup`"
            )
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        try:
            self._model: Any = WhisperModel(
                str(model_dir), device="cpu", compute_type="int8", cpu_threads=threads,
                local_files_only=True,
            )  # fmt: skip
        except (RuntimeError, ValueError) as error:
            raise PermanentError(
                f"the speech model in {str(model_dir)!r} cannot be loaded ({error}); "
                "run `sales-copilot setup`"
            ) from error
        self._pipeline: Any = BatchedInferencePipeline(self._model)

    def transcribe(
        self,
        path: Path,
        *,
        language: str | None = None,
        hints: Sequence[str] = (),
        progress: Callable[[float], None] | None = None,
    ) -> Transcript:
        """Return what is said, a speaker a channel in stereo; Chinese in Simplified script.

        BadInput for a file that is empty, damaged, cut off, silent, or holds no speech.
        """
        sound = load_sound(path)
        language = language or self._detect(sound.mixed)
        heard_all: list[Utterance] = []
        dropped = 0
        share = 1 / len(sound.channels)
        for number, (channel, samples) in enumerate(sound.channels.items()):
            tell = _scaled(progress, number * share, share * 1000 / sound.duration_ms)
            utterances, invented = self._transcribe_channel(channel, samples, language, hints, tell)
            kept = drop_repeats(utterances)
            dropped += invented + len(utterances) - len(kept)
            heard_all += kept
        if not heard_all:
            seconds = sound.duration_ms / 1000
            raise BadInput(f"{path.name!r} holds {seconds:.0f} s of sound but no speech")
        heard_all.sort(key=lambda one: (one.start_ms, one.end_ms))
        if progress:
            progress(1.0)
        return Transcript(
            tuple(_simplified(heard_all, language)), language, sound.duration_ms, dropped
        )

    def _detect(self, samples: Samples) -> str | None:
        from faster_whisper.vad import collect_chunks, get_speech_timestamps

        speech = get_speech_timestamps(samples)
        if not speech:
            return None
        chunks, _ = collect_chunks(samples, speech)
        heard = next(chunk for chunk in chunks if len(chunk))[: 30 * SAMPLE_RATE]
        return str(self._model.detect_language(heard)[0])

    def _transcribe_channel(
        self,
        channel: Channel,
        samples: Samples,
        language: str | None,
        hints: Sequence[str],
        progress: Callable[[float], None],
    ) -> tuple[list[Utterance], int]:
        if language is None:
            # The detector of speech heard none.
            return [], 0
        segments, _ = self._pipeline.transcribe(
            samples, language=language, batch_size=BATCH_SIZE, vad_filter=True,
            word_timestamps=True, hotwords=_hotwords(hints),
            initial_prompt=_CHINESE_PROMPT if language == "zh" else None,
        )  # fmt: skip
        utterances: list[Utterance] = []
        invented = 0
        for heard in _heard(segments):
            if is_invented(heard):
                invented += 1
            else:
                utterances += to_utterances(heard, channel)
            progress(heard.words[-1].end_ms / 1000)
        return utterances, invented


def _heard(segments: Iterable[Any]) -> Iterable[Heard]:
    for segment in segments:
        words = tuple(
            Word(word.word, round(float(word.start) * 1000), round(float(word.end) * 1000),
                 float(word.probability))
            for word in segment.words or ()
        )  # fmt: skip
        if words:
            yield Heard(words, float(segment.no_speech_prob), float(segment.avg_logprob))


def _hotwords(hints: Sequence[str]) -> str | None:
    words = list(dict.fromkeys(hint.strip() for hint in hints if hint.strip()))
    while len(", ".join(words)) > MAX_HINT_CHARS:
        words.pop()
    return ", ".join(words) or None


def _scaled(
    progress: Callable[[float], None] | None, base: float, per_second: float
) -> Callable[[float], None]:
    def tell(seconds: float) -> None:
        if progress:
            progress(min(1.0, base + seconds * per_second))

    return tell


def _simplified(utterances: list[Utterance], language: str | None) -> list[Utterance]:
    if language != "zh":
        return utterances
    from opencc import OpenCC

    converter = OpenCC("t2s")
    return [replace(one, text=_punctuated(converter.convert(one.text))) for one in utterances]


def _punctuated(text: str) -> str:
    """Return Chinese text with its own punctuation marks: Whisper often writes the Latin ones."""
    return _LATIN_MARK.sub(lambda mark: _CHINESE_MARKS[mark[1]], text)
