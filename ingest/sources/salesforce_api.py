"""The REST interface of Salesforce: tokens, queries page by page, descriptions, deletions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from crm.errors import PermanentError, TransientError
from ingest.sources.pacing import Pacing
from ingest.sources.rest import Refused, Reply, RestClient, require_https

_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")
_SPENT = "REQUEST_LIMIT_EXCEEDED"


@dataclass(frozen=True)
class Login:
    """How a token is had: by refresh token where there is one, else by client credentials."""

    url: str
    client_id: str
    client_secret: SecretStr | None
    refresh_token: SecretStr | None


@dataclass(frozen=True)
class Description:
    """What we may read of an object; `relations` are the names by which fields lead elsewhere."""

    fields: frozenset[str]
    relations: frozenset[str]
    is_replicated: bool


@dataclass(frozen=True)
class Page:
    """Some records of a query, and how many it has in all."""

    records: tuple[Mapping[str, Any], ...]
    total: int


class TokenAuth:
    """Fetches an access token when one is needed, and another when it was refused."""

    def __init__(self, login: Login, pacing: Pacing) -> None:
        self._login, self._pacing = login, pacing
        self._token = ""
        self.instance_url = ""

    def headers(self) -> Mapping[str, str]:
        """Return the header with the token."""
        if not self._token:
            self.log_in()
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self) -> bool:
        """Drop the token: the next request fetches another."""
        self._token = ""
        return True

    def conceal(self, text: str) -> str:
        """Return the text without token and secrets."""
        secrets = [self._login.client_secret, self._login.refresh_token]
        hidden = [secret.get_secret_value() for secret in secrets if secret]
        for part in (self._token, *hidden):
            text = text.replace(part, "…") if part else text
        return text

    def log_in(self) -> None:
        """Fetch a token and learn where the company's records are.

        Raises:
            PermanentError: the login is refused.
            TransientError: it is out of reach.
        """
        client = RestClient(self._login.url, pacing=self._pacing)
        try:
            found = client.post_form("/services/oauth2/token", self._form()).body
        except Refused as error:
            raise PermanentError(
                f"Salesforce refuses to log us in: {self.conceal(str(error))}; check client_id, "
                "client_secret and refresh_token, and the rights of the connected app"
            ) from None
        finally:
            client.close()
        if not isinstance(found, dict) or not found.get("access_token"):
            raise PermanentError(f"{self._login.url!r} gave no access token: check login_url")
        self._token = str(found["access_token"])
        self.instance_url = require_https(str(found.get("instance_url") or self._login.url))

    def _form(self) -> dict[str, str]:
        form = {"client_id": self._login.client_id, "grant_type": "client_credentials"}
        if self._login.client_secret:
            form["client_secret"] = self._login.client_secret.get_secret_value()
        if self._login.refresh_token:
            form["grant_type"] = "refresh_token"
            form["refresh_token"] = self._login.refresh_token.get_secret_value()
        return form


class SalesforceApi:
    """One connection; `most_use` is the share of the day's requests that we leave others at."""

    def __init__(self, login: Login, *, version: str, most_use: float, pacing: Pacing) -> None:
        auth = TokenAuth(login, pacing)
        auth.log_in()
        self._root, self._most_use = f"/services/data/{version}/", most_use
        self._client = RestClient(auth.instance_url, pacing=pacing, auth=auth, is_spent=_is_spent)
        self.server_time: datetime | None = None

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def describe(self, name: str) -> Description | None:
        """Return what can be read of an object; None if it is not there, or not for us."""
        try:
            found = self._get(f"{self._root}sobjects/{name}/describe").body
        except Refused as error:
            if error.status in (403, 404) or error.code == "INVALID_TYPE":
                return None
            raise
        if not found.get("queryable", True):
            return None
        fields = found.get("fields", [])
        return Description(
            frozenset(field["name"] for field in fields),
            frozenset(
                field["relationshipName"] for field in fields if field.get("relationshipName")
            ),
            bool(found.get("replicateable", True)),
        )

    def query(self, soql: str, *, with_deleted: bool = False) -> Iterator[Page]:
        """Yield the pages of a query. Raises TransientError if the server goes in circles."""
        path = f"{self._root}{'queryAll' if with_deleted else 'query'}"
        found = self._get(path, {"q": soql}).body
        seen_paths: set[str] = set()
        last: tuple[Any, ...] = ()
        while True:
            records = tuple(found.get("records") or ())
            ids = tuple(record.get("Id") for record in records)
            if ids and ids == last:
                raise TransientError("Salesforce sent the same page twice: stopped; try again")
            last = ids
            yield Page(records, int(found.get("totalSize") or 0))
            path = str(found.get("nextRecordsUrl") or "")
            if found.get("done", not path) or not path:
                return
            if path in seen_paths:
                raise TransientError(f"Salesforce leads back to {path!r}: stopped; try again")
            seen_paths.add(path)
            found = self._get(path).body

    def deleted(self, name: str, start: datetime, end: datetime) -> Mapping[str, Any]:
        """Return what the object's log of deletions holds between two times."""
        span = {"start": _stamp(start), "end": _stamp(end)}
        body: Mapping[str, Any] = self._get(f"{self._root}sobjects/{name}/deleted/", span).body
        return body

    def field_details(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the description of each field of an object that we may see, by its name."""
        found = self._get(f"{self._root}sobjects/{name}/describe").body
        return {field["name"]: field for field in found.get("fields", [])}

    def row(self, name: str, record_id: str, fields: Sequence[str]) -> Mapping[str, Any]:
        """Return one record with these fields."""
        asked = {"fields": ",".join(fields)}
        row: Mapping[str, Any] = self._get(self._row(name, record_id), asked).body
        return row

    def change(
        self, name: str, record_id: str, values: Mapping[str, object], *, unmodified_since: str
    ) -> None:
        """Change one record, unless it was changed after an HTTP date (whole seconds)."""
        headers = {"If-Unmodified-Since": unmodified_since}
        self._client.write("PATCH", self._row(name, record_id), values, headers=headers)

    def make(self, name: str, values: Mapping[str, object]) -> str:
        """Make a record and return its id."""
        reply = self._client.write("POST", f"{self._root}sobjects/{name}", values)
        if not isinstance(reply.body, dict) or not reply.body.get("id"):
            raise TransientError(f"Salesforce gave no id for a new {name}: ask again later")
        return str(reply.body["id"])

    def _row(self, name: str, record_id: str) -> str:
        return f"{self._root}sobjects/{name}/{quote(record_id, safe='')}"

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> Reply:
        reply = self._client.get(path, params)
        self.server_time = reply.server_time or self.server_time
        used = _USAGE.search(reply.headers.get("sforce-limit-info", ""))
        if used and int(used[1]) > self._most_use * int(used[2]):
            raise TransientError(
                f"Salesforce has had {int(used[1]):,} of today's {int(used[2]):,} requests, and "
                "the rest is left for others (most_api_use); it goes on at the next run"
            )
        return reply


def _is_spent(reply: Reply) -> bool:
    errors = reply.body if isinstance(reply.body, list) else [reply.body]
    return any(isinstance(one, dict) and one.get("errorCode") == _SPENT for one in errors)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
