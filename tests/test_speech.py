"""Recordings that cannot be transcribed, stereo and dual mono, and text that nobody spoke."""

import wave
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from crm.errors import BadInput, PermanentError
from ingest.speech.channels import load_sound
from ingest.speech.guard import Heard, Word, drop_repeats, is_invented, to_utterances
from ingest.speech.transcriber import Transcript, Utterance
from ingest.speech.whisper import FasterWhisperTranscriber

RATE = 16_000
RECORDINGS = Path(__file__).parents[1] / "ingest" / "demo" / "recordings"


def _tone(seconds: float, hertz: float = 440.0) -> NDArray[np.float64]:
    return 0.4 * np.sin(2 * np.pi * hertz * np.arange(int(RATE * seconds)) / RATE)


def _write(path: Path, *tracks: NDArray[np.float64]) -> Path:
    samples = (np.stack(tracks, axis=1) * 32_000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(tracks))
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path


def _mp3(path: Path, track: NDArray[np.float64]) -> Path:
    frame = av.AudioFrame.from_ndarray((track * 32_000).astype("<i2")[None], "s16p", "mono")
    frame.sample_rate = RATE
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return path


def test_mono_is_one_channel_of_its_length(tmp_path: Path) -> None:
    sound = load_sound(_write(tmp_path / "a.wav", _tone(1.5)))
    assert list(sound.channels) == ["mono"]
    assert sound.duration_ms == 1500


def test_stereo_keeps_left_and_right_apart(tmp_path: Path) -> None:
    sound = load_sound(_write(tmp_path / "a.wav", _tone(1), np.zeros(RATE)))
    assert list(sound.channels) == ["left", "right"]
    assert float(np.abs(sound.channels["left"]).max()) > 0.3
    assert float(np.abs(sound.channels["right"]).max()) < 0.01


def test_one_voice_on_both_channels_is_mono(tmp_path: Path) -> None:
    hiss = np.random.default_rng(7).normal(0, 0.002, RATE)
    sound = load_sound(_write(tmp_path / "a.wav", _tone(1), _tone(1) * 0.98 + hiss))
    assert list(sound.channels) == ["mono"]


def test_voices_of_equal_loudness_stay_stereo(tmp_path: Path) -> None:
    sound = load_sound(_write(tmp_path / "a.wav", _tone(1), _tone(1, 523.0)))
    assert list(sound.channels) == ["left", "right"]


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a", ".ogg", ".flac"])
@pytest.mark.parametrize(
    "content", [b"these are only words\n" * 50, b"RIFF\x00\x00", b"\x00" * 999]
)
def test_what_is_no_audio_is_refused_whatever_it_is_called(
    tmp_path: Path, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"call{suffix}"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=f"call{suffix}"):
        load_sound(path)


def test_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(BadInput, match="empty"):
        load_sound(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("seconds", "reason"), [(0.0, "no audio|too short"), (0.1, "too short"), (2.0, "silent")]
)
def test_sound_without_content_is_refused(tmp_path: Path, seconds: float, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        load_sound(_write(tmp_path / "a.wav", np.zeros(int(RATE * seconds))))


def test_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.wav", _tone(10))
    path.write_bytes(path.read_bytes()[: RATE * 2 * 4])
    with pytest.raises(BadInput, match="cut off: 4 s of 10 s"):
        load_sound(path)


@pytest.mark.parametrize("share", [0.5, 0.97])
def test_ogg_that_was_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    whole = (RECORDINGS / "cedar_ridge_voicemail.ogg").read_bytes()
    (tmp_path / "cut.ogg").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BadInput, match="cut off"):
        load_sound(tmp_path / "cut.ogg")
    (tmp_path / "whole.ogg").write_bytes(whole)
    assert load_sound(tmp_path / "whole.ogg").duration_ms > 10_000


def test_ogg_stream_that_ends_on_a_page_is_read(tmp_path: Path) -> None:
    whole = (RECORDINGS / "cedar_ridge_voicemail.ogg").read_bytes()
    (tmp_path / "stream.ogg").write_bytes(whole[: whole.rindex(b"OggS")])
    assert load_sound(tmp_path / "stream.ogg").duration_ms > 10_000


def test_mp3_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    whole = _mp3(tmp_path / "whole.mp3", _tone(5))
    assert load_sound(whole).duration_ms > 4_500
    content = whole.read_bytes()
    (tmp_path / "cut.mp3").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match="cut off"):
        load_sound(tmp_path / "cut.mp3")


def test_streamed_file_of_unknown_length_is_read(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.wav", _tone(2))
    raw = bytearray(path.read_bytes())
    raw[4:8] = raw[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(raw)
    assert load_sound(path).duration_ms == 2000


def test_model_folder_that_lacks_files_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    with pytest.raises(PermanentError, match=r"model\.bin.*sales-copilot setup"):
        FasterWhisperTranscriber(tmp_path, 1)


def _heard(no_speech: float, log_probability: float, *words: Word) -> Heard:
    return Heard(words, no_speech, log_probability)


@pytest.mark.parametrize(
    ("no_speech", "log_probability", "expected"),
    [(0.9, -1.2, True), (0.9, -0.3, False), (0.1, -1.2, False), (0.1, -2.0, True)],
)
def test_text_is_invented_only_if_silent_and_doubtful(
    no_speech: float, log_probability: float, expected: bool
) -> None:
    assert is_invented(_heard(no_speech, log_probability)) is expected


def test_stretch_is_cut_at_sentence_ends_and_pauses() -> None:
    heard = _heard(
        0.1, -0.2, Word(" Yes.", 0, 400, 0.9), Word(" We", 500, 600, 0.8),
        Word(" agree", 600, 900, 0.6), Word(" then", 2000, 2300, 0.5),
    )  # fmt: skip
    assert to_utterances(heard, "left") == [
        Utterance("left", 0, 400, "Yes.", 0.9),
        Utterance("left", 500, 900, "We agree", 0.7),
        Utterance("left", 2000, 2300, "then", 0.5),
    ]


def test_third_repeat_in_a_row_is_dropped_per_channel() -> None:
    said = [("left", "Thanks."), ("right", "Bye"), ("left", "thanks"), ("left", "Thanks!"),
            ("right", "Bye"), ("left", "So."), ("left", "Thanks.")]  # fmt: skip
    utterances = [Utterance(c, n, n, text) for n, (c, text) in enumerate(said)]  # type: ignore[arg-type]
    assert [one.start_ms for one in drop_repeats(utterances)] == [0, 1, 2, 4, 5, 6]


def test_transcript_knows_whether_it_is_stereo() -> None:
    mono, left = Utterance("mono", 0, 1, "x"), Utterance("left", 0, 1, "x")
    assert Transcript((left,), "en", 1).is_stereo
    assert not Transcript((mono,), "en", 1).is_stereo
