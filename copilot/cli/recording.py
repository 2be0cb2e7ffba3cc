"""What commands note in the audit trail besides what they change."""

from contextvars import ContextVar

from copilot.wiring import Installation
from crm.access.policy import load_policy
from crm.audit.trail import Deed, record
from crm.audit.watching import note_owner, note_policy
from crm.principal import Principal

COMMAND: ContextVar[str] = ContextVar("command", default="unknown")
"""The command that is being run, such as `ask`."""


def note(installation: Installation, deed: Deed, principal: Principal | None = None) -> None:
    """Append to the trail in a transaction of its own; without a principal as the local owner."""
    who = principal or Principal.local_owner()
    with installation.store.session() as session:
        record(session, deed, principal=who, now=installation.now())


def note_caller(installation: Installation, principal: Principal) -> None:
    """Note what has to be known of a caller before he reads: new rules, or the owner's look.

    An installation without rules of its own is its owner's: his looks are not noted.
    """
    now = installation.now()
    if principal.is_local_owner:
        if installation.settings.policy_file is not None:
            with installation.store.session() as session:
                note_owner(session, COMMAND.get(), principal=principal, now=now)
        return
    version, builtin = installation.policy.version, load_policy().version
    with installation.store.session() as session:
        note_policy(session, version, builtin=builtin, principal=principal, now=now)
