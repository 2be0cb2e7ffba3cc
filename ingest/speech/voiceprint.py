"""The voice encoder: how a stretch of speech sounds, as a vector of 256 numbers.

The network is GE2E (Wan et al., 2018, "Generalized end-to-end loss for speaker verification"):
mel spectrum, three LSTM layers, one linear layer, unit length. Weights as published in Resemblyzer.
"""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crm.errors import PermanentError
from ingest.speech.channels import SAMPLE_RATE, Samples
from ingest.speech.voice_weights import Weights, read_weights

WINDOW_MS = 1_600
FRAME_MS = 10
WINDOW_FRAMES = WINDOW_MS // FRAME_MS
DIMENSIONS = 256

_LAYERS = 3
_MELS = 40
_FFT = 400
_HOP = SAMPLE_RATE * FRAME_MS // 1000
_BATCH = 64
# The encoder was trained on speech that is at least this loud.
_TARGET_RMS = 10 ** (-30 / 20)

Array = NDArray[np.float32]


class VoiceEncoder:
    """Embeds windows of speech; loads its weights when made."""

    def __init__(self, path: Path) -> None:
        """Load the weights; PermanentError if they are missing, damaged or of another network."""
        weights = read_weights(path)
        try:
            self._layers = [_Layer(weights, number) for number in range(_LAYERS)]
            self._out = np.ascontiguousarray(weights["linear.weight"].T)
            self._bias = weights["linear.bias"]
        except KeyError as error:
            raise PermanentError(
                f"the voice model {str(path)!r} lacks {error.args[0]!r}: run `sales-copilot setup`"
            ) from error

    def embed(self, windows: Array) -> Array:
        """Return unit vectors, shape (windows, 256), of mel windows, (windows, frames, 40)."""
        batches = [
            self._embed(windows[start : start + _BATCH]) for start in range(0, len(windows), _BATCH)
        ]
        return np.concatenate(batches) if batches else np.zeros((0, DIMENSIONS), np.float32)

    def _embed(self, windows: Array) -> Array:
        steps = np.ascontiguousarray(windows.transpose(1, 0, 2))
        for layer in self._layers:
            steps = layer.run(steps)
        raw = np.maximum(steps[-1] @ self._out + self._bias, 0)
        vectors: Array = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-9)
        return vectors


class _Layer:
    """One LSTM layer; the gates stand in PyTorch's order: in, forget, cell, out."""

    def __init__(self, weights: Weights, number: int) -> None:
        self._input = np.ascontiguousarray(weights[f"lstm.weight_ih_l{number}"].T)
        self._state = np.ascontiguousarray(weights[f"lstm.weight_hh_l{number}"].T)
        self._bias = weights[f"lstm.bias_ih_l{number}"] + weights[f"lstm.bias_hh_l{number}"]

    def run(self, steps: Array) -> Array:
        """Return the states after each step, (steps, windows, size), of inputs shaped alike."""
        count, windows, _ = steps.shape
        size = len(self._state)
        drive = steps.reshape(count * windows, -1) @ self._input
        drive = (drive + self._bias).reshape(count, windows, 4 * size)
        state, cell = np.zeros((2, windows, size), np.float32)
        states = np.empty((count, windows, size), np.float32)
        for step in range(count):
            gates = drive[step] + state @ self._state
            admit, keep = np.split(_sigmoid(gates[:, : 2 * size]), 2, axis=1)
            cell = keep * cell + admit * np.tanh(gates[:, 2 * size : 3 * size])
            state = _sigmoid(gates[:, 3 * size :]) * np.tanh(cell)
            states[step] = state
        return states


def mel_frames(samples: Samples) -> Array:
    """Return the mel power spectrum, (frames, 40), a frame for each 10 ms, centred on its time."""
    padded = np.pad(samples, _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    power = np.empty((len(frames), _MELS), np.float32)
    window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    for start in range(0, len(frames), 2_000):
        spectrum = np.fft.rfft(frames[start : start + 2_000] * window, axis=1)
        power[start : start + 2_000] = np.square(np.abs(spectrum)) @ _mel_filters().T
    return power


def levelled(samples: Samples, speech: Samples) -> Samples:
    """Return the samples made as loud as the encoder expects, judged by the speech among them."""
    rms = float(np.sqrt(np.mean(np.square(speech, dtype=np.float64)))) if len(speech) else 0.0
    if not 0 < rms < _TARGET_RMS:
        return samples
    louder: Samples = samples * np.float32(_TARGET_RMS / rms)
    return louder


def _sigmoid(values: Array) -> Array:
    halved: Array = np.tanh(values * np.float32(0.5)) * np.float32(0.5) + np.float32(0.5)
    return halved


@cache
def _mel_filters() -> Array:
    """Return triangles of equal area on the mel scale (Slaney's), shape (40, 201)."""
    edges = _from_mel(np.linspace(0, _to_mel(SAMPLE_RATE / 2), _MELS + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, _FFT // 2 + 1)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    triangles = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    return triangles.astype(np.float32)


# Slaney's scale: linear up to 1 kHz, then 27 steps for each factor of 6.4.
_LINEAR_HZ = 200 / 3
_KNEE_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27


def _to_mel(hertz: float) -> float:
    if hertz < _KNEE_HZ:
        return hertz / _LINEAR_HZ
    return float(_KNEE_HZ / _LINEAR_HZ + np.log(hertz / _KNEE_HZ) / _LOG_STEP)


def _from_mel(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = _KNEE_HZ / _LINEAR_HZ
    above = _KNEE_HZ * np.exp(_LOG_STEP * (mels - knee))
    return np.where(mels < knee, mels * _LINEAR_HZ, above)
