"""The real Whisper model on real and on empty sound."""

import wave
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from crm.errors import BadInput
from evals.speech import hear
from evals.speech_cases import Case, empty_cases, speech_cases
from ingest.speech import cutting
from ingest.speech.channels import open_sound
from ingest.speech.whisper import MAX_HINT_TOKENS, MODEL_FILES, FasterWhisperTranscriber
from tests.speech_world import CALL, CHINESE_CALL, RATE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whisper_dir() -> Path:
    folder = Path(platformdirs.user_cache_dir("sales-copilot")) / "models" / "whisper-base"
    missing = [name for name in MODEL_FILES if not (folder / name).is_file()]
    if missing:
        pytest.fail(f"{folder} lacks {', '.join(missing)}: run `sales-copilot setup` first")
    return folder


@pytest.fixture(scope="module")
def transcriber(whisper_dir: Path) -> FasterWhisperTranscriber:
    return FasterWhisperTranscriber(whisper_dir, 2)


def _noise(path: Path, channels: int) -> Path:
    samples = np.random.default_rng(7).normal(0, 0.02, (RATE * 5, channels))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32_000).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("language", [None, "en", "zh"])
def test_noise_gives_no_words(
    transcriber: FasterWhisperTranscriber, tmp_path: Path, channels: int, language: str | None
) -> None:
    with pytest.raises(BadInput, match="no speech"):
        transcriber.transcribe(_noise(tmp_path / "noise.wav", channels), language=language)


def test_stereo_call_is_heard_by_speaker_and_in_order(
    transcriber: FasterWhisperTranscriber,
) -> None:
    told: list[float] = []
    transcript = transcriber.transcribe(CALL, progress=told.append)
    left, right = (
        " ".join(one.text for one in transcript.utterances if one.channel == channel).lower()
        for channel in ("left", "right")
    )
    assert transcript.language == "en"
    assert "thanks for making time" in left
    assert "discount" in left
    assert "security team" in right
    assert "discount" not in right
    starts = [one.start_ms for one in transcript.utterances]
    assert starts == sorted(starts)
    assert len(starts) > 15
    assert all(one.end_ms <= transcript.duration_ms + 500 for one in transcript.utterances)
    assert told == sorted(told)
    assert told[-1] == 1.0
    words = [word for one in transcript.utterances for word in one.words]
    assert len(words) > 200
    assert all(0 <= word.end_ms - word.start_ms < 5_000 for word in words)
    assert all(word.probability is not None and 0 <= word.probability <= 1 for word in words)


def test_chinese_call_is_heard_in_simplified_script(
    transcriber: FasterWhisperTranscriber,
) -> None:
    transcript = transcriber.transcribe(CHINESE_CALL, hints=["海港智能", "陈思远", "私有化部署"])
    text = "".join(one.text for one in transcript.utterances)
    assert transcript.language == "zh"
    assert not transcript.is_stereo
    assert "我们的数据中心在上海" in text
    assert "预算" in text
    assert not set("們價據貨這還") & set(text)


@pytest.mark.parametrize("case", list(empty_cases(20)), ids=lambda case: case.name)
def test_nothing_is_heard_where_nobody_speaks(
    transcriber: FasterWhisperTranscriber, case: Case
) -> None:
    assert hear(transcriber, case).text == ""


def test_telephone_without_a_voice_s_lowest_tones_is_understood(
    transcriber: FasterWhisperTranscriber,
) -> None:
    case = next(one for one in speech_cases() if one.name == "call, telephone")
    assert hear(transcriber, case).error_rate < 0.1


def test_call_cut_into_parts_says_the_same(
    transcriber: FasterWhisperTranscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "EARLIEST_CUT", 20 * RATE)
    monkeypatch.setattr(cutting, "LATEST_CUT", 35 * RATE)
    case = next(one for one in speech_cases() if one.name == "call, mono")
    assert hear(transcriber, case).error_rate < 0.06


def test_language_is_that_of_most_of_the_call(transcriber: FasterWhisperTranscriber) -> None:
    chinese, english = (open_sound(path).windows[0] for path in (CHINESE_CALL, CALL))
    assert transcriber.detect_language([english, chinese, chinese]) == "zh"
    assert transcriber.detect_language([english, english, chinese]) == "en"
    assert transcriber.detect_language([]) is None


def test_hints_are_cut_to_what_the_model_can_read(transcriber: FasterWhisperTranscriber) -> None:
    hints = ["陈思远", "", "陈思远", *(f"第{number}号海港智能私有化部署" for number in range(90))]
    told = transcriber._hotwords(hints)
    assert told is not None
    assert told.startswith("陈思远, 第0号海港智能私有化部署, ")
    assert told.count("陈思远") == 1
    encoded = transcriber._model.hf_tokenizer.encode(told, add_special_tokens=False)
    assert MAX_HINT_TOKENS - 30 < len(encoded.ids) <= MAX_HINT_TOKENS
    assert transcriber._hotwords([" "]) is None
