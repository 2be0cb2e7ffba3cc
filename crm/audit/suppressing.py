"""Who was erased, kept as keyed fingerprints, so that nothing brings them back.

They hold no clear word, stand in the trail, in the details of `person.erase`, and so go wherever
the records go. The key is drawn once an installation and stands beside them: whoever holds the
database can ask whether an address he knows was erased, and read none.
"""

import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.audit.marks import gaps_of
from crm.models import AuditDetail, AuditEvent

ERASE, READMIT = "person.erase", "person.readmit"
_DIGEST_BYTES = 12
_PHONE_DIGITS = 8


@dataclass(frozen=True)
class Erasure:
    """One erasure: of whom, when, and the fingerprints under their key, all in hexadecimal."""

    address: str
    at: datetime
    salt: str
    marks: tuple[str, ...]

    @classmethod
    def of(cls, address: str, at: datetime, salt: str, keys: Iterable[str]) -> Self:
        """Return the erasure of whoever has these keys."""
        marks = tuple(sorted({_fingerprint(salt, key) for key in keys}))
        return cls(address, at, salt, marks)

    @classmethod
    def read(cls, address: str, detail: Mapping[str, Any] | None) -> Self | None:
        """Return what a detail of `person.erase` keeps; None where it keeps no fingerprints."""
        kept = ((detail or {}).get("after") or {}).get("suppress")
        if not kept:
            return None
        at = datetime.fromisoformat(kept["at"])
        return cls(address, at, str(kept["salt"]), tuple(kept["marks"]))

    def as_json(self) -> dict[str, Any]:
        """Return what the detail keeps."""
        return {"at": self.at.isoformat(), "salt": self.salt, "marks": list(self.marks)}


@dataclass(frozen=True)
class Suppressed:
    """All who were erased and not let back in; false where there is nobody."""

    erasures: tuple[Erasure, ...] = ()

    def __bool__(self) -> bool:
        """Say whether there is anybody."""
        return bool(self.erasures)

    def find(self, keys: Iterable[str]) -> Erasure | None:
        """Return the erasure of somebody who has one of the keys."""
        wanted = list(keys)
        for salt, known in self._by_salt.items():
            for key in wanted:
                found = known.get(_fingerprint(salt, key))
                if found is not None:
                    return found
        return None

    def is_same_text(self, kept: object, text: object) -> bool:
        """Say whether a text is the kept one with what was erased still in it."""
        if not (self.erasures and isinstance(kept, str) and isinstance(text, str)):
            return False
        gaps = gaps_of(kept, text)
        return bool(gaps) and all(self.find([text_key(gap)]) is not None for gap in gaps)

    @cached_property
    def _by_salt(self) -> dict[str, dict[str, Erasure]]:
        found: dict[str, dict[str, Erasure]] = {}
        for erasure in self.erasures:
            found.setdefault(erasure.salt, {}).update(dict.fromkeys(erasure.marks, erasure))
        return found


def load_suppressed(session: Session) -> Suppressed:
    """Return who was erased, whoever asks: nobody is named by it."""
    return Suppressed(tuple(load_erasures(session)))


def load_erasures(session: Session) -> list[Erasure]:
    """Return the erasures that hold, the first first: none of whom was let back in later."""
    statement = (
        select(AuditEvent.action, AuditEvent.object, AuditDetail.body)
        .outerjoin(AuditDetail, AuditDetail.seq == AuditEvent.seq)
        .where(AuditEvent.action.in_((ERASE, READMIT)))
        .order_by(AuditEvent.seq)
    )
    return standing((row.action, row.object, row.body) for row in session.execute(statement))


def standing(events: Iterable[tuple[str, str, Mapping[str, Any] | None]]) -> list[Erasure]:
    """Return the erasures that hold after events of action, object and detail, in their order."""
    found: list[Erasure] = []
    for action, address, detail in events:
        if action == READMIT:
            found = [one for one in found if one.address != address]
        elif action == ERASE and (erasure := Erasure.read(address, detail)) is not None:
            found.append(erasure)
    return found


def salt_of(session: Session) -> str:
    """Return the installation's key, drawn now where nobody was erased yet."""
    known = load_erasures(session)
    return known[0].salt if known else secrets.token_hex(16)


def row_key(table: str, source: str, external_id: str) -> str:
    """Return by what a record of a source is known again."""
    return f"row|{table}|{source}|{external_id}"


def email_key(email: str) -> str:
    """Return by what an address is known again, whatever its case."""
    return f"email|{email.strip().lower()}"


def text_key(text: str) -> str:
    """Return by what a name or address in a text is known again: not enough to know somebody by."""
    return f"text|{_folded(text)}"


def person_keys(
    name: str | None, email: str | None, *, phone: str | None = None, company: object = None
) -> list[str]:
    """Return by what somebody is known again: by an address, or by a name with something more.

    A name and a company are enough only of somebody who has no address: namesakes are many.
    """
    keys = [email_key(email)] if email and email.strip() else []
    folded = _folded(name or "")
    digits = "".join(char for char in phone or "" if char.isdigit())[-_PHONE_DIGITS:]
    if folded and len(digits) == _PHONE_DIGITS:
        keys.append(f"phone|{folded}|{digits}")
    if folded and company and not keys:
        keys.append(f"at|{folded}|{_folded(str(company))}")
    return keys


def _fingerprint(salt: str, key: str) -> str:
    text = key.encode("utf-8", "surrogatepass")
    return blake2b(text, key=bytes.fromhex(salt), digest_size=_DIGEST_BYTES).hexdigest()


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
