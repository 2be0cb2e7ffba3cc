"""The connected CRMs that approved changes may go to, each behind a circuit breaker."""

from copilot.agent.effects.connected import ConnectedCrms
from copilot.agent.effects.destinations import LABELS
from copilot.breakers import breaker_for
from copilot.settings import Settings
from ingest.sources.registry import SourceBook


def connected_crms(settings: Settings, book: SourceBook) -> ConnectedCrms:
    """Return the CRMs of a workspace; its book is read when the first record is looked at."""
    return ConnectedCrms(
        lambda: book.open_all(secret=settings.secret, kinds=LABELS),
        guard=lambda address: breaker_for("CRM", address, folder=settings.breakers_dir),
    )
