"""The Whisper transcriber: faster-whisper on the CPU, from a local model folder."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from crm.errors import PermanentError
from crm.onnx_reports import forbid_reports
from ingest.speech.channels import SAMPLE_RATE, Samples
from ingest.speech.chinese import CHINESE_PROMPT
from ingest.speech.diarizer import Diarizer
from ingest.speech.hearing import hear_recording
from ingest.speech.packing import Packed
from ingest.speech.parts import PartStore
from ingest.speech.recogniser import Recognised
from ingest.speech.transcriber import Transcript
from ingest.speech.words import Heard, Word

MODEL_FILES = ("config.json", "tokenizer.json", "vocabulary.txt", "model.bin")
BATCH_SIZE = 4
# Half of what Whisper can read is for what came before; much of it slows every window down.
MAX_HINT_TOKENS = 100
SURE_LANGUAGE = 0.8


class FasterWhisperTranscriber:
    """Transcribes with a Whisper model in CTranslate2 format; loads it when made."""

    def __init__(self, model_dir: Path, threads: int, *, diarizer: Diarizer | None = None) -> None:
        """Load the model; PermanentError if its files are missing or unreadable."""
        missing = [name for name in MODEL_FILES if not (model_dir / name).is_file()]
        if missing:
            raise PermanentError(
                f"the speech model in {str(model_dir)!r} lacks {', '.join(missing)}; "
                "run `sales-copilot setup`"
            )
        forbid_reports()
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
        self._diarizer = diarizer
        self._size = (model_dir / "model.bin").stat().st_size

    @property
    def name(self) -> str:
        """The model, told from others by its size: its folder may be called anything."""
        return f"faster-whisper {self._size}"

    def transcribe(
        self,
        path: Path,
        *,
        language: str | None = None,
        hints: Sequence[str] = (),
        progress: Callable[[float], None] | None = None,
        parts: PartStore | None = None,
    ) -> Transcript:
        """Return what is said, as `hear_recording` does."""
        return hear_recording(
            path, recogniser=self, diarizer=self._diarizer, language=language, hints=hints,
            progress=progress, parts=parts,
        )  # fmt: skip

    def detect_language(self, windows: Sequence[Samples]) -> str | None:
        """Return the language that the windows are most likely in, taken together.

        The middle is asked first; further windows only as long as the answer is not clear.
        """
        total: dict[str, float] = {}
        for number, window in enumerate(_from_the_middle(windows), 1):
            _, _, likely = self._model.detect_language(window[: 30 * SAMPLE_RATE])
            for code, probability in likely:
                total[code] = total.get(code, 0.0) + float(probability)
            best = max(total.values())
            if number >= min(2, len(windows)) and best >= SURE_LANGUAGE * number:
                break
        return max(total, key=lambda code: total[code], default=None)

    def recognise(
        self,
        packed: Packed,
        *,
        language: str | None,
        hints: Sequence[str],
        progress: Callable[[float], None],
    ) -> Recognised:
        """Return what is said in a part, window by window in batches."""
        clips = [
            {"start": one.start / SAMPLE_RATE, "end": one.end / SAMPLE_RATE}
            for one in packed.windows
        ]
        segments, info = self._pipeline.transcribe(
            packed.samples, language=language, batch_size=BATCH_SIZE, clip_timestamps=clips,
            word_timestamps=True, hotwords=self._hotwords(hints),
            initial_prompt=CHINESE_PROMPT if language == "zh" else None,
        )  # fmt: skip
        heard = tuple(_heard(segments, packed, progress))
        return Recognised(heard, str(info.language))

    def _hotwords(self, hints: Sequence[str]) -> str | None:
        """Return as many hints as there is room for, the first ones first."""
        chosen: list[str] = []
        room = MAX_HINT_TOKENS
        for hint in dict.fromkeys(one.strip() for one in hints if one.strip()):
            room -= len(self._model.hf_tokenizer.encode(f", {hint}", add_special_tokens=False).ids)
            if room < 0:
                break
            chosen.append(hint)
        return ", ".join(chosen) or None


def _from_the_middle(windows: Sequence[Samples]) -> list[Samples]:
    """Return the windows from the middle outwards: calls begin with music and greetings."""
    middle = (len(windows) - 1) / 2
    order = sorted(range(len(windows)), key=lambda number: abs(number - middle))
    return [windows[number] for number in order]


def _heard(
    segments: Iterable[Any], packed: Packed, progress: Callable[[float], None]
) -> Iterable[Heard]:
    total = len(packed.samples) / SAMPLE_RATE
    for segment in segments:
        words = tuple(
            Word(word.word, *packed.restore(float(word.start), float(word.end)),
                 float(word.probability))
            for word in segment.words or ()
        )  # fmt: skip
        progress(min(1.0, float(segment.end) / total))
        if words:
            yield Heard(words, float(segment.no_speech_prob), float(segment.avg_logprob))
