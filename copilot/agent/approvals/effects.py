"""What carries out an approved action: one class a kind of effect, chosen by the action's kind."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from sqlalchemy.orm import Session

from crm.errors import PermanentError, TransientError
from crm.models import EffectKind
from crm.principal import Principal

Payload = Mapping[str, Any]
"""What would be carried out, as plain JSON; people approve exactly this.

Its own `discount` (hundredths of a percent) and `amount_minor` are what rules on limits look at.
"""
WRITES_TO = "writes_to"
"""The key under which a payload names the connected CRM that it goes to: `salesforce:sf`."""


class NotBegun(TransientError):
    """Nothing was done and nothing is on its way: it may be tried again at once."""


class Effect(Protocol):
    """One kind of side effect.

    An internal one writes to the session's transaction, in which its action becomes applied too. An
    external one is called outside of any transaction (its session is for reading alone), has to
    end well within the lease of a claim, and hands its `key` to the receiving side, where
    `done_already` finds it again.
    """

    @property
    def kind(self) -> EffectKind:
        """The kind of action that it carries out."""
        ...

    @property
    def is_external(self) -> bool:
        """Say whether it reaches beyond our own database."""
        ...

    def check(
        self, session: Session, payload: Payload, *, principal: Principal, now: datetime
    ) -> None:
        """Refuse a payload that could not be carried out, before anybody is asked.

        Raises BadInput, NotFound or NotAllowed. It is asked again right before it happens.
        """
        ...

    def done_already(self, payload: Payload, *, key: str) -> dict[str, Any] | None:
        """Return the result if the receiving side has this key, None if it surely has not.

        Raises TransientError where that cannot be known now. Internal effects return None.
        """
        ...

    def carry_out(
        self, session: Session, payload: Payload, *, key: str, principal: Principal, now: datetime
    ) -> dict[str, Any]:
        """Do it, and return what people are told of it, as plain JSON.

        Where the result has `object` (an address such as `opportunity:12`), `before` and `after`,
        the audit trail gets an event on that object too.

        Raises:
            BadInput, NotFound, NotAllowed: it was not done, and never will be.
            PermanentError: it was not done; it can be tried again once the set-up is mended.
            NotBegun: it was not done; it can be tried again at once.
            TransientError: it is not known whether it was done; `done_already` will tell later.
        """
        ...


@runtime_checkable
class Weighs(Protocol):
    """An effect that can tell by its payload whether more than its proposer has to agree."""

    def is_elevated(
        self, session: Session, payload: Payload, *, principal: Principal, now: datetime
    ) -> bool:
        """Say whether the payload commits us to more than its proposer may decide alone.

        It is asked for proposals and for every edit, so that an edit cannot slip a promise in.
        """
        ...


@runtime_checkable
class Reaches(Protocol):
    """An effect that reaches beyond our own database for some payloads only.

    Where a payload goes is a part of it, so that people approve that too; see `WRITES_TO`.
    """

    def addressed(
        self, session: Session, payload: Payload, *, principal: Principal
    ) -> dict[str, Any]:
        """Return the payload with where it goes.

        Raises NotFound for a record, BadInput for another place than it can go to.
        """
        ...

    def route(self, session: Session, payload: Payload, *, principal: Principal) -> Effect:
        """Return what carries this very payload out.

        Raises PermanentError where it was approved for a place that is not set up any more.
        """
        ...


@runtime_checkable
class Settles(Protocol):
    """An external effect with a share in our own store, written as its action becomes applied."""

    def settle(
        self, session: Session, payload: Payload, result: dict[str, Any], *, key: str, now: datetime
    ) -> dict[str, Any]:
        """Write our share and return what people are told of the whole; never refuses."""
        ...


Effects = Mapping[EffectKind, Effect]


def address(
    effect: Effect, session: Session, payload: Payload, *, principal: Principal
) -> dict[str, Any]:
    """Return the payload as it is proposed: with where it goes, for effects that reach further."""
    if isinstance(effect, Reaches):
        return effect.addressed(session, payload, principal=principal)
    return dict(payload)


def route(effect: Effect, session: Session, payload: Payload, *, principal: Principal) -> Effect:
    """Return what carries this payload out: the effect itself, or what it names."""
    if isinstance(effect, Reaches):
        return effect.route(session, payload, principal=principal)
    return effect


def effect_for(effects: Effects, kind: str) -> Effect:
    """Return the effect of a kind. Raises PermanentError where none is set up for it."""
    found = effects.get(EffectKind(kind))
    if found is None:
        raise PermanentError(
            f"nothing is set up that carries out {kind!r}: connect a mailbox or its target first"
        )
    return found
