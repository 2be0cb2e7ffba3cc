"""Which text encoding and delimiter a file has, told from the whole file before any row is read."""

import codecs
import csv
import re
from collections import Counter
from pathlib import Path

from crm.errors import BadInput

_CHUNK = 1 << 20
_SAMPLE_LINES = 30
_DELIMITERS = (",", ";", "\t", "|")
_DOUBLE_BYTES = re.compile(rb"(?:[\x81-\xfe][\x40-\x7e\x80-\xfe]){2,}")
# Fewer characters than this say nothing about how often each comes.
_FEW = 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FORMATS = {
    b"PK\x03\x04": "a zip archive or Office document",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old .xls workbook",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x1f\x8b": "a gzip archive",
    b"RIFF": "a recording",
    b"SQLite format": "a database",
}


def detect_encoding(path: Path, declared: str | None = None) -> str:
    """Return an encoding in which the whole file decodes; reads it once in pieces.

    Raises:
        BadInput: it is empty, binary, or in no encoding that is recognised.
    """
    head = _head(path)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        raise BadInput(f"{path.name!r} is empty")
    if declared:
        return _declared(path, declared)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return _declared(path, encoding)
    for magic, what in _FORMATS.items():
        if head.startswith(magic):
            raise BadInput(f"{path.name!r} is {what}, not a table; save it as CSV or .xlsx")
    if b"\0" in head:
        return _wide(path, head)
    return _narrow(path)


def sniff_delimiter(path: Path, encoding: str) -> str:
    """Return the delimiter that cuts the first rows into the most cells, the same in each."""
    with path.open(encoding=encoding, newline="") as handle:
        lines = [handle.readline(_CHUNK) for _ in range(_SAMPLE_LINES)]
    lines = [line for line in lines if line.strip()]
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter, strict=False)]
        except csv.Error:
            continue
        width, agreeing = Counter(widths).most_common(1)[0]
        score = (width - 1) * agreeing / len(widths)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            return handle.read(_CHUNK)
    except OSError as error:
        raise BadInput(f"cannot read {str(path)!r}: {error.strerror}") from error


def _declared(path: Path, encoding: str) -> str:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise BadInput(f"unknown encoding {encoding!r}; for example utf-8, gb18030") from None
    bad = _first_bad_byte(path, encoding)
    if bad is not None:
        raise BadInput(f"{path.name!r} is not {encoding!r} near byte {bad}; set `encoding:`")
    return encoding


def _wide(path: Path, head: bytes) -> str:
    even, odd = head[0::2].count(0), head[1::2].count(0)
    many = len(head) // 8
    if max(even, odd) > many and min(even, odd) < many:
        return _declared(path, "utf-16-le" if odd > even else "utf-16-be")
    raise BadInput(f"{path.name!r} is binary, not a table; save it as CSV or .xlsx")


def _narrow(path: Path) -> str:
    bad = _first_bad_byte(path, "utf-8")
    if bad is None:
        return "utf-8"
    pairs = _pairs(path)
    high = _high_bytes(path)
    if _utf8_share(high) > 0.9:
        raise BadInput(
            f"{path.name!r} looks like UTF-8 but is broken near byte {bad}; "
            "mend it or set `encoding:`"
        )
    if len(b"".join(pairs)) > 0.5 * _count_high(high) and not _is_simplified(pairs):
        raise BadInput(
            f"{path.name!r} is in an East Asian encoding that cannot be told for certain; set "
            "`encoding:` in the mapping, for example big5, shift_jis, euc_kr or gb18030"
        )
    order = ("gb18030", "cp1252") if _is_chinese(high) else ("cp1252", "gb18030")
    for encoding in order:
        if _first_bad_byte(path, encoding) is None:
            return encoding
    raise BadInput(f"{path.name!r} is in no encoding known here; set `encoding:` in the mapping")


def _first_bad_byte(path: Path, encoding: str) -> int | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    position = 0
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeError as error:
                return position + getattr(error, "start", 0)
            position += len(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeError:
        return position
    return None


def _high_bytes(path: Path) -> list[bytes]:
    """Return runs of bytes above ASCII, with the byte after each, from all over the file."""
    runs: list[bytes] = []
    with path.open("rb") as handle:
        while (chunk := handle.read(_CHUNK)) and len(runs) < 20_000:
            runs += re.findall(rb"[\x80-\xff]+[\x40-\x7e]?", chunk)[:5_000]
    return runs


def _pairs(path: Path) -> list[bytes]:
    """Return the runs of two and more double-byte characters: Western text has hardly any."""
    with path.open("rb") as handle:
        runs: list[bytes] = []
        while (chunk := handle.read(_CHUNK)) and len(runs) < 20_000:
            runs += _DOUBLE_BYTES.findall(chunk)[:5_000]
    return runs


def _count_high(runs: list[bytes]) -> int:
    return sum(byte >= 0x80 for run in runs for byte in run)


def _is_simplified(runs: list[bytes]) -> bool:
    """Say whether the characters lie where those of Simplified Chinese do in GB 2312.

    Big5 and Shift-JIS fall outside its characters, EUC-JP among its kana, and the Hangul
    of EUC-KR in the first part of them only.
    """
    pairs = [run[at : at + 2] for run in runs for at in range(0, len(run), 2)]
    leads = [pair[0] for pair in pairs if pair[1] >= 0xA1 and 0xA1 <= pair[0] <= 0xF7]
    kana = sum(lead in (0xA4, 0xA5) for lead in leads)
    late = sum(lead >= 0xC9 for lead in leads)
    is_usual = len(leads) >= 0.85 * len(pairs) and kana <= 0.1 * len(leads)
    return is_usual and (len(leads) < _FEW or late >= 0.05 * len(leads))


def _utf8_share(runs: list[bytes]) -> float:
    def is_valid(run: bytes) -> bool:
        try:
            run.rstrip(bytes(range(0x40, 0x7F))).decode("utf-8")
        except UnicodeDecodeError:
            return False
        return True

    return sum(map(is_valid, runs)) / max(1, len(runs))


def _is_chinese(runs: list[bytes]) -> bool:
    """Chinese text is made of pairs of high bytes; Western text has them one by one."""
    paired = sum(len(re.findall(rb"[\xa1-\xf7][\xa1-\xfe]", run)) * 2 for run in runs)
    high = sum(len(run.rstrip(bytes(range(0x40, 0x7F)))) for run in runs)
    return paired >= 0.7 * high
