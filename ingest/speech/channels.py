"""The sound of a recording: checked, decoded to 16 kHz block by block, speakers' channels apart."""

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from crm.errors import BadInput

SAMPLE_RATE = 16_000
MAX_HOURS = 12
MIN_SECONDS = 0.3
SILENCE_PEAK = 0.003
# A difference this small against the sum is one voice recorded twice.
DUAL_MONO_RATIO = 0.05
# Two microphones in one room grow loud and quiet together; people on a line take turns.
ONE_ROOM_ABOVE = 0.7
LEVEL_FRAME = SAMPLE_RATE // 20
TRUNCATED_BELOW = 0.9
BLOCK_SECONDS = 10
WINDOW_SECONDS = 30
MAX_WINDOWS = 8
_OGG_PAGE = b"OggS"
_OGG_LONGEST_PAGE = 27 + 255 + 255 * 255

Samples = NDArray[np.float32]
Channel = Literal["left", "right", "mono"]


@dataclass(frozen=True)
class Sound:
    """A recording that was read once and found good: its length, channels, and a few windows.

    `windows` are stretches of up to 30 s spread over all of it, channels mixed. `mix` says how
    much of each of the file's tracks goes into `mono`.
    """

    path: Path
    samples: int
    channels: tuple[Channel, ...]
    mix: tuple[float, ...]
    windows: tuple[Samples, ...]

    @property
    def duration_ms(self) -> int:
        """The length of all of it."""
        return round(self.samples * 1000 / SAMPLE_RATE)

    def blocks(self) -> Iterator[dict[Channel, Samples]]:
        """Yield the sound from the start, some 10 s at a time: each channel at 16 kHz."""
        with _readable(self.path):
            for block in _decode(self.path):
                yield self._named(block)

    def _named(self, block: Samples) -> dict[Channel, Samples]:
        if self.channels == ("mono",):
            return {"mono": np.asarray(np.array(self.mix, np.float32) @ block, np.float32)}
        return dict(zip(self.channels, block, strict=True))


def open_sound(path: Path) -> Sound:
    """Read a recording through once and return what is in it, without keeping its samples.

    BadInput says which it is: empty, no audio at all, cut off, too long, too short, or silent.
    """
    if path.stat().st_size == 0:
        raise BadInput(f"{path.name!r} is empty (0 bytes); export the recording again")
    _check_last_page(path)
    survey = _Survey()
    with _readable(path):
        expected = _announced_seconds(path)
        if expected is not None:
            _check_hours(path.name, expected)
        for block in _decode(path):
            survey.take(block)
            _check_hours(path.name, survey.samples / SAMPLE_RATE)
    seconds = survey.samples / SAMPLE_RATE
    _check_length(path.name, seconds, expected)
    if survey.peak < SILENCE_PEAK:
        raise BadInput(f"{path.name!r} is silent for all of its {seconds:.0f} s")
    return Sound(path, survey.samples, survey.channels, survey.mix, survey.windows)


@dataclass
class _Survey:
    """What a first reading finds out: one that holds a few windows, however long the sound."""

    samples: int = 0
    peak: float = 0.0
    _windows: list[Samples] = field(default_factory=list)
    _tracks: int = 0
    _sum: float = 0.0
    _difference: float = 0.0
    _levels: list[Samples] = field(default_factory=list)
    _stride: int = 1
    _number: int = 0
    _pending: list[Samples] = field(default_factory=list)

    def take(self, block: Samples) -> None:
        self._tracks = len(block)
        self.samples += block.shape[1]
        self.peak = max(self.peak, float(np.max(np.abs(block), initial=0.0)))
        if len(block) == 2:
            self._sum += float(np.sum(np.square(block[0] + block[1])))
            self._difference += float(np.sum(np.square(block[0] - block[1])))
            self._levels.append(_levels(block))
        self._keep(np.mean(block, axis=0, dtype=np.float32))

    @property
    def channels(self) -> tuple[Channel, ...]:
        """A channel a speaker, but one where both carry the same voice."""
        is_dual = self._difference <= self._sum * DUAL_MONO_RATIO**2
        is_mono = self._tracks == 1 or is_dual or self._is_one_room()
        return ("mono",) if is_mono else ("left", "right")

    @property
    def mix(self) -> tuple[float, ...]:
        """Both tracks, but one alone where they would cancel each other out."""
        if self._tracks == 1:
            return (1.0,)
        return (0.5, 0.5) if self._sum >= self._difference else (1.0, 0.0)

    def _is_one_room(self) -> bool:
        left, right = np.concatenate(self._levels, axis=1)
        if min(left.std(), right.std()) < 1e-4:
            return False
        return float(np.corrcoef(left, right)[0, 1]) > ONE_ROOM_ABOVE

    @property
    def windows(self) -> tuple[Samples, ...]:
        """Stretches at equal distances; of a short recording, all of it."""
        last = [np.concatenate(self._pending)] if self._pending and self._stride == 1 else []
        return tuple(self._windows + last)

    def _keep(self, mixed: Samples) -> None:
        self._pending.append(mixed)
        if sum(map(len, self._pending)) < WINDOW_SECONDS * SAMPLE_RATE:
            return
        if self._number % self._stride == 0:
            self._windows.append(np.concatenate(self._pending)[: WINDOW_SECONDS * SAMPLE_RATE])
        self._number += 1
        self._pending = []
        if len(self._windows) > MAX_WINDOWS:
            # Every other one goes, so that as many stay however long the recording is.
            self._windows = self._windows[::2]
            self._stride *= 2


