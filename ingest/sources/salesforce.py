"""Salesforce as a source: what is configured, and how it is opened."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from ingest.crm.mapping import Currency, Mapping, Zone
from ingest.sources.pacing import Pacing
from ingest.sources.packaged import company_mapping
from ingest.sources.rest import WebAddress
from ingest.sources.salesforce_api import Login, SalesforceApi
from ingest.sources.salesforce_run import SalesforceRun
from ingest.sources.salesforce_writing import (
    LABEL,
    check_entry,
    check_field_name,
    has_id,
    open_writer,
)
from ingest.sources.source import Cursor, Pulled
from ingest.sources.writing import Entry, RecordWriter

__all__ = ["SalesforceConfig", "SalesforceSource", "open_salesforce"]


class SalesforceConfig(BaseModel):
    """A Salesforce organisation. Secrets are named here and lie elsewhere.

    `refresh_token` left out, the connected app logs in by client credentials, for which
    `login_url` has to be the company's own domain. `currency` is that of amounts in an
    organisation of one currency. Nothing is written there unless `write` says so; `mark_field` is
    a text field of activities for the mark by which a task that was made is known again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["salesforce"] = "salesforce"
    login_url: WebAddress = "https://login.salesforce.com"
    client_id: str
    client_secret: str | None = None
    refresh_token: str | None = None
    currency: Currency
    timezone: Zone = "UTC"
    mapping: Path | None = None
    api_version: Annotated[str, Field(pattern=r"^v\d{2}\.0$")] = "v62.0"
    overlap_minutes: Annotated[int, Field(ge=0, le=1440)] = 10
    most_api_use: Annotated[float, Field(gt=0, le=1)] = 0.9
    write: bool = False
    mark_field: Annotated[str, AfterValidator(check_field_name)] | None = None


class SalesforceSource:
    """Accounts, people, deals with their history, activities and cases of an organisation."""

    kind = "salesforce"

    def __init__(
        self,
        config: SalesforceConfig,
        *,
        name: str,
        mapping: Mapping,
        secret: Callable[[str], SecretStr],
        pacing: Pacing,
    ) -> None:
        self.name, self.mapping = name, mapping
        self._config, self._secret, self._pacing = config, secret, pacing

    def pull(self, cursor: Cursor | None, *, now: datetime) -> Iterator[Pulled]:
        """Yield what was made, changed or deleted since the cursor, page by page.

        Raises:
            TransientError: out of reach, or the day's requests are used up.
            PermanentError: the login or a right is refused.
        """
        config = self._config
        with closing(SalesforceApi(
            self._login(), version=config.api_version, most_use=config.most_api_use,
            pacing=self._pacing,
        )) as api:  # fmt: skip
            overlap = timedelta(minutes=config.overlap_minutes)
            run = SalesforceRun(api, self.mapping, cursor or {}, overlap=overlap, now=now)
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
        """Say whether this is an id of Salesforce's."""
        return has_id(external_id)

    def check_entry(self, entry: Entry) -> None:
        """Refuse a task that Salesforce cannot keep. Raises BadInput."""
        check_entry(entry)

    def writer(self) -> AbstractContextManager[RecordWriter]:
        """Open a connection that may write. Raises PermanentError where the login is refused."""
        config = self._config
        return open_writer(
            self._login(),
            version=config.api_version,
            most_use=config.most_api_use,
            mark_field=config.mark_field,
            secret=config.refresh_token or config.client_secret or "client_secret",
        )

    def _login(self) -> Login:
        config = self._config
        return Login(
            config.login_url,
            config.client_id,
            self._secret(config.client_secret) if config.client_secret else None,
            self._secret(config.refresh_token) if config.refresh_token else None,
        )


def open_salesforce(
    config: SalesforceConfig,
    *,
    name: str = "salesforce",
    secret: Callable[[str], SecretStr],
    pacing: Pacing | None = None,
) -> SalesforceSource:
    """Return the source; nothing is connected yet. Raises BadInput for an unusable mapping."""
    mapping = company_mapping(
        "salesforce",
        config.mapping,
        source=name,
        currency=config.currency,
        timezone=config.timezone,
    )
    return SalesforceSource(
        config, name=name, mapping=mapping, secret=secret, pacing=pacing or Pacing()
    )
