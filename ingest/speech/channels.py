"""The sound of a recording: decoded to 16 kHz, checked, and split into its speakers' channels."""

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm.errors import BadInput
from ingest.speech.transcriber import Channel

SAMPLE_RATE = 16_000
MAX_HOURS = 4
MIN_SECONDS = 0.3
SILENCE_PEAK = 0.003
# A difference this small against the sum is one voice recorded twice.
DUAL_MONO_RATIO = 0.05
TRUNCATED_BELOW = 0.9
_OGG_PAGE = b"OggS"
_OGG_LONGEST_PAGE = 27 + 255 + 255 * 255

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Sound:
    """A recording's channels by name (`mono`, or `left` and `right`), each at 16 kHz."""

    channels: dict[Channel, Samples]
    duration_ms: int

    @property
    def mixed(self) -> Samples:
        """All channels in one."""
        mixed: Samples = np.mean(list(self.channels.values()), axis=0, dtype=np.float32)
        return mixed


def load_sound(path: Path) -> Sound:
    """Return the recording's sound.

    BadInput says which it is: empty, no audio at all, cut off, too long, too short, or silent.
    """
    import av
    from faster_whisper import decode_audio

    if path.stat().st_size == 0:
        raise BadInput(f"{path.name!r} is empty (0 bytes); export the recording again")
    _check_last_page(path)
    try:
        expected, channel_count = _announced(path)
        decoded: Any = decode_audio(str(path), split_stereo=channel_count == 2)
    except (av.error.FFmpegError, IndexError, ValueError, TypeError, EOFError) as error:
        raise BadInput(
            f"{path.name!r} holds no audio that can be read: it is damaged or not a recording"
        ) from error
    tracks = list(decoded) if channel_count == 2 else [decoded]
    seconds = len(tracks[0]) / SAMPLE_RATE
    _check_length(path.name, seconds, expected)
    channels = _named(tracks)
    if max(float(np.max(np.abs(track))) for track in channels.values()) < SILENCE_PEAK:
        raise BadInput(f"{path.name!r} is silent for all of its {seconds:.0f} s")
    return Sound(channels, round(seconds * 1000))


def _announced(path: Path) -> tuple[float | None, int]:
    """Return (seconds that the file's header announces, number of channels)."""
    import av

    with av.open(str(path), metadata_errors="ignore") as container:
        stream = container.streams.audio[0]
        seconds = container.duration / 1_000_000 if container.duration else None
        channels = int(stream.codec_context.channels)
    if seconds is not None and seconds > MAX_HOURS * 3600:
        raise BadInput(f"{path.name!r} is {seconds / 3600:.1f} h long; the limit is {MAX_HOURS} h")
    return _wave_seconds(path) or seconds, channels


def _wave_seconds(path: Path) -> float | None:
    # FFmpeg reports what is there, the header of a WAV what there should be.
    if path.suffix.lower() != ".wav":
        return None
    try:
        with wave.open(str(path), "rb") as file:
            frames = file.getnframes()
            # Recorders that stream write the largest number there is instead of the length.
            is_known = frames * file.getsampwidth() * file.getnchannels() < 0x7FFF0000
            return frames / file.getframerate() if is_known else None
    except (wave.Error, EOFError, ZeroDivisionError):
        return None


def _check_last_page(path: Path) -> None:
    """Refuse an Ogg file that ends within a page, since Ogg announces no length to compare with.

    One that ends on a page is taken, marked as the end or not: streams are often not.
    """
    with path.open("rb") as file:
        if file.read(4) != _OGG_PAGE:
            return
        file.seek(max(0, path.stat().st_size - _OGG_LONGEST_PAGE))
        tail = file.read()
    start = tail.rfind(_OGG_PAGE)
    header = tail[start : start + 27]
    lengths = tail[start + 27 : start + 27 + header[26]] if len(header) == 27 else b""
    is_whole = len(header) == 27 and len(lengths) == header[26]
    if start < 0 or not is_whole or start + 27 + len(lengths) + sum(lengths) > len(tail):
        raise BadInput(f"{path.name!r} is cut off in the middle of its sound; copy it again")


def _check_length(name: str, seconds: float, expected: float | None) -> None:
    if seconds < MIN_SECONDS:
        raise BadInput(f"{name!r} holds {seconds:.2f} s of sound: too short for speech")
    if expected and seconds < expected * TRUNCATED_BELOW:
        raise BadInput(
            f"{name!r} is cut off: {seconds:.0f} s of {expected:.0f} s are there; copy it again"
        )


def _named(tracks: list[Samples]) -> dict[Channel, Samples]:
    if len(tracks) == 1:
        return {"mono": tracks[0]}
    left, right = tracks
    power = float(np.mean(np.square(left + right)))
    if float(np.mean(np.square(left - right))) <= power * DUAL_MONO_RATIO**2:
        return {"mono": left}
    return {"left": left, "right": right}
