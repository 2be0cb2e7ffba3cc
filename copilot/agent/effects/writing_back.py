"""Effects that change a connected CRM first and then our store, where a record came from one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from copilot.agent.approvals.effects import WRITES_TO, Effect, NotBegun, Payload, Weighs
from copilot.agent.effects.connected import ConnectedCrms
from copilot.agent.effects.destinations import (
    STORE_ONLY,
    address_of,
    place_of,
    without_address,
)
from crm.errors import BadInput, CopilotError, NotAllowed, NotFound, PermanentError, TransientError
from crm.guards import Guard
from crm.models import EffectKind
from crm.models.base import Sourced
from crm.principal import Principal
from ingest.sources.pacing import Busy
from ingest.sources.writing import RecordWriter, WritableSource

BEGIN_WITHIN_S = 240.0
"""How long after it was taken up a change may still be sent; a lease is well longer."""


class Remote(Protocol):
    """What one payload does in a CRM, worked out from our records before anything is asked."""

    def check(self) -> None:
        """Refuse what could not be written there, without asking it. Raises BadInput."""
        ...

    def find(self, writer: RecordWriter, *, key: str) -> dict[str, Any] | None:
        """Return the result if the CRM holds it already."""
        ...

    def write(
        self, writer: RecordWriter, *, key: str, now: datetime, begin: Callable[[], None]
    ) -> dict[str, Any]:
        """Look, call `begin`, write, and return the result."""
        ...

    def settle(
        self, session: Session, result: dict[str, Any], *, key: str, now: datetime
    ) -> dict[str, Any]:
        """Write our own copy, whatever became of it meanwhile."""
        ...


class Planner(Protocol):
    """What payloads of one kind do in CRMs."""

    def about(self, session: Session, payload: Payload, principal: Principal) -> Sourced | None:
        """Return the record whose origin decides where it goes; None for our store alone."""
        ...

    def plan(
        self, session: Session, payload: Payload, source: WritableSource, principal: Principal
    ) -> Remote:
        """Return what it does there. Raises BadInput or NotFound where that cannot be."""
        ...


class WrittenBack:
    """An effect on our store that goes through the CRM a record came from, if that allows it."""

    is_external = False

    def __init__(self, local: Effect, planner: Planner, crms: ConnectedCrms) -> None:
        self._local, self._planner, self._crms = local, planner, crms

    @property
    def kind(self) -> EffectKind:
        """The kind of action that it carries out."""
        return self._local.kind

    def addressed(
        self, session: Session, payload: Payload, *, principal: Principal
    ) -> dict[str, Any]:
        """Return the payload with the CRM that it goes to, if it goes to one."""
        own = without_address(payload)
        source = self._source(session, own, principal)
        address = address_of(source.kind, source.name) if source and source.may_write else None
        given = payload.get(WRITES_TO, address)
        if given != address:
            raise BadInput(
                f"{WRITES_TO} is {given!r}, but the change goes to "
                f"{place_of({WRITES_TO: address})}: leave it out"
            )
        return {**own, WRITES_TO: address} if address else own

    def route(self, session: Session, payload: Payload, *, principal: Principal) -> Effect:
        """Return what carries the payload out where it was approved to go."""
        address = payload.get(WRITES_TO)
        if address is None:
            source = self._source(session, payload, principal)
            return _InStore(self._local, source)
        source = self._crms.at(str(address))
        place = _Place(source, self._crms.guard_of(source))
        return _InCrm(self._local, self._planner, place, payload, (session, principal))

    def check(
        self, session: Session, payload: Payload, *, principal: Principal, now: datetime
    ) -> None:
        """Refuse what our store or the CRM could not take; the CRM itself is not asked."""
        routed = self.route(session, payload, principal=principal)
        routed.check(session, payload, principal=principal, now=now)

    def is_elevated(
        self, session: Session, payload: Payload, *, principal: Principal, now: datetime
    ) -> bool:
        """Say what the effect on our store says."""
        if not isinstance(self._local, Weighs):
            return False
        own = without_address(payload)
        return self._local.is_elevated(session, own, principal=principal, now=now)

    def done_already(self, payload: Payload, *, key: str) -> dict[str, Any] | None:
        """Return None: what is in our store happens in the transaction that records it."""
        return None

    def carry_out(
        self, session: Session, payload: Payload, *, key: str, principal: Principal, now: datetime
    ) -> dict[str, Any]:
        """Refuse: a payload is carried out by what `route` returns for it."""
        raise PermanentError(f"{self.kind.value!r} was not routed before it was carried out")

    def _source(
        self, session: Session, payload: Payload, principal: Principal
    ) -> WritableSource | None:
        row = self._planner.about(session, payload, principal)
        return self._crms.of(row) if row is not None else None


class _InStore:
    """The effect on our store alone, which says so."""

    is_external = False

    def __init__(self, local: Effect, source: WritableSource | None) -> None:
        self._local, self._source = local, source

    @property
    def kind(self) -> EffectKind:
        return self._local.kind

    def check(
        self, session: Session, payload: Payload, *, principal: Principal, now: datetime
    ) -> None:
        self._local.check(session, payload, principal=principal, now=now)

    def done_already(self, payload: Payload, *, key: str) -> dict[str, Any] | None:
        return None

    def carry_out(
        self, session: Session, payload: Payload, *, key: str, principal: Principal, now: datetime
    ) -> dict[str, Any]:
        done = self._local.carry_out(session, payload, key=key, principal=principal, now=now)
        said = STORE_ONLY
        if self._source is not None:
            said += (
                f": source {self._source.name!r} was not set to `write: true` when this was "
                "proposed, so its next sync may bring its own value back"
            )
        return {**done, "written_to": said}


@dataclass(frozen=True)
class _Place:
    """A CRM, and what stands before it."""

    source: WritableSource
    guard: Guard


class _InCrm:
    """One payload's change of a CRM; our store follows in the step that records it."""

    is_external = True

    def __init__(
        self,
        local: Effect,
        planner: Planner,
        place: _Place,
        payload: Payload,
        asked: tuple[Session, Principal],
    ) -> None:
        source = place.source
        self._local, self._source, self._payload = local, source, dict(payload)
        self._guard = place.guard
        self._taken_at = time.monotonic()
        self._remote: Remote | None = None
        self._problem: CopilotError | None = None
        session, principal = asked
        try:
            self._remote = planner.plan(session, without_address(payload), source, principal)
        except (BadInput, NotFound, NotAllowed) as error:
            # It is raised where the action can be marked as failed by it.
            self._problem = error

    @property
    def kind(self) -> EffectKind:
        return self._local.kind

    def check(
        self, session: Session, payload: Payload, *, principal: Principal, now: datetime
    ) -> None:
        own = without_address(payload)
        self._local.check(session, own, principal=principal, now=now)
        self._planned().check()

    def done_already(self, payload: Payload, *, key: str) -> dict[str, Any] | None:
        remote = self._remote
        if remote is None:
            return None
        self._check_same(payload)

        def find() -> dict[str, Any] | None:
            with _opened(self._source) as writer:
                try:
                    return remote.find(writer, key=key)
                except (BadInput, NotFound):
                    # What it refuses now it refuses again below, where that ends the action.
                    return None

        found = self._guard.call(find)
        return {**found, "was_found": True} if found is not None else None

    def carry_out(
        self, session: Session, payload: Payload, *, key: str, principal: Principal, now: datetime
    ) -> dict[str, Any]:
        self._check_same(payload)
        is_begun = False

        def begin() -> None:
            nonlocal is_begun
            if time.monotonic() - self._taken_at > BEGIN_WITHIN_S:
                raise NotBegun(f"{self._source.label} was too slow: nothing was written, try again")
            is_begun = True

        def write() -> dict[str, Any]:
            with _opened(self._source) as writer:
                return self._planned().write(writer, key=key, now=now, begin=begin)

        try:
            done = self._guard.call(write)
        except TransientError as error:
            if not is_begun or (isinstance(error, Busy) and error.is_untouched):
                raise NotBegun(f"{error}; nothing was written") from error
            raise
        return {**done, "was_found": False}

    def settle(
        self, session: Session, payload: Payload, result: dict[str, Any], *, key: str, now: datetime
    ) -> dict[str, Any]:
        told = self._planned().settle(session, result, key=key, now=now)
        return {**told, "written_to": f"{place_of(payload)}, then this copilot's store"}

    def _planned(self) -> Remote:
        if self._problem is not None:
            raise self._problem
        if self._remote is None:
            raise PermanentError("the change was not planned")
        return self._remote

    def _check_same(self, payload: Payload) -> None:
        if dict(payload) != self._payload:
            raise NotBegun("the action was edited as it was taken up: ask again")


@contextmanager
def _opened(source: WritableSource) -> Iterator[RecordWriter]:
    try:
        context = source.writer()
    except BadInput as error:
        # A secret that is missing is for operations to mend, not for who proposed.
        raise PermanentError(f"{error}; nothing was written") from error
    with context as writer:
        yield writer
