"""Reads the voice encoder's published weights, a PyTorch file, without PyTorch and without trust.

The file is five pickles and the raw numbers. A pickle may name any function to be called; the
reader here knows three names, and calls code of its own for each of them.
"""

import pickle  # only behind a reader that admits three names
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from crm.errors import PermanentError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_FLOAT = "float32"
_MAX_NUMBERS = 100_000_000

Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage: where its numbers lie."""

    storage: str
    offset: int
    shape: tuple[int, ...]

    def of(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        count = int(np.prod(self.shape, dtype=np.int64))
        if not 0 <= self.offset <= self.offset + count <= len(numbers):
            raise ValueError(f"a tensor of {count} numbers lies outside its storage")
        return numbers[self.offset : self.offset + count].reshape(self.shape)


class _Reader(pickle.Unpickler):
    """Admits what weights are made of; every other name is refused before anything is called."""

    def find_class(self, module: str, name: str) -> Callable[..., Any] | str:
        match module, name:
            case "collections", "OrderedDict":
                return _Named
            case "torch._utils", "_rebuild_tensor_v2":
                return _rebuild
            case "torch", "FloatStorage":
                return _FLOAT
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")

    def persistent_load(self, pid: Any) -> str:
        match pid:
            case ("storage", "float32", str(key), str(), int(), None):
                return key
        raise pickle.UnpicklingError("a storage is not described as expected")


class _Named(dict[str, Any]):
    """An ordered dictionary; the attributes that PyTorch hangs on it are dropped."""

    def __setstate__(self, state: Any) -> None:
        """Take nothing."""


def _rebuild(
    storage: str, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> _Tensor:
    expected = tuple(int(np.prod(shape[axis + 1 :], dtype=np.int64)) for axis in range(len(shape)))
    if tuple(stride) != expected:
        raise pickle.UnpicklingError("a tensor does not lie in one piece")
    return _Tensor(storage, int(offset), tuple(int(size) for size in shape))


def read_weights(path: Path, section: str = "model_state") -> Weights:
    """Return the arrays of one section by name, float32.

    PermanentError if the file is missing, damaged, or holds anything but weights.
    """
    try:
        with path.open("rb") as file:
            tensors = _read_head(file)[section]
            storages = _read_storages(file)
        return {
            name: tensor.of(storages[tensor.storage]).copy() for name, tensor in tensors.items()
        }
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except (pickle.UnpicklingError, ValueError, KeyError, IndexError, EOFError) as error:
        reason = str(error) or type(error).__name__
    except (TypeError, AttributeError, ImportError, MemoryError, OverflowError) as error:
        # What a damaged pickle leads to depends on the byte that was hit.
        reason = f"it is damaged ({type(error).__name__})"
    raise PermanentError(
        f"the voice model {str(path)!r} cannot be read: {reason}; run `sales-copilot setup`"
    )


def _read_head(file: BinaryIO) -> Any:
    if _Reader(file).load() != _MAGIC or _Reader(file).load() != _PROTOCOL:
        raise ValueError("it is no file of weights")
    if not _Reader(file).load().get("little_endian"):
        raise ValueError("its numbers are not little-endian")
    return _Reader(file).load()


def _read_storages(file: BinaryIO) -> dict[str, NDArray[np.float32]]:
    """Return the numbers behind each key, in the order in which the file lists them."""
    storages = {}
    for key in _Reader(file).load():
        count = int(np.frombuffer(_exactly(file, 8), "<i8")[0])
        if not 0 <= count <= _MAX_NUMBERS:
            raise ValueError(f"a storage of {count} numbers")
        storages[str(key)] = np.frombuffer(_exactly(file, 4 * count), "<f4")
    return storages


def _exactly(file: BinaryIO, size: int) -> bytes:
    got = file.read(size)
    if len(got) != size:
        raise EOFError(f"it ends {size - len(got)} bytes early")
    return got
