"""Transcription elsewhere: what is sent, what comes back in which form, and what goes wrong."""

import io
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import av
import pytest
from pydantic import SecretStr

from crm.errors import CopilotError, PermanentError, TransientError
from crm.store import Store
from ingest.speech import cutting
from ingest.speech.endpoint import EndpointTranscriber
from ingest.speech.parts import StoredParts
from ingest.speech.sentences import split_sentences, spoken_words
from ingest.speech.transcriber import Transcript
from tests.fake_transcriptions import DROP, Asked, FakeTranscriptions, Told, refuses
from tests.speech_world import CHINESE_CALL, RATE, VOICEMAIL

KEY = "sk-very-secret"
WORDS = [
    {"word": "Hi", "start": 0.2, "end": 0.5},
    {"word": "Anna", "start": 0.5, "end": 0.75},
    {"word": "this", "start": 1.2, "end": 1.4},
    {"word": "is", "start": 1.4, "end": 1.5},
    {"word": "David", "start": 1.5, "end": 2.0},
]
SEGMENTS = [
    {"text": " Hi, Anna.", "start": 0.0, "end": 1.0, "avg_logprob": -0.1, "no_speech_prob": 0.01},
    {"text": " This is David", "start": 1.0, "end": 2.0, "avg_logprob": -0.3, "tokens": [1]},
]
VERBOSE = {"text": "Hi, Anna. This is David", "language": "english", "words": WORDS,
           "segments": SEGMENTS, "duration": 2.0, "task": "transcribe"}  # fmt: skip

Serve = Callable[..., tuple[FakeTranscriptions, EndpointTranscriber]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    opened: list[Any] = []

    def start(*answers: Any, **more: Any) -> tuple[FakeTranscriptions, EndpointTranscriber]:
        fake = FakeTranscriptions(*answers)
        transcriber = EndpointTranscriber(
            "listen-1", base_url=fake.url, api_key=SecretStr(KEY), max_retries=2, **more
        )
        opened.extend([transcriber, fake])
        return fake, transcriber

    yield start
    for one in opened:
        one.close()


def _texts(transcript: Transcript) -> list[str]:
    return [one.text for one in transcript.utterances]


def test_words_get_their_punctuation_and_times_back(serve: Serve) -> None:
    fake, transcriber = serve(Told(body=VERBOSE))
    transcript = transcriber.transcribe(VOICEMAIL, hints=["Anna Meyer", "Harborline"])
    assert _texts(transcript) == ["Hi, Anna.", "This is David"]
    assert transcript.language == "en"
    first = transcript.utterances[0]
    assert [word.text for word in first.words] == ["Hi, ", "Anna. "]
    assert [word.end_ms - word.start_ms for word in first.words] == [300, 250]
    assert first.confidence == pytest.approx(math.exp(-0.1))
    asked = fake.asked[0]
    assert asked.fields["model"] == ["listen-1"]
    assert asked.fields["response_format"] == ["verbose_json"]
    assert asked.fields["timestamp_granularities[]"] == ["word", "segment"]
    assert asked.fields["prompt"] == ["Anna Meyer, Harborline"]
    assert "language" not in asked.fields
    assert asked.key == f"Bearer {KEY}"


def test_sound_is_sent_lossless_at_16_khz_and_well_under_25_mb(serve: Serve) -> None:
    fake, transcriber = serve(Told(body=VERBOSE))
    transcriber.transcribe(CHINESE_CALL, language="zh")
    sound = fake.asked[0].sound
    assert len(sound) < 3_000_000
    with av.open(io.BytesIO(sound)) as container:
        stream = container.streams.audio[0]
        samples = sum(frame.samples for frame in container.decode(stream))
        assert (stream.codec_context.name, stream.rate) == ("flac", RATE)
    assert 50 * RATE < samples < 72 * RATE


def test_stated_language_is_sent_and_chinese_prompted(serve: Serve) -> None:
    segment = {"text": "價格還可以,好。", "start": 0.1, "end": 2.0}
    said = {"text": "價格還可以,好。", "segments": [segment], "language": "chinese"}
    fake, transcriber = serve(Told(body=said))
    transcript = transcriber.transcribe(CHINESE_CALL, language="zh", hints=["陈思远"])
    assert _texts(transcript) == ["价格还可以，好。"]
    assert transcript.utterances[0].confidence is None
    assert fake.asked[0].fields["language"] == ["zh"]
    assert fake.asked[0].fields["prompt"][0].endswith("陈思远")


@pytest.mark.parametrize(
    "first",
    [
        refuses(400, "response_format 'verbose_json' is not compatible with model 'listen-1'"),
        refuses(422, "unknown field timestamp_granularities"),
        refuses(413, "file too large"),
        Told(body={"text": "All of it at once."}),
        Told(body=b"Only text."),
    ],
)
@pytest.mark.parametrize("is_json", [True, False])
def test_endpoint_that_tells_no_times_is_asked_window_by_window(
    serve: Serve, first: Told, is_json: bool
) -> None:
    def window(asked: Asked) -> Told:
        text = f"First of {len(asked.sound)}. Second one."
        return Told(body={"text": text} if is_json else f"{text}\n".encode())

    fake, transcriber = serve(first, window)
    transcript = transcriber.transcribe(CHINESE_CALL, language="en")
    windows = len(fake.asked) - 1
    assert windows >= 2
    assert all(asked.fields["response_format"] == ["json"] for asked in fake.asked[1:])
    assert all("timestamp_granularities[]" not in asked.fields for asked in fake.asked[1:])
    sizes = [len(asked.sound) for asked in fake.asked[1:]]
    assert _texts(transcript) == [
        text for size in sizes for text in (f"First of {size}.", "Second one.")
    ]
    starts = [one.start_ms for one in transcript.utterances]
    assert starts == sorted(starts)
    assert starts[-1] > 40_000
    assert {one.confidence for one in transcript.utterances} == {None}
    transcriber.transcribe(VOICEMAIL)
    assert fake.asked[-1].fields["response_format"] == ["json"]


@pytest.mark.parametrize(
    "fault", [refuses(429, "slow down"), refuses(500, "broken"), refuses(503, "busy"), Told(DROP)]
)
def test_passing_fault_is_tried_again(serve: Serve, fault: Told) -> None:
    fake, transcriber = serve(fault, Told(body=VERBOSE))
    assert len(transcriber.transcribe(VOICEMAIL).utterances) == 2
    assert len(fake.asked) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "words", "requests"),
    [
        (refuses(429, "slow down"), TransientError, "busy", 3),
        (refuses(500, "broken"), TransientError, "try again later", 3),
        (Told(DROP), TransientError, "out of reach", 3),
        (refuses(429, "pay", code="insufficient_quota"), PermanentError, "pay", 3),
        (refuses(401, f"bad key {KEY}"), PermanentError, "refused the key", 1),
        (refuses(403, "no"), PermanentError, "refused the key", 1),
        (refuses(404, "no such model"), PermanentError, "does not know.*'listen-1'", 1),
        (refuses(413, "too large"), PermanentError, "too large", 2),
        (refuses(400, f"odd {KEY}"), PermanentError, "refused the request.*odd", 2),
        (Told(body=b"<html>hello"), PermanentError, "not as an OpenAI-compatible", 1),
        (Told(body=b'{"text": '), PermanentError, "not as an OpenAI-compatible", 1),
        (Told(body={"message": "hi"}), PermanentError, "not as an OpenAI-compatible", 1),
        (Told(body=b"[]"), PermanentError, "not as an OpenAI-compatible", 1),
    ],
)
def test_lasting_fault_is_explained_without_the_key(
    serve: Serve, answer: Told, kind: type[CopilotError], words: str, requests: int
) -> None:
    fake, transcriber = serve(answer)
    with pytest.raises(kind, match=words) as caught:
        transcriber.transcribe(VOICEMAIL)
    assert len(fake.asked) == requests
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_was_heard_before_a_fault_is_not_sent_again(
    serve: Serve, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "EARLIEST_CUT", 10 * RATE)
    monkeypatch.setattr(cutting, "LATEST_CUT", 15 * RATE)
    now = datetime(2026, 11, 16, 9, tzinfo=UTC)
    good = Told(body=VERBOSE)
    fake, transcriber = serve(good, good, refuses(401, "expired"), good)
    with pytest.raises(PermanentError):
        transcriber.transcribe(CHINESE_CALL, parts=StoredParts(store, now))
    transcriber.transcribe(CHINESE_CALL, parts=StoredParts(store, now))
    whole = len({asked.sound for asked in fake.asked})
    assert len(fake.asked) == whole + 1


