"""Records a discount that people granted on a deal, up to the limits that the policy sets."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.approvals.effects import Payload
from copilot.agent.effects.changing import SOURCE
from crm.access import visible
from crm.errors import BadInput, NotFound
from crm.models import Activity, ActivityKind, EffectKind, Opportunity
from crm.principal import Principal

_WHOLE = 10_000
_FIELDS = frozenset({"opportunity_id", "discount", "amount_minor", "currency", "reason"})


def discount_payload(
    session: Session, opportunity_id: int, discount: int, reason: str, *, principal: Principal
) -> dict[str, Any]:
    """Return the payload that asks for a discount on a deal, in hundredths of a percent.

    Its `amount_minor` is what the customer would pay less, rounded up. Raises NotFound.
    """
    deal = _deal(session, opportunity_id, principal)
    return {
        "opportunity_id": deal.id,
        "discount": discount,
        "amount_minor": _less(deal, discount),
        "currency": deal.currency,
        "reason": reason,
    }


class RequestDiscount:
    """Notes on the deal that a discount was granted, how much and why.

    Payload: `opportunity_id`, `discount` in hundredths of a percent of the whole deal, which an
    earlier one does not add to, `amount_minor` and `currency` of what is paid less, `reason`.
    """

    kind = EffectKind.REQUEST_DISCOUNT
    is_external = False

    def check(
        self, session: Session, payload: Payload, *, principal: Principal, now: datetime
    ) -> None:
        """Refuse a discount out of range, without a reason, or on other terms than the deal's."""
        if set(payload) != _FIELDS:
            raise BadInput(f"{sorted(payload)} are its fields: give {', '.join(sorted(_FIELDS))}")
        discount, reason = payload["discount"], payload["reason"]
        if (
            not isinstance(discount, int)
            or isinstance(discount, bool)
            or not 0 < discount <= _WHOLE
        ):
            raise BadInput(
                f"the discount is {discount!r}: give hundredths of a percent, 1 to 10000"
            )
        if not isinstance(reason, str) or not 0 < len(reason.strip()) <= 2_000:
            raise BadInput("say in up to 2,000 characters why the discount is to be given")
        deal = _deal(session, payload["opportunity_id"], principal)
        if deal.closed_on is not None:
            raise BadInput(f"deal {deal.id} was closed on {deal.closed_on}: it has no price to cut")
        less = _less(deal, discount)
        if (payload["amount_minor"], payload["currency"]) != (less, deal.currency):
            raise BadInput(
                f"{discount / 100:g} % of deal {deal.id} are {less} {deal.currency} in minor units "
                f"by now, not {payload['amount_minor']!r} {payload['currency']!r}: ask again"
            )

    def done_already(self, payload: Payload, *, key: str) -> dict[str, Any] | None:
        """Return None: it happens in the transaction that records it."""
        return None

    def carry_out(
        self, session: Session, payload: Payload, *, key: str, principal: Principal, now: datetime
    ) -> dict[str, Any]:
        """Put a note on the deal and return its number."""
        deal = _deal(session, payload["opportunity_id"], principal)
        percent = f"{payload['discount'] / 100:g} %"
        row = Activity(
            source=SOURCE,
            external_id=key,
            synced_at=now,
            kind=ActivityKind.NOTE.value,
            subject=f"Discount approved · 已批准折扣: {percent}",
            body=payload["reason"],
            owner_id=deal.owner_id,
            account_id=deal.account_id,
            opportunity_id=deal.id,
            occurred_at=now,
        )
        session.add(row)
        session.flush()
        after = {"discount": payload["discount"], "note": f"activity:{row.id}"}
        return {"object": f"opportunity:{deal.id}", "before": None, "after": after}


def _deal(session: Session, opportunity_id: object, principal: Principal) -> Opportunity:
    statement = select(Opportunity).where(Opportunity.id == opportunity_id)
    is_number = isinstance(opportunity_id, int) and not isinstance(opportunity_id, bool)
    fresh = visible(statement, Opportunity, principal).execution_options(populate_existing=True)
    deal = session.scalars(fresh).first() if is_number else None
    if deal is None:
        raise NotFound(f"no deal {opportunity_id!r} that you may read")
    return deal


def _less(deal: Opportunity, discount: int) -> int:
    """Return the discount in money, rounded up so that limits on amounts hold."""
    return -(-(deal.amount_minor or 0) * discount // _WHOLE)
