"""Erases again who had been erased before a backup was restored that still knows them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from copilot.erasing import Workspace, erase_person
from crm.audit.marks import BLOTTED, erased_user
from crm.audit.suppressing import (
    ERASE,
    Erasure,
    Suppressed,
    load_erasures,
    person_keys,
    row_key,
    standing,
)
from crm.audit.trail import Deed, record
from crm.errors import BadInput
from crm.models import Account, Contact, Lead, User
from crm.principal import Principal
from crm.store import Store

_REASON = "was erased before this backup was restored"


def erasures_in(database: Path) -> list[Erasure]:
    """Return the erasures that a workspace's own database knows; none if it cannot be read."""
    if not database.is_file():
        return []
    with closing(Store.sqlite(database)) as store:
        try:
            with store.session() as session:
                return load_erasures(session)
        except DatabaseError:
            return []


def read_erasures(trail: Path) -> list[Erasure]:
    """Return the erasures in a trail that `audit export` wrote. Raises BadInput for other files."""
    try:
        with trail.open(encoding="utf-8") as lines:
            events = [json.loads(line) for line in lines if line.strip()]
            return standing((one["action"], one["object"], one["detail"]) for one in events)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = getattr(error, "strerror", None) or "it has other lines than `audit export` writes"
        raise BadInput(f"{str(trail)!r} cannot be read as a trail: {why}") from None


def erase_again(
    place: Workspace, erasures: Sequence[Erasure], *, principal: Principal, now: datetime
) -> tuple[str, ...]:
    """Take over the erasures that the trail does not know, and erase whom they are of.

    Returns the addresses of the contacts, leads and users that were there and are gone now.
    """
    asked: dict[str, Any] = {"principal": principal, "now": now}
    with place.store.session() as session:
        known = set(load_erasures(session))
        new = tuple(one for one in erasures if one not in known)
        for one in new:
            deed = Deed(ERASE, one.address, after={"suppress": one.as_json()}, reason=_REASON)
            record(session, deed, **asked)
        back = list(_people(session, Suppressed(new))) if new else []
    done: dict[str, None] = {}
    for address in back:
        if address not in done:
            made = erase_person(place, address, reason=_REASON, **asked)
            done |= dict.fromkeys(made.records)
    return tuple(done)


def _people(session: Session, erased: Suppressed) -> Iterator[str]:
    """Yield the addresses of people in the records who were erased."""
    statement = (
        select(Contact, Account.name)
        .outerjoin(Account, Account.id == Contact.account_id)
        .execution_options(yield_per=500)
    )
    for contact, company in session.execute(statement):
        keys = person_keys(contact.name, contact.email, phone=contact.phone, company=company)
        yield from _found("contact", contact, keys, erased)
    for lead in session.scalars(select(Lead).execution_options(yield_per=500)):
        yield from _found(
            "lead", lead, person_keys(lead.name, lead.email, company=lead.company), erased
        )
    for user in session.scalars(select(User).execution_options(yield_per=500)):
        yield from _found("user", user, person_keys(user.name, user.email), erased)


def _found(
    kind: str, row: Contact | Lead | User, keys: list[str], erased: Suppressed
) -> Iterator[str]:
    if row.name == BLOTTED or erased_user(row.name) is not None:
        return
    own = row_key(row.__tablename__, row.source, row.external_id)
    if erased.find([own, *keys]) is not None:
        yield f"{kind}:{row.id}"
