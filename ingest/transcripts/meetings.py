"""Transcripts as meeting programs write them, told apart by what is in the file."""

import re
from collections.abc import Callable, Collection
from pathlib import PurePath

from crm.errors import BadInput
from ingest.transcripts.call import CallFile
from ingest.transcripts.docx import read_docx_lines
from ingest.transcripts.json_call import read_json_call
from ingest.transcripts.meeting_lines import count_heads, read_lines
from ingest.transcripts.subtitles import read_sbv, read_srt, read_vtt
from ingest.wording import decode_text

SNIFF_BYTES = 64_000

_FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "an old Word document: save it as .docx"),
    (b"%PDF", "a PDF: export the transcript as text, .vtt or .docx"),
    (b"{\\rtf", "rich text: save it as .docx or plain text"),
)
_SRT_CUE = re.compile(r"\s*\d{1,6}\s*\n\s*\d[\d:.,]{3,15}\s*-->")
_SBV_CUE = re.compile(r"\s*\d{1,3}:\d\d:\d\d\.\d{1,3},\d{1,3}:\d\d:\d\d\.\d{1,3}\s*\n")
_BY_SUFFIX: dict[str, Callable[[str, str, Collection[str]], CallFile]] = {
    ".vtt": read_vtt,
    ".srt": read_srt,
    ".sbv": read_sbv,
    ".json": lambda text, name, _: read_json_call(text, name),
}


def read_transcript(raw: bytes, name: str, known: Collection[str] = ()) -> CallFile:
    """Return a transcript in any of the formats known, whatever its suffix says.

    Those are WebVTT, SRT, SBV, the JSON of this program, and as text or Word document the forms
    of Zoom (captions and chat), Microsoft Teams, Google Meet, Tencent Meeting and Feishu. `known`
    are names of participants. BadInput says what the file is instead, or what is wrong with it.
    """
    suffix = PurePath(name).suffix.lower()
    if not raw.strip() and suffix not in _BY_SUFFIX:
        raise BadInput(f"{name!r} is empty")
    if raw.startswith(b"PK"):
        return read_lines(read_docx_lines(raw, name), name, known)
    for start, what in _FOREIGN:
        if raw.startswith(start):
            raise BadInput(f"{name!r} is {what}")
    text = _decode(raw, name)
    reader = _reader_of(text) or _BY_SUFFIX.get(suffix)
    return reader(text, name, known) if reader else read_lines(text.splitlines(), name, known)


def is_transcript(raw: bytes, name: str) -> bool:
    """Say whether a text or Word document is a transcript, rather than anything else.

    One that is damaged counts, so that whoever reads it is told.
    """
    try:
        if raw.startswith(b"PK"):
            return count_heads(read_docx_lines(raw, name)[:2_000]) >= 2
        text = _decode(raw[:SNIFF_BYTES], name)
    except BadInput:
        return raw.startswith(b"PK")
    return _reader_of(text) is not None or count_heads(text.splitlines()) >= 2


def _reader_of(text: str) -> Callable[[str, str, Collection[str]], CallFile] | None:
    """Return the reader whose format shows in the text's first characters."""
    start = text[:2_000].lstrip("\ufeff \t\r\n").replace("\r\n", "\n")
    if start.startswith("WEBVTT"):
        return read_vtt
    if _SRT_CUE.match(start):
        return read_srt
    if _SBV_CUE.match(start):
        return read_sbv
    if start.startswith("{") and '"segments"' in text:
        return _BY_SUFFIX[".json"]
    return None


def _decode(raw: bytes, name: str) -> str:
    text = decode_text(raw).lstrip("\ufeff")
    strange = sum(text.count(char) for char in "\x00\ufffd")
    if strange * 50 > len(text):
        raise BadInput(f"{name!r} is no text in an encoding known here: save it as UTF-8")
    return text
