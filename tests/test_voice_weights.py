"""The voice encoder's weights are read without trust: numbers only, whole, or not at all."""

import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crm.errors import PermanentError
from ingest.speech.voice_weights import read_weights

MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}


def tensor(key: str, size: tuple[int, ...], *, offset: int = 0, stride: Any = None) -> bytes:
    """The pickle opcodes of one tensor, as PyTorch writes them."""
    strides = stride or tuple(int(np.prod(size[axis + 1 :])) for axis in range(len(size)))
    storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\n" + text(key) + text("cpu")
    storage += integer(4) + b"NtQ"
    shape = b"(" + b"".join(integer(one) for one in size) + b"t"
    steps = b"(" + b"".join(integer(one) for one in strides) + b"t"
    hooks = b"ccollections\nOrderedDict\n)R"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + integer(offset) + shape + steps
        + b"\x89" + hooks + b"tR"
    )  # fmt: skip


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def integer(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def checkpoint(
    tensors: dict[str, bytes], storages: dict[str, np.ndarray], *, magic: int = MAGIC
) -> bytes:
    """A file in PyTorch's older format."""
    state = b"ccollections\nOrderedDict\n)R("
    state += b"".join(text(name) + opcodes for name, opcodes in tensors.items()) + b"u"
    head = b"\x80\x02}" + text("model_state") + state + b"s."
    parts = [pickle.dumps(magic, 2), pickle.dumps(1001, 2), pickle.dumps(SYSTEM, 2), head]
    parts.append(pickle.dumps(list(storages), 2))
    for numbers in storages.values():
        parts.append(struct.pack("<q", len(numbers)) + numbers.astype("<f4").tobytes())
    return b"".join(parts)


def good() -> bytes:
    return checkpoint({"a": tensor("7", (2, 3)), "b": tensor("8", (2,), offset=1)}, numbers())


def numbers() -> dict[str, np.ndarray]:
    return {"7": np.arange(6), "8": np.array([9.0, 8.0, 7.0])}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def to_file(data: bytes) -> Path:
        path = tmp_path / "voice.pt"
        path.write_bytes(data)
        return path

    return to_file


def test_arrays_come_back_with_their_shapes_and_offsets(write: Callable[[bytes], Path]) -> None:
    weights = read_weights(write(good()))
    assert weights["a"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert weights["b"].tolist() == [8.0, 7.0]
    assert weights["a"].dtype == np.float32


def test_a_pickle_that_calls_something_is_refused_before_the_call(
    write: Callable[[bytes], Path], tmp_path: Path
) -> None:
    trace = tmp_path / "called"

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (trace,)

    for place in range(4):
        parts: list[Any] = [MAGIC, 1001, SYSTEM, {"model_state": OrderedDict()}]
        parts[place] = Evil()
        path = write(b"".join(pickle.dumps(part, 2) for part in parts) + pickle.dumps([], 2))
        with pytest.raises(PermanentError, match="has no place in a file of weights"):
            read_weights(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "name", ["os system", "builtins eval", "numpy _core.multiarray", "torch load", "posix system"]
)
def test_no_other_name_is_let_in(write: Callable[[bytes], Path], name: str) -> None:
    module, _, function = name.partition(" ")
    call = f"c{module}\n{function}\n".encode() + b"(" + text("true") + b"tR"
    with pytest.raises(PermanentError, match="has no place"):
        read_weights(write(checkpoint({"a": call}, numbers())))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "setup"),
        (b"PK\x03\x04 a zip file", "setup"),
        (checkpoint({}, {}, magic=5), "no file of weights"),
        (good()[:-4], "ends 4 bytes early"),
        (good()[:-20], "early"),
        (good()[:60], "setup"),
        (checkpoint({"a": tensor("7", (7,))}, numbers()), "outside its storage"),
        (checkpoint({"a": tensor("8", (3,), offset=-1)}, numbers()), "outside its storage"),
        (checkpoint({"a": tensor("9", (1,))}, numbers()), "'9'"),
        (checkpoint({"a": tensor("7", (2, 3), stride=(1, 2))}, numbers()), "in one piece"),
    ],
)
def test_what_is_damaged_is_refused_with_a_reason(
    write: Callable[[bytes], Path], data: bytes, reason: str
) -> None:
    with pytest.raises(PermanentError, match=reason) as caught:
        read_weights(write(data))
    assert "sales-copilot setup" in str(caught.value)


def test_a_flipped_byte_is_refused_or_changes_numbers_only(write: Callable[[bytes], Path]) -> None:
    whole = good()
    refused = 0
    for place in range(0, len(whole), 3):
        flipped = whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :]
        try:
            weights = read_weights(write(flipped))
        except PermanentError:
            refused += 1
        else:
            assert all(array.dtype == np.float32 for array in weights.values())
    assert refused > len(whole) / 3 / 2


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"No such file.*sales-copilot setup"):
        read_weights(tmp_path / "none.pt")
