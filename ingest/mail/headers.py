"""Mail headers as plain values, whatever state they are in."""

import re
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from crm.errors import BadInput
from ingest.identity import Person
from ingest.wording import clean_label, decode_text

MAX_HEADER_CHARS = 50_000
MAX_PEOPLE = 300

_ADDRESS = re.compile(r"[^\s<>,;:\"'()\[\]]{1,120}@[\w.-]{1,200}")
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,500})>")


def read_header(message: Message, name: str) -> str:
    """Return a header decoded, on one line; empty if it is missing, cut if it is absurdly long."""
    return _decode(_raw(message, name))


def read_people(message: Message) -> list[Person]:
    """Return sender and recipients, each address once, in the order from, to, cc."""
    people: dict[str, Person] = {}
    for header, role in (("from", "from"), ("to", "to"), ("cc", "cc")):
        for name, email in _addresses(_raw(message, header)):
            key = email or name.casefold()
            if key and key not in people and len(people) < MAX_PEOPLE:
                people[key] = Person(name=name or email, email=email or None, role=role)
    return list(people.values())


def read_date(message: Message) -> datetime:
    """Return the Date header as an aware time in UTC; BadInput if there is none or it is no date.

    A date that states no zone is taken as UTC.
    """
    raw = _raw(message, "date").strip()
    if not raw:
        raise BadInput("no Date header: the mail cannot be placed in time")
    try:
        date = parsedate_to_datetime(raw)
        date = (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError, IndexError) as error:
        raise BadInput(f"Date header {raw[:100]!r} is not a date") from error
    if not 1980 <= date.year <= 2200:
        raise BadInput(f"Date header {raw[:100]!r} lies outside 1980-2200")
    return date


def read_ids(message: Message, name: str) -> list[str]:
    """Return the message ids in a header, without their angle brackets."""
    raw = _raw(message, name)
    found = [clean_label(one, 500) for one in _MESSAGE_ID.findall(raw)]
    bare = clean_label(raw, 500)
    return found or ([bare] if bare and " " not in bare else [])


def _raw(message: Message, name: str) -> str:
    # The parsed headers of policy.default raise on malformed values; the raw ones never do.
    for key, value in message.raw_items():
        if key.lower() == name:
            return str(value)[:MAX_HEADER_CHARS]
    return ""


def _addresses(raw: str) -> list[tuple[str, str]]:
    """Return (name, lower-case address) pairs of a header."""
    flat = " ".join(raw.split())
    pairs = [(_person_name(n), a.strip().lower()) for n, a in getaddresses([flat]) if "@" in a]
    if not pairs:
        # Strict parsing gives up on unquoted commas and the like: the addresses are still there.
        pairs = [("", address.lower()) for address in _ADDRESS.findall(flat)]
    if not pairs and flat:
        pairs = [(_person_name(flat), "")]
    return [(name, clean_label(address, 320)) for name, address in pairs]


def _person_name(raw: str) -> str:
    """Return a display name, `Meyer, Anna` turned round."""
    name = _decode(raw).strip("'\" ")
    last, comma, first = name.partition(", ")
    is_reversed = comma and "," not in first and len(first.split()) <= 2 and len(last.split()) <= 2
    return f"{first} {last}" if is_reversed else name


def _decode(raw: str) -> str:
    try:
        parts = decode_header(raw)
    except (HeaderParseError, ValueError, LookupError):
        parts = [(raw, None)]
    texts = [_decode_part(part, charset) for part, charset in parts]
    return clean_label("".join(texts))


def _decode_part(part: str | bytes, charset: str | None) -> str:
    if isinstance(part, str):
        # Bytes that were never encoded arrive as surrogates.
        raw = part.encode("utf-8", "surrogateescape")
        return decode_text(raw)
    return decode_text(part, charset)
