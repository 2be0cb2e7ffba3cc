"""What carries out an approved action: one class a kind of effect, chosen by the action's kind."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from sqlalchemy.orm import Session

from crm.errors import PermanentError
from crm.models import EffectKind
from crm.principal import Principal

Payload = Mapping[str, Any]
"""What would be carried out, as plain JSON; people approve exactly this.

Its own `discount` (hundredths of a percent) and `amount_minor` are what rules on limits look at.
"""


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
            TransientError: it was not done, or that is not known; `done_already` will tell.
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


Effects = Mapping[EffectKind, Effect]


def effect_for(effects: Effects, kind: str) -> Effect:
    """Return the effect of a kind. Raises PermanentError where none is set up for it."""
    found = effects.get(EffectKind(kind))
    if found is None:
        raise PermanentError(
            f"nothing is set up that carries out {kind!r}: connect a mailbox or its target first"
        )
    return found
