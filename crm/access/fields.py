"""Which fields of readable rows a caller is not shown: personal data and margins, by policy."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from sqlalchemy.orm.attributes import set_committed_value

from crm.access.policy import FieldGroup, FieldName
from crm.errors import NotAllowed
from crm.models import Base, Contact, Participant, Quote, User
from crm.principal import Principal

Row = TypeVar("Row", bound=Base)

GROUPS: Mapping[FieldGroup, Mapping[type[Base], tuple[str, ...]]] = {
    FieldGroup.PERSONAL: {
        Contact: ("phone", "email"),
        Participant: ("phone", "email"),
        User: ("email",),
    },
    FieldGroup.MARGIN: {Quote: ("discount",)},
}
FIELDS: tuple[FieldName, ...] = tuple(
    FieldName(group, model.__name__, column)
    for group, models in GROUPS.items()
    for model, columns in models.items()
    for column in columns
)


def withheld(model: type[Base], principal: Principal) -> frozenset[str]:
    """Return the columns of a table that the caller is not shown, by any of his scopes."""
    if not isinstance(principal, Principal):
        raise TypeError(f"reading {model.__tablename__} needs a Principal, got {principal!r}")
    return frozenset(
        field.name
        for scope in principal.scopes
        for field in scope.policy.withheld(scope.role, FIELDS)
        if field.kind == model.__name__
    )


def withhold(rows: Iterable[Row], principal: Principal) -> list[Row]:
    """Return loaded rows with None in the columns that the caller is not shown.

    Nothing of it is written back: the session takes the None for what the database holds.
    """
    kept = list(rows)
    for model in {type(row) for row in kept}:
        for column in withheld(model, principal):
            for row in kept:
                if type(row) is model:
                    set_committed_value(row, column, None)
    return kept


def check_shown(model: type[Base], column: str, principal: Principal) -> None:
    """Raise NotAllowed if the caller is not shown this column, as nothing may be computed of it."""
    if column in withheld(model, principal):
        raise NotAllowed(
            f"{column!r} of {model.__tablename__} is not for {principal.name!r}: ask for another "
            "number, or sales operations for access"
        )
