"""Marks of what was read already, small enough to be kept in a cursor: eight bytes for each."""

import base64
import binascii
import hashlib
from collections.abc import Iterable

MARK_BYTES = 8


def make_mark(*parts: object) -> bytes:
    """Return the mark of something known by these values; another value makes another mark.

    Of 100,000 different things no two share a mark but with a probability of 3 in 10 billion.
    """
    digest = hashlib.blake2b(digest_size=MARK_BYTES)
    for part in parts:
        raw = str(part).encode("utf-8", "surrogateescape")
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.digest()


def pack_marks(marks: Iterable[bytes]) -> str:
    """Return the marks as text: 1.07 MB for 100,000."""
    return base64.b64encode(b"".join(sorted(marks))).decode("ascii")


def unpack_marks(text: object) -> set[bytes]:
    """Return the marks in a text of `pack_marks`; none from anything else."""
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        raw = b""
    whole = len(raw) - len(raw) % MARK_BYTES
    return {raw[start : start + MARK_BYTES] for start in range(0, whole, MARK_BYTES)}
