"""How vectors are named: `passage:chunk:digest of the passage's text`."""

import zlib


def name_of(passage_id: int, chunk: int, text: str) -> str:
    """Return the id of the vector of one chunk of a passage with this text."""
    return f"{passage_id}:{chunk}:{digest_of(text)}"


def digest_of(text: str) -> str:
    """Return the digest of a passage's text that its vectors carry in their ids."""
    return f"{zlib.crc32(text.encode('utf-8', 'replace')):08x}"


def passage_of(vector_id: str) -> int:
    """Return the id of the passage that a vector belongs to."""
    return int(vector_id.partition(":")[0])


def without_chunk(vector_id: str) -> str:
    """Return the vector's id without the number of its chunk."""
    passage_id, _, digest = vector_id.split(":")
    return f"{passage_id}:{digest}"
