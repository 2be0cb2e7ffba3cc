"""Whether notes on a conversation are told with it: to nobody outside the company."""

from sqlalchemy import ColumnElement, false, true

from crm.principal import Principal


def are_told(principal: Principal) -> ColumnElement[bool]:
    """Return the condition that notes, promises and suggested changes are told to this caller.

    Who took part in a conversation reads what was said; what was made of it is the company's own.
    """
    return false() if principal.is_customer else true()
