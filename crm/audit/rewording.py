"""Puts a pseudonym into the trail's details: they stay readable, and the chain verifiable."""

import secrets
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crm.audit.exporting import MAY_ERASE, check_role
from crm.audit.marks import Marks
from crm.audit.trail import Deed, digest_of_detail, record
from crm.audit.verifying import REWORDED
from crm.models import AuditDetail
from crm.principal import Principal


def reword_details(
    session: Session,
    address: str,
    marks: Marks,
    *,
    reason: str,
    principal: Principal,
    now: datetime,
) -> int:
    """Write the stand-in over the marks in all details, and return in how many.

    One event names each of them with the digest that it has from then on, so a check takes these
    words and no others. Raises NotAllowed for who may not.
    """
    check_role(principal, MAY_ERASE, "erase from")
    found = select(AuditDetail.seq, AuditDetail.body).order_by(AuditDetail.seq)
    digests: dict[int, str] = {}
    for row in session.execute(found.execution_options(yield_per=500)):
        if not marks.are_in(row.body):
            continue
        body, salt = marks.blotted(row.body), secrets.token_hex(16)
        digests[row.seq] = digest_of_detail(salt, body)
        mine = update(AuditDetail).where(AuditDetail.seq == row.seq)
        session.execute(mine.values(salt=salt, body=body))
    if digests:
        read = [f"audit:{seq}:{digest}" for seq, digest in digests.items()]
        deed = Deed(REWORDED, address, reason=reason.strip(), read=read)
        record(session, deed, principal=principal, now=now)
    return len(digests)
