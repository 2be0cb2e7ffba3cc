"""Tells words that give orders to whoever writes for us from words that speak to us."""

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TypeVar

from sqlalchemy.orm.attributes import set_committed_value

from copilot.grounding.pack.orders import COMPACT, FAMILIES, HAN_GAP
from crm.models import Account, Contact, Opportunity, Product
from tools.language import has_han, to_simplified

Named = TypeVar("Named", Account, Contact, Opportunity, Product)
_TAG_BASE = 0xE0000
_TAGS = range(_TAG_BASE + 0x20, _TAG_BASE + 0x7F)
# Letters of other alphabets that look like Latin ones.
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһӏԛԝпгтмкнвАЕОРСУХІЈЅНВМТКοαενικρτυχΟΑΕΝΙΚΡΤΥΧΗΒΜΖɡıⅼ",
    "aeopcyxijsdhlqwnrtmkhbAEOPCYXIJSHBMTKoaevikptuxOAENIKPTYXHBMZgil",
)
_DIGIT_LETTERS = str.maketrans("01345@$", "oieasas")
_MIXED_WORD = re.compile(r"\b(?=\w*[a-z@$])(?=\w*[01345@$])[a-z01345@$]{4,}\b", re.IGNORECASE)
_SPACED = re.compile(r"(?:\b[a-z][\s.\-_*|/·]{1,3}){4,}[a-z]\b", re.IGNORECASE)
_BLOB = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_LONGEST = 20_000
_DEEPEST = 2


def orders_the_writer(text: str) -> bool:
    """Say whether a text gives orders to an assistant that writes, or imitates one's prompt.

    English and Chinese, whatever hides it: signs without width, full-width or look-alike letters,
    spaces within words, HTML, base64. "Please ignore my last mail" is said to us and is no order.
    """
    return _is_hostile(text[:_LONGEST], 0)


def _is_hostile(text: str, depth: int) -> bool:
    for view in _views(text):
        lowered = view.lower()
        if any(family.matches(view, lowered) for family in FAMILIES):
            return True
    plain = _plain(text)
    return _is_compact_order(plain) or _hides(plain, depth)


def _views(text: str) -> Iterator[str]:
    """Yield the text as a reader or a model would take it, each reading once."""
    plain = _plain(text)
    views = [plain]
    if not plain.isascii():
        views.append(plain.translate(_LOOKALIKES))
    if _MIXED_WORD.search(plain):
        views.append(_MIXED_WORD.sub(lambda word: word.group().translate(_DIGIT_LETTERS), plain))
    hidden = "".join(chr(ord(char) - _TAG_BASE) for char in text if ord(char) in _TAGS)
    if hidden:
        views.append(hidden)
    yield from dict.fromkeys(views)


def _plain(text: str) -> str:
    """Return the text in plain width and Simplified characters, without invisible signs."""
    if text.isascii() and "&" not in text:
        return text
    shown = unicodedata.normalize("NFKC", html.unescape(text))
    shown = "".join(char for char in shown if unicodedata.category(char) != "Cf")
    shown = shown.replace("’", "'")
    return HAN_GAP.sub("", to_simplified(shown)) if has_han(shown) else shown


def _is_compact_order(plain: str) -> bool:
    """Say whether letters spelled one by one make an order."""
    latin = plain.translate(_LOOKALIKES)
    if not _SPACED.search(latin):
        return False
    joined = re.sub(r"[^a-z]", "", latin.lower())
    return any(pattern.search(joined) for pattern in COMPACT)


def _hides(plain: str, depth: int) -> bool:
    """Say whether a blob of base64 in the text decodes to an order."""
    if depth >= _DEEPEST:
        return False
    return any(_is_hostile(decoded, depth + 1) for decoded in _decoded(plain))


def _decoded(plain: str) -> Iterator[str]:
    for match in _BLOB.finditer(plain):
        blob = match.group().rstrip("=").replace("-", "+").replace("_", "/")
        try:
            raw = base64.b64decode(blob + "=" * (-len(blob) % 4), validate=True)
            text = raw.decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            continue
        if text.isprintable() or "\n" in text:
            yield text


_NO_NAME = re.compile(
    r"[:：!！?？。；;<>{}\[\]%=|\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|https?|\d{3}",
    re.IGNORECASE,
)
_LONGEST_NAME = 60


def is_persons_name(text: str) -> bool:
    """Say whether a label may be told as somebody's name; a mail's sender writes it himself."""
    plain = text.strip()
    if not 0 < len(plain) <= _LONGEST_NAME or orders_the_writer(plain):
        return False
    return "@" in plain or not _NO_NAME.search(plain)


# What no name of a company, a product or a deal holds: addresses, markup, signs that nobody sees,
# percentages, and the ends of sentences.
_NO_TITLE = re.compile(
    r"[\n\r<>{}\[\]\\`@%％。！？；|\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060-\u2069\ufeff]"
    r"|[\U000e0000-\U000e007f]|://|\bwww\.|[.:!?;]\s+\w+(?:\s+\w+){2}|^\s*[=+\-@]"
)
_LONGEST_TITLE = 90
_SENTENCE = 14


def is_title(text: str) -> bool:
    """Say whether a text may be told as the name of a company, a product, a deal or a task."""
    plain = unicodedata.normalize("NFC", text).strip()
    columns = len(plain) + sum(has_han(char) for char in plain)
    if not 0 < columns <= _LONGEST_TITLE or len(plain.split()) > _SENTENCE:
        return False
    return not _NO_TITLE.search(plain) and not orders_the_writer(plain)


def name_plainly(rows: Iterable[Named]) -> list[Named]:
    """Return loaded rows; where a name is none, its number stands for it.

    Nothing of it is written back: the session takes the number for what the database holds.
    """
    kept = list(rows)
    for row in kept:
        if not is_title(row.name):
            set_committed_value(row, "name", f"№ {row.id}")
    return kept


def told_name(entity: str, row_id: int | None, name: str | None) -> str:
    """Return a row's name, or its address where the name reads as none; others chose it."""
    fits = is_persons_name if entity in ("contact", "lead") else is_title
    if name and fits(name):
        return name
    return f"{entity}:{row_id}" if row_id is not None else entity


def name_and_address(entity: str, row_id: int | None, name: str | None) -> str:
    """Return how one row is told from another: its name with its address, or the address alone."""
    address = f"{entity}:{row_id}"
    told = told_name(entity, row_id, name)
    return told if told == address else f"{told} ({address})"


def told_value(text: str) -> str:
    """Return what a field of a record holds for a sentence of ours: in quotes if it is no name."""
    if is_title(text) or is_persons_name(text):
        return text
    return f"“{' '.join(text.split())[:_LONGEST_NAME]}”"
