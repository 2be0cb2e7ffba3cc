"""Any OpenAI-compatible transcription endpoint as a transcriber: parts go out, words come back."""

import io
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from pydantic import BaseModel, ConfigDict, SecretStr

from crm.errors import CopilotError, PermanentError, TransientError
from ingest.speech.activity import Span
from ingest.speech.channels import SAMPLE_RATE, Samples
from ingest.speech.chinese import CHINESE_PROMPT
from ingest.speech.diarizer import Diarizer
from ingest.speech.hearing import hear_recording
from ingest.speech.packing import Packed
from ingest.speech.parts import PartStore
from ingest.speech.recogniser import Recognised
from ingest.speech.sentences import spaced, split_sentences, spoken_words
from ingest.speech.transcriber import Transcript
from ingest.speech.words import Heard, Word

OPENAI_URL = "https://api.openai.com/v1"
MAX_PROMPT_BYTES = 400
_LANGUAGES = (
    "english:en chinese:zh mandarin:zh german:de spanish:es french:fr italian:it dutch:nl "
    "portuguese:pt russian:ru japanese:ja korean:ko polish:pl turkish:tr swedish:sv danish:da "
    "norwegian:no finnish:fi czech:cs hungarian:hu romanian:ro greek:el ukrainian:uk arabic:ar "
    "hebrew:he hindi:hi thai:th vietnamese:vi indonesian:id malay:ms"
)
_CODES = dict(pair.split(":") for pair in _LANGUAGES.split())


class _Timed(BaseModel):
    model_config = ConfigDict(extra="ignore")
    start: float
    end: float


class _SaidWord(_Timed):
    word: str


class _SaidSegment(_Timed):
    text: str
    avg_logprob: float | None = None
    no_speech_prob: float | None = None


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore")
    text: str
    language: str | None = None
    words: list[_SaidWord] | None = None
    segments: list[_SaidSegment] | None = None


class _Refused(Exception):
    """The endpoint does not take a request of this form; says why."""


class EndpointTranscriber:
    """Transcribes with a model behind `/audio/transcriptions`; nothing is sent when made."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str = OPENAI_URL,
        api_key: SecretStr | None = None,
        timeout_s: float = 300.0,
        max_retries: int = 3,
        diarizer: Diarizer | None = None,
    ) -> None:
        """Name the model and its place. The key is sent there and nowhere else."""
        import openai

        self._model = model
        self._key = api_key.get_secret_value() if api_key else ""
        self._place = _without_credentials(base_url)
        self._diarizer = diarizer
        # Not every model tells times. One that does not is asked window by window.
        self._tells_times = True
        # The SDK is the one place that retries, waiting as long as Retry-After says.
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=self._key or "none",
            timeout=timeout_s,
            max_retries=max_retries,
        )

    @property
    def name(self) -> str:
        """The model and where it is."""
        return f"{self._place} {self._model}"

    @property
    def place(self) -> str:
        """The endpoint's address, without credentials."""
        return self._place

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

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def detect_language(self, windows: Sequence[Samples]) -> str | None:
        """Return None: the endpoint tells the language with the words."""
        return None

    def recognise(
        self,
        packed: Packed,
        *,
        language: str | None,
        hints: Sequence[str],
        progress: Callable[[float], None],
    ) -> Recognised:
        """Return what is said in a part: sent as a whole if times come back, else by window.

        TransientError if the endpoint is busy or out of reach, PermanentError if it refuses.
        """
        options: dict[str, Any] = {"model": self._model, "prompt": _prompt(hints, language)}
        if language:
            options["language"] = language
        if self._tells_times:
            try:
                said = self._ask(packed.samples, **options, **_WITH_TIMES)
            except _Refused:
                said = None
            if said and (said.words or said.segments or not said.text.strip()):
                progress(1.0)
                return Recognised(tuple(_heard(said, packed)), _code_of(said.language) or language)
            self._tells_times = False
        return self._by_window(packed, options, language, progress)

    def _by_window(
        self,
        packed: Packed,
        options: dict[str, Any],
        language: str | None,
        progress: Callable[[float], None],
    ) -> Recognised:
        stretches: list[Heard] = []
        for number, window in enumerate(packed.windows, 1):
            try:
                said = self._ask(
                    packed.samples[window.start : window.end], **options, response_format="json"
                )
            except _Refused as error:
                raise PermanentError(
                    f"{self._place!r} refused the request to {self._model!r}: {error}"
                ) from None
            language = language or _code_of(said.language)
            words = tuple(_estimated_words(said.text, window, packed))
            if words:
                stretches.append(Heard(words, 0.0, 0.0))
            progress(number / len(packed.windows))
        return Recognised(tuple(stretches), language)

    def _ask(self, samples: Samples, **options: Any) -> _Said:
        import openai

        sound = ("part.flac", _flac(samples), "audio/flac")
        try:
            reply = self._client.audio.transcriptions.with_raw_response.create(
                file=sound, **options
            )
            return _read(reply.text)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            raise _Refused(self._redacted(error.message)) from None
        except openai.APIStatusError as error:
            if error.status_code == 413:
                raise _Refused(_too_large(sound[1])) from None
            # The SDK's exception holds the request with the key: it is not chained.
            raise self._in_our_words(error) from None
        except openai.APIConnectionError as error:
            is_late = isinstance(error, openai.APITimeoutError)
            said = "did not answer in time" if is_late else "is out of reach: check the network"
            raise TransientError(
                f"the transcription endpoint {self._place!r} {said}; what is finished is kept, "
                "try again later"
            ) from None
        except (ValueError, openai.APIError):
            # Neither words nor an error in the shape that this protocol gives them.
            raise PermanentError(
                f"{self._place!r} answers, but not as an OpenAI-compatible transcription "
                "endpoint; check SALES_COPILOT_SPEECH_BASE_URL, which often ends in '/v1'"
            ) from None

    def _in_our_words(self, error: Any) -> CopilotError:
        said = self._redacted(error.message)
        if error.status_code in (401, 403):
            return PermanentError(
                f"the transcription endpoint {self._place!r} refused the key; set "
                "SALES_COPILOT_SPEECH_API_KEY"
            )
        if error.status_code == 404:
            return PermanentError(
                f"{self._place!r} does not know the transcription model {self._model!r}: {said}; "
                "check SALES_COPILOT_SPEECH_MODEL and SALES_COPILOT_SPEECH_BASE_URL"
            )
        is_busy = error.status_code in (408, 409, 429) or error.status_code >= 500
        if is_busy and error.code != "insufficient_quota":
            return TransientError(
                f"the transcription endpoint {self._place!r} is busy: {said}; what is finished is "
                "kept, try again later"
            )
        return PermanentError(f"{self._place!r} refused the request to {self._model!r}: {said}")

    def _redacted(self, text: str) -> str:
        return (text.replace(self._key, "***") if self._key else text)[:300]