def _levels(block: Samples) -> Samples:
    """Return how loud each track is, twenty times a second."""
    whole = block[:, : block.shape[1] // LEVEL_FRAME * LEVEL_FRAME]
    framed = whole.reshape(len(block), -1, LEVEL_FRAME)
    levels: Samples = np.sqrt(np.mean(np.square(framed), axis=2))
    return levels


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    import av

    try:
        yield
    except (av.error.FFmpegError, IndexError, ValueError, TypeError, EOFError) as error:
        raise BadInput(
            f"{path.name!r} holds no audio that can be read: it is damaged or not a recording"
        ) from error


def _decode(path: Path) -> Iterator[Samples]:
    """Yield blocks of (channels, samples): two channels where the file has two, else one."""
    import av

    with av.open(str(path), metadata_errors="ignore") as container:
        stream = container.streams.audio[0]
        layout = "stereo" if stream.codec_context.channels == 2 else "mono"
        waiting: list[Samples] = []
        size = 0
        for piece in _resampled(_frames(container, stream), layout):
            waiting.append(piece)
            size += piece.shape[1]
            if size >= BLOCK_SECONDS * SAMPLE_RATE:
                yield np.concatenate(waiting, axis=1)
                waiting, size = [], 0
        if waiting:
            yield np.concatenate(waiting, axis=1)


def _resampled(frames: Iterator[Any], layout: str) -> Iterator[Samples]:
    """Yield the frames at 16 kHz; a stream may change its rate or channels on the way."""
    import av

    kind: tuple[str, str, int] | None = None
    resampler: Any = None
    for frame in frames:
        # Gaps in the timestamps are not for the resampler to judge.
        frame.pts = None
        if kind != (frame.format.name, frame.layout.name, frame.sample_rate):
            yield from _flushed(resampler)
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            resampler = av.AudioResampler(format="fltp", layout=layout, rate=SAMPLE_RATE)
        for piece in resampler.resample(frame):
            yield np.asarray(piece.to_ndarray(), np.float32)
    yield from _flushed(resampler)


def _flushed(resampler: Any) -> Iterator[Samples]:
    for piece in resampler.resample(None) if resampler else ():
        yield np.asarray(piece.to_ndarray(), np.float32)


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Yield the decoded frames; a packet that makes no sense is passed over, as players do."""
    import av

    frames = container.decode(stream)
    while True:
        try:
            yield next(frames)
        except StopIteration:
            return
        except av.error.InvalidDataError:
            continue


def _announced_seconds(path: Path) -> float | None:
    """Return the seconds that the file's header announces, None where it does not say."""
    import av

    with av.open(str(path), metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise ValueError("no audio")
        seconds = container.duration / 1_000_000 if container.duration else None
    return _wave_seconds(path) or seconds


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


def _check_hours(name: str, seconds: float) -> None:
    if seconds > MAX_HOURS * 3600:
        raise BadInput(
            f"{name!r} is {seconds / 3600:.1f} h long or more; the limit is {MAX_HOURS} h: cut it"
        )


def _check_length(name: str, seconds: float, expected: float | None) -> None:
    if seconds < MIN_SECONDS:
        raise BadInput(f"{name!r} holds {seconds:.2f} s of sound: too short for speech")
    if expected and seconds < expected * TRUNCATED_BELOW:
        raise BadInput(
            f"{name!r} is cut off: {seconds:.0f} s of {expected:.0f} s are there; copy it again"
        )
