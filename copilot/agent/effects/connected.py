"""The connected CRMs that approved changes can go to."""

from collections.abc import Callable, Mapping
from functools import cached_property

from copilot.agent.approvals.effects import WRITES_TO
from copilot.agent.effects.destinations import address_of, place_of
from crm.errors import PermanentError
from crm.guards import Guard, Unguarded
from crm.models.base import Sourced
from ingest.sources.source import Source
from ingest.sources.writing import WritableSource


class ConnectedCrms:
    """CRMs that can be written to in principle; opened when the first record is looked at.

    `sources` gives all connected sources by name, `guard` what stands before the one at an
    address such as `salesforce:sf`.
    """

    def __init__(
        self,
        sources: Callable[[], Mapping[str, Source]],
        *,
        guard: Callable[[str], Guard] = lambda _address: Unguarded(),
    ) -> None:
        self._sources, self._guard = sources, guard

    def of(self, row: Sourced) -> WritableSource | None:
        """Return the CRM that a record came from, None if it came from none, or none alone."""
        found = [one for one in self._crms.values() if one.mapping.source == row.source]
        return found[0] if len(found) == 1 and found[0].has_id(row.external_id) else None

    def at(self, address: str) -> WritableSource:
        """Return the CRM that a payload names.

        Raises PermanentError if it is not connected, or is not to be written to any more.
        """
        kind, _, name = address.partition(":")
        found = self._crms.get(name)
        if found is None or found.kind != kind or not found.may_write:
            raise PermanentError(
                f"this was approved as a change of {place_of({WRITES_TO: address})}, which is not "
                "connected with `write: true` any more: set that again in sources.yaml, or reject "
                "the action and propose it anew"
            )
        return found

    def guard_of(self, source: WritableSource) -> Guard:
        """Return what stands before a CRM: let through nothing, it has begun nothing."""
        return self._guard(address_of(source.kind, source.name))

    @cached_property
    def _crms(self) -> dict[str, WritableSource]:
        return {
            name: source
            for name, source in self._sources().items()
            if isinstance(source, WritableSource)
        }