_WITH_TIMES: dict[str, Any] = {
    "response_format": "verbose_json",
    "timestamp_granularities": ["word", "segment"],
}


def _read(text: str) -> _Said:
    """Return the answer, which some endpoints give as bare text; ValueError if it is none."""
    stripped = text.strip()
    if stripped.startswith("{"):
        return _Said.model_validate_json(stripped)
    if not stripped or stripped[0] in "<[":
        raise ValueError("not an answer")
    return _Said(text=stripped)


def _heard(said: _Said, packed: Packed) -> Iterator[Heard]:
    """Yield segments with their words; times come back into those of the recording."""
    segments = said.segments or [_SaidSegment(start=0, end=math.inf, text=said.text)]
    pieces = spoken_words(
        [segment.text for segment in segments], [word.word for word in said.words or ()]
    )
    for segment, texts in zip(segments, pieces, strict=True):
        sure = None if segment.avg_logprob is None else min(1.0, math.exp(segment.avg_logprob))
        times: list[_Timed] = [said.words[number] for number, _ in texts] if said.words else []
        spoken = [text for _, text in texts]
        if not times and segment.text.strip():
            times, spoken = [segment], [spaced(segment.text.strip())]
        words = tuple(
            Word(text, *packed.restore(time.start, min(time.end, packed.seconds)), sure)
            for text, time in zip(spoken, times, strict=True)
        )
        if words:
            yield Heard(words, segment.no_speech_prob or 0.0, segment.avg_logprob or 0.0)


def _estimated_words(text: str, window: Span, packed: Packed) -> Iterator[Word]:
    """Yield sentences as words whose times are estimated by their length."""
    sentences = split_sentences(text)
    total = sum(map(len, sentences)) or 1
    start = window.start / SAMPLE_RATE
    for sentence in sentences:
        end = start + len(sentence) / total * (window.end - window.start) / SAMPLE_RATE
        yield Word(
            spaced(sentence), packed.restore(start, start)[0], packed.restore(end, end)[1], None
        )
        start = end


def _prompt(hints: Sequence[str], language: str | None) -> str:
    told = ""
    for hint in dict.fromkeys(one.strip() for one in hints if one.strip()):
        longer = f"{told}, {hint}" if told else hint
        if len(longer.encode()) > MAX_PROMPT_BYTES:
            break
        told = longer
    return CHINESE_PROMPT + told if language == "zh" else told


def _code_of(language: str | None) -> str | None:
    """Return the ISO 639-1 code of a language given by code or by its English name."""
    said = (language or "").strip().lower()
    return _CODES.get(said) or (said[:2] if len(said) == 2 or said[2:3] in "-_" else None) or None


def _flac(samples: Samples) -> bytes:
    """Return the sound losslessly packed: six minutes take a few megabytes."""
    import av

    target = io.BytesIO()
    pcm = (np.clip(samples, -1, 1) * 32_767).astype("<i2")
    frame = av.AudioFrame.from_ndarray(pcm[None], "s16", "mono")
    frame.sample_rate = SAMPLE_RATE
    with av.open(target, "w", format="flac") as container:
        stream: Any = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


def _too_large(sound: bytes) -> str:
    return (
        f"{len(sound) / 1e6:.1f} MB of sound are too large for it; use an endpoint that takes 5 MB"
    )


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