def test_silence_of_the_endpoint_is_no_speech(serve: Serve) -> None:
    _, transcriber = serve(Told(body={"text": "", "segments": [], "words": []}))
    with pytest.raises(CopilotError, match="no speech"):
        transcriber.transcribe(VOICEMAIL)


def test_loops_of_the_endpoint_are_dropped(serve: Serve) -> None:
    def loop(_: Asked) -> Told:
        words = [
            {"word": word, "start": n * 0.4 + at, "end": n * 0.4 + at + 0.2}
            for n in range(20)
            for at, word in ((0.0, "Thank"), (0.2, "you"))
        ]
        return Told(body={"text": "Thank you. " * 20, "language": "en", "words": words})

    _, transcriber = serve(loop)
    transcript = transcriber.transcribe(VOICEMAIL)
    assert _texts(transcript) == ["Thank you."]
    assert transcript.dropped == 38


def test_words_are_found_again_in_their_text() -> None:
    texts = [" Hello, world!", " $160,000 it is. Right"]
    words = ["Hello", "world", "160,000", "it", "is", "missing", "Right"]
    assert spoken_words(texts, words) == [
        [(0, "Hello, "), (1, "world! ")],
        [(2, "160,000 "), (3, "it "), (4, "is. "), (5, "missing "), (6, "Right ")],
    ]
    assert spoken_words(["你好，世界。"], ["你好", "世界"]) == [[(0, "你好，"), (1, "世界。")]]
    assert spoken_words([], ["x"]) == []


def test_sentences_end_in_either_script() -> None:
    assert split_sentences("One. Two? 3.5 is 好。再见！ok") == [
        "One.",
        "Two?",
        "3.5 is 好。",
        "再见！",
        "ok",
    ]
