"""The real Whisper model on real and on empty sound."""

import wave
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from crm.errors import BadInput
from ingest.speech.whisper import MODEL_FILES, FasterWhisperTranscriber

pytestmark = pytest.mark.slow

RATE = 16_000
RECORDINGS = Path(__file__).parents[1] / "ingest" / "demo" / "recordings"


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
    transcript = transcriber.transcribe(
        RECORDINGS / "northvale_security_call.ogg", progress=told.append
    )
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


def test_chinese_call_is_heard_in_simplified_script(
    transcriber: FasterWhisperTranscriber,
) -> None:
    transcript = transcriber.transcribe(
        RECORDINGS / "huarui_pricing_call.ogg", hints=["海港智能", "陈思远", "私有化部署"]
    )
    text = "".join(one.text for one in transcript.utterances)
    assert transcript.language == "zh"
    assert not transcript.is_stereo
    assert "我们的数据中心在上海" in text
    assert "预算" in text
    assert not set("們價據貨這還") & set(text)
