"""Blanks what Chroma leaves in the files of a vector graph without ever having written it.

The graph's library reserves room for vectors to come and saves that room as it finds it: with
whatever the process held there before, such as names that were read a moment ago.
"""

import struct
from pathlib import Path

_HEADER = struct.Struct("<i5Q")
_VERSION = 1
_LENGTH_BYTES = 4


def blank_unused(folder: Path) -> None:
    """Fill with zeros the room for vectors to come, in every graph under the folder.

    Nobody else may be writing the graphs. A file of another version than is known stays as it is.
    """
    for header in folder.glob("*/header.bin"):
        found = header.read_bytes()[: _HEADER.size]
        if len(found) < _HEADER.size:
            continue
        version, _offset, _room, count, bytes_each, _label = _HEADER.unpack(found)
        if version == _VERSION:
            _blank(header.with_name("data_level0.bin"), count * bytes_each)
            _blank(header.with_name("length.bin"), count * _LENGTH_BYTES)


def _blank(path: Path, start: int) -> None:
    if not path.exists() or path.stat().st_size <= start:
        return
    with path.open("r+b") as file:
        unused = path.stat().st_size - start
        file.seek(start)
        file.write(bytes(unused))
