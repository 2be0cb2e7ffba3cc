"""Who is asking: passed by the surface to every read, never chosen by the model."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

# Scopes are made of statements on tables, which know principals.
if TYPE_CHECKING:
    from crm.access.scope import Scope


class Role(StrEnum):
    """What a person is in the sales organisation."""

    REP = "rep"
    MANAGER = "manager"
    OPERATIONS = "operations"
    EXECUTIVE = "executive"
    PARTNER = "partner"
    SERVICE = "service"
    OWNER = "owner"
    CUSTOMER = "customer"


@dataclass(frozen=True)
class Principal:
    """One caller. `user_id` is None only for the local owner of a single-user installation.

    Of `scopes` every one has to allow a read; without any, everything that is there is read.
    Somebody outside the company is no user: `contact_id` is who he is at his own, None for a
    visitor whom nobody knows.
    """

    user_id: int | None
    name: str
    role: Role
    team_ids: frozenset[int] = field(default_factory=frozenset)
    scopes: "tuple[Scope, ...]" = ()
    contact_id: int | None = None

    @classmethod
    def local_owner(cls) -> "Principal":
        """Return the caller of single-user mode, who sees everything."""
        return cls(user_id=None, name="local owner", role=Role.OWNER)

    @property
    def is_local_owner(self) -> bool:
        """Say whether this is the single-user caller."""
        return self.role is Role.OWNER and self.user_id is None

    @property
    def is_customer(self) -> bool:
        """Say whether this is somebody of a customer's, or a visitor: no colleague, no partner."""
        return self.role is Role.CUSTOMER
