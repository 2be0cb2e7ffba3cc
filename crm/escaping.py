"""Makes text from outside harmless where it is written: terminals, tables, JSON, Slack, logs."""

import csv
import json
import re
import unicodedata
from collections.abc import Iterable
from typing import IO, Any

# What steers a terminal or turns the reading direction; line ends and tabs are told apart.
_STEERING = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f"
)
_STEERS = re.compile(f"[{_STEERING}]")
_STEERS_LINE = re.compile(f"[\n\t{_STEERING}\u2028\u2029]")
_LINE_ENDS = re.compile("\r\n?|\x85|\u2028|\u2029")
# JSON itself escapes what lies below the space.
_RAW_IN_JSON = re.compile(
    "[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]"
)
_LONE_SURROGATE = "\ufffd"

# What makes a spreadsheet compute: the sign in any width, also behind blanks and invisible signs.
_FORMULA_STARTS = frozenset("=+-@")
_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:[,. '’]\d{3})+)(?:[.,]\d+)?(?:[eE][+-]?\d+)?\s?%?")

_SLACK = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SLACK_SIGN = re.compile("[&<>]")
_MENTION = re.compile(r"@(?=(?:channel|here|everyone|group|all)\b)", re.IGNORECASE)
_JOINER = "\u2060"


def for_terminal(text: str) -> str:
    """Return text that a terminal only shows: no sequences, no turned direction; lines stay."""
    return _STEERS.sub("\ufffd", _LINE_ENDS.sub("\n", text))


def for_log(text: str) -> str:
    """Return text as one line of a log: what would begin another, or steer, is spelled out."""
    return _STEERS_LINE.sub(_spelled, text)


def for_json(document: Any, *, indent: int | None = None) -> str:
    """Return the document as JSON that reads well and steers no terminal; the values are as given.

    What JSON has no type for stands as its text. Half a surrogate pair becomes U+FFFD.
    """
    text = json.dumps(document, ensure_ascii=False, indent=indent, default=str)
    return _RAW_IN_JSON.sub(_escaped, text)


def for_cell(value: object) -> object:
    """Return a value for a cell of CSV or XLSX: text that a spreadsheet would compute is quoted.

    Numbers, as numbers or as text, stay: "-5", "+3.2", "-1,234.50", "-5 %".
    """
    if not isinstance(value, str):
        return value
    text = _STEERS.sub("\ufffd", value.replace("\r\n", "\n").replace("\r", "\n"))
    shown = unicodedata.normalize("NFKC", text).lstrip()
    first = next((char for char in shown if unicodedata.category(char) not in ("Cf", "Zs")), "")
    computes = first in _FORMULA_STARTS and not _NUMBER.fullmatch(text.strip())
    return f"'{text}" if computes or text[:1] in ("\t", "\n") else text


class CellWriter:
    """Writes rows of CSV in which no cell is a formula."""

    def __init__(self, file: IO[str]) -> None:
        self._writer = csv.writer(file)

    def write(self, row: Iterable[object]) -> None:
        """Write one row."""
        self._writer.writerow([for_cell(cell) for cell in row])


def for_slack(text: str) -> str:
    """Return text for Slack's mrkdwn: no links, no mentions, nobody called to the channel."""
    return without_calls(_SLACK_SIGN.sub(lambda sign: _SLACK[sign[0]], text))


def without_calls(text: str) -> str:
    """Return text that calls nobody when it is pasted into a chat: "@channel" is only a word."""
    return _MENTION.sub(f"@{_JOINER}", text)


def _spelled(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return _LONE_SURROGATE if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"
