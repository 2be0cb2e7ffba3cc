"""Lets imports bring in again somebody who was erased, such as a customer who came back."""

from datetime import datetime

from sqlalchemy.orm import Session

from crm.audit.exporting import MAY_ERASE, check_role
from crm.audit.suppressing import READMIT, load_erasures
from crm.audit.trail import Deed, record
from crm.errors import BadInput, NotFound
from crm.principal import Principal


def readmit_person(
    session: Session, address: str, *, reason: str, principal: Principal, now: datetime
) -> int:
    """End the erasures of an address, and return how many there were; nothing comes back by it.

    `address` is the one that was erased. Raises NotAllowed for who may not erase, BadInput without
    a reason, NotFound if nobody is kept out under it.
    """
    check_role(principal, MAY_ERASE, "let people back into")
    if not reason.strip():
        raise BadInput("say why with a reason: the trail keeps it")
    found = [one for one in load_erasures(session) if one.address == address]
    if not found:
        raise NotFound(f"nobody is kept out as {address!r}: `audit list` shows who was erased")
    record(session, Deed(READMIT, address, reason=reason.strip()), principal=principal, now=now)
    return len(found)
