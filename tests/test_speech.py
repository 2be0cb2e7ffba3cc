"""Recordings that cannot be transcribed, stereo and dual mono, and reading in bounded memory."""

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from crm.errors import BadInput, PermanentError
from ingest.speech import channels
from ingest.speech.channels import Sound, open_sound
from ingest.speech.transcriber import Transcript, Utterance
from ingest.speech.whisper import FasterWhisperTranscriber
from tests.speech_world import RATE, RECORDINGS, tone, write_wave


def _tracks(sound: Sound) -> dict[str, NDArray[np.float32]]:
    blocks = list(sound.blocks())
    return {name: np.concatenate([block[name] for block in blocks]) for name in sound.channels}


def _mp3(path: Path, track: NDArray[np.float64]) -> Path:
    frame = av.AudioFrame.from_ndarray((track * 32_000).astype("<i2")[None], "s16p", "mono")
    frame.sample_rate = RATE
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return path


def test_mono_is_one_channel_of_its_length(tmp_path: Path) -> None:
    sound = open_sound(write_wave(tmp_path / "a.wav", tone(1.5)))
    assert list(sound.channels) == ["mono"]
    assert sound.duration_ms == 1500


def test_stereo_keeps_left_and_right_apart(tmp_path: Path) -> None:
    sound = open_sound(write_wave(tmp_path / "a.wav", tone(1), np.zeros(RATE)))
    assert list(sound.channels) == ["left", "right"]
    assert float(np.abs(_tracks(sound)["left"]).max()) > 0.3
    assert float(np.abs(_tracks(sound)["right"]).max()) < 0.01


def test_one_voice_on_both_channels_is_mono(tmp_path: Path) -> None:
    hiss = np.random.default_rng(7).normal(0, 0.002, RATE)
    sound = open_sound(write_wave(tmp_path / "a.wav", tone(1), tone(1) * 0.98 + hiss))
    assert list(sound.channels) == ["mono"]


def test_two_microphones_in_one_room_are_mono(tmp_path: Path) -> None:
    voice = _tracks(open_sound(RECORDINGS / "huarui_pricing_call.ogg"))["mono"][: 30 * RATE]
    hiss = np.random.default_rng(7).normal(0, 0.002, (2, len(voice)))
    path = write_wave(tmp_path / "a.wav", 0.5 * voice + hiss[0], 0.3 * np.roll(voice, 40) + hiss[1])
    assert open_sound(path).channels == ("mono",)


def test_tracks_that_cancel_out_are_heard_as_one(tmp_path: Path) -> None:
    voice = _tracks(open_sound(RECORDINGS / "cedar_ridge_voicemail.ogg"))["mono"]
    sound = open_sound(write_wave(tmp_path / "a.wav", 0.5 * voice, -0.5 * voice))
    assert sound.channels == ("mono",)
    assert float(np.abs(_tracks(sound)["mono"]).max()) > 0.1


def test_people_who_take_turns_stay_stereo() -> None:
    assert open_sound(RECORDINGS / "northvale_security_call.ogg").channels == ("left", "right")


def test_voices_of_equal_loudness_stay_stereo(tmp_path: Path) -> None:
    sound = open_sound(write_wave(tmp_path / "a.wav", tone(1), tone(1, 523.0)))
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
        open_sound(path)


def test_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(BadInput, match="empty"):
        open_sound(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("seconds", "reason"), [(0.0, "no audio|too short"), (0.1, "too short"), (2.0, "silent")]
)
def test_sound_without_content_is_refused(tmp_path: Path, seconds: float, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        open_sound(write_wave(tmp_path / "a.wav", np.zeros(int(RATE * seconds))))


def test_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = write_wave(tmp_path / "a.wav", tone(10))
    path.write_bytes(path.read_bytes()[: RATE * 2 * 4])
    with pytest.raises(BadInput, match="cut off: 4 s of 10 s"):
        open_sound(path)


@pytest.mark.parametrize("share", [0.5, 0.97])
def test_ogg_that_was_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    whole = (RECORDINGS / "cedar_ridge_voicemail.ogg").read_bytes()
    (tmp_path / "cut.ogg").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BadInput, match="cut off"):
        open_sound(tmp_path / "cut.ogg")
    (tmp_path / "whole.ogg").write_bytes(whole)
    assert open_sound(tmp_path / "whole.ogg").duration_ms > 10_000


def test_ogg_stream_that_ends_on_a_page_is_read(tmp_path: Path) -> None:
    whole = (RECORDINGS / "cedar_ridge_voicemail.ogg").read_bytes()
    (tmp_path / "stream.ogg").write_bytes(whole[: whole.rindex(b"OggS")])
    assert open_sound(tmp_path / "stream.ogg").duration_ms > 10_000


def test_mp3_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    whole = _mp3(tmp_path / "whole.mp3", tone(5))
    assert open_sound(whole).duration_ms > 4_500
    content = whole.read_bytes()
    (tmp_path / "cut.mp3").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match="cut off"):
        open_sound(tmp_path / "cut.mp3")


def test_streamed_file_of_unknown_length_is_read(tmp_path: Path) -> None:
    path = write_wave(tmp_path / "a.wav", tone(2))
    raw = bytearray(path.read_bytes())
    raw[4:8] = raw[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(raw)
    assert open_sound(path).duration_ms == 2000


def test_model_folder_that_lacks_files_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    with pytest.raises(PermanentError, match=r"model\.bin.*sales-copilot setup"):
        FasterWhisperTranscriber(tmp_path, 1)


def test_transcript_knows_whether_it_is_stereo() -> None:
    mono, left = Utterance("mono", 0, 1, "x"), Utterance("left", 0, 1, "x")
    assert Transcript((left,), "en", 1).is_stereo
    assert not Transcript((mono,), "en", 1).is_stereo


def test_blocks_hold_all_of_the_sound_and_never_much_of_it(tmp_path: Path) -> None:
    sound = open_sound(write_wave(tmp_path / "a.wav", tone(47.3)))
    sizes = [len(block["mono"]) for block in sound.blocks()]
    assert sum(sizes) == sound.samples == round(47.3 * RATE)
    assert max(sizes) < 11 * RATE


def test_windows_lie_over_all_of_a_long_recording(tmp_path: Path) -> None:
    # The pitch of each minute tells where a window was taken.
    track = np.concatenate([tone(60, 300.0 + 20 * minute) for minute in range(15)])
    sound = open_sound(write_wave(tmp_path / "a.wav", track))
    assert len(sound.windows) <= channels.MAX_WINDOWS
    pitches = [np.argmax(np.abs(np.fft.rfft(window))) for window in sound.windows]
    seconds = [len(window) / RATE for window in sound.windows]
    minutes = [(p / s - 300) / 20 for p, s in zip(pitches, seconds, strict=True)]
    assert min(minutes) < 2
    assert max(minutes) > 12


def test_recording_longer_than_allowed_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_wave(tmp_path / "a.wav", tone(40))
    monkeypatch.setattr(channels, "MAX_HOURS", 0.01)
    with pytest.raises(BadInput, match="the limit is"):
        open_sound(path)
