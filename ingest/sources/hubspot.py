"""HubSpot as a source: what is configured, and how it is opened."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ingest.crm.mapping import Currency, Mapping, Zone
from ingest.sources.hubspot_api import HubspotApi
from ingest.sources.hubspot_run import HubspotRun
from ingest.sources.hubspot_writing import LABEL, check_entry, has_id, open_writer
from ingest.sources.pacing import Pacing
from ingest.sources.packaged import company_mapping
from ingest.sources.rest import WebAddress
from ingest.sources.source import Cursor, Pulled
from ingest.sources.writing import Entry, RecordWriter

__all__ = ["HubspotConfig", "HubspotSource", "open_hubspot"]


class HubspotConfig(BaseModel):
    """A HubSpot account. `token` names the secret that holds a private app's token.

    `currency` is that of amounts which name none; left out, the account is asked. Nothing is
    written there unless `write` says so; `mark_field` is a text property of tasks and notes for
    the mark by which one that was made is known again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["hubspot"] = "hubspot"
    token: str
    base_url: WebAddress = "https://api.hubapi.com"
    currency: Currency | None = None
    timezone: Zone = "UTC"
    mapping: Path | None = None
    overlap_minutes: Annotated[int, Field(ge=0, le=1440)] = 10
    write: bool = False
    mark_field: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")] | None = None


class HubspotSource:
    """Companies, people, deals with their history, activities and tickets of an account."""

    kind = "hubspot"

    def __init__(
        self,
        config: HubspotConfig,
        *,
        name: str,
        mapping: Mapping,
        secret: Callable[[str], SecretStr],
        pacing: Pacing,
    ) -> None:
        self.name, self.mapping = name, mapping
        self._config, self._secret, self._pacing = config, secret, pacing

    def pull(self, cursor: Cursor | None, *, now: datetime) -> Iterator[Pulled]:
        """Yield what was made, changed or archived since the cursor, some 500 records a time.

        Raises:
            TransientError: out of reach, or the day's requests are used up.
            PermanentError: the token is refused.
        """
        config = self._config
        token = self._secret(config.token).get_secret_value()
        with closing(HubspotApi(config.base_url, token, pacing=self._pacing)) as api:
            overlap = timedelta(minutes=config.overlap_minutes)
            run = HubspotRun(
                api, self.mapping, cursor or {}, currency=config.currency, overlap=overlap, now=now
            )
            yield from run.portions()

    @property
    def label(self) -> str:
        """The CRM's name."""
        return LABEL

    @property
    def may_write(self) -> bool:
        """Say whether approved changes are written there."""
        return self._config.write

    def has_id(self, external_id: str) -> bool:
        """Say whether this is an id of HubSpot's."""
        return has_id(external_id)

    def check_entry(self, entry: Entry) -> None:
        """Refuse a task or note that HubSpot cannot keep. Raises BadInput."""
        check_entry(entry)

    def writer(self) -> AbstractContextManager[RecordWriter]:
        """Open a connection that may write."""
        config = self._config
        return open_writer(
            config.base_url,
            self._secret(config.token).get_secret_value(),
            currency=config.currency,
            zone=config.timezone,
            mark_field=config.mark_field,
            secret=config.token,
        )


def open_hubspot(
    config: HubspotConfig,
    *,
    name: str = "hubspot",
    secret: Callable[[str], SecretStr],
    pacing: Pacing | None = None,
) -> HubspotSource:
    """Return the source; nothing is connected yet. Raises BadInput for an unusable mapping."""
    own, zone = config.mapping, config.timezone
    mapping = company_mapping("hubspot", own, source=name, currency=config.currency, timezone=zone)
    return HubspotSource(
        config, name=name, mapping=mapping, secret=secret, pacing=pacing or Pacing()
    )
