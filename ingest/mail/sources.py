"""Where mails come from: `.eml` files, `.mbox` files and folders of both, read one at a time."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from crm.errors import BadInput

MAX_MESSAGE_BYTES = 40_000_000
SUFFIXES = (".eml", ".mbox")

_ENVELOPE = re.compile(rb"From \S.* \d\d:\d\d(:\d\d)?\b.*\d{4}\b")
_QUOTED_ENVELOPE = re.compile(rb">+From ")
_LINE_BYTES = 1_000_000


@dataclass(frozen=True)
class RawMessage:
    """One mail's bytes and where it was found; `raw` is None when it is too large to read."""

    label: str
    raw: bytes | None


def find_mail_files(path: Path) -> list[Path]:
    """Return the mail files at or under `path`, in a stable order; BadInput if there are none."""
    if not path.exists():
        raise BadInput(f"no such file or folder: {str(path)!r}")
    if path.is_file():
        if path.suffix.lower() not in SUFFIXES:
            raise BadInput(f"{str(path)!r} is neither .eml nor .mbox; rename it if it is a mail")
        return [path]
    found = [
        Path(folder) / name
        for folder, _, names in os.walk(path)
        for name in names
        if name.lower().endswith(SUFFIXES) and not name.startswith(".")
    ]
    if not found:
        raise BadInput(f"no .eml or .mbox file in {str(path)!r} or the folders in it")
    return sorted(found)


def read_messages(path: Path) -> Iterator[RawMessage]:
    """Yield the messages of one file; OSError if it cannot be read."""
    if path.suffix.lower() == ".mbox":
        with path.open("rb") as file:
            yield from _split_mbox(file, path)
        return
    is_too_large = path.stat().st_size > MAX_MESSAGE_BYTES
    yield RawMessage(str(path), None if is_too_large else path.read_bytes())


def _split_mbox(file: BinaryIO, path: Path) -> Iterator[RawMessage]:
    lines: list[bytes] = []
    size = number = 0
    is_after_blank = True
    while line := file.readline(_LINE_BYTES):
        if is_after_blank and _ENVELOPE.match(line):
            if number:
                yield _message(path, number, lines, size)
            number, lines, size = number + 1, [], 0
        else:
            if number == 0 and line.strip():
                raise BadInput(f"{str(path)!r} is not an mbox: it does not begin with 'From '")
            size += len(line)
            if size <= MAX_MESSAGE_BYTES:
                lines.append(line[1:] if _QUOTED_ENVELOPE.match(line) else line)
        is_after_blank = not line.strip()
    if number:
        yield _message(path, number, lines, size)


def _message(path: Path, number: int, lines: list[bytes], size: int) -> RawMessage:
    raw = b"".join(lines) if size <= MAX_MESSAGE_BYTES else None
    return RawMessage(f"{path}#{number}", raw)
