"""The CRM interface of HubSpot: lists, searches, associations, histories, owners, pipelines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from crm.errors import TransientError
from ingest.crm.chunks import chunks
from ingest.sources.pacing import Pacing
from ingest.sources.rest import FixedAuth, Params, Reply, RestClient

LIST_PAGE, SEARCH_PAGE = 100, 200
_LINKS_A_CALL, _HISTORIES_A_CALL, _LINKS_A_PAGE = 1_000, 50, 500

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """Some records, where the next page begins (None: this was the last), and how many in all."""

    records: tuple[Given, ...]
    after: str | None
    total: int | None = None


class HubspotApi:
    """One connection with a private app's token."""

    def __init__(self, base_url: str, token: str, *, pacing: Pacing) -> None:
        auth = FixedAuth({"Authorization": f"Bearer {token}"}, (token,))
        self._client = RestClient(base_url, pacing=pacing, auth=auth, is_spent=_is_spent)
        self.server_time: datetime | None = None

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def listed(
        self, name: str, properties: Sequence[str], after: str | None, *, archived: bool = False
    ) -> Iterator[Page]:
        """Yield the pages of a list, ordered by id, from `after` on."""
        params: dict[str, str | int] = {"limit": LIST_PAGE, "archived": str(archived).lower()}
        if properties:
            params["properties"] = ",".join(properties)
        yield from self._pages(f"/crm/v3/objects/{name}", params, after)

    def search(self, name: str, body: Given) -> Page:
        """Return the first page of a search; its `after` says that there is more."""
        asked = {**body, "limit": SEARCH_PAGE}
        found = self._keep(self._client.post(f"/crm/v3/objects/{name}/search", asked)).body
        return Page(tuple(found.get("results") or ()), _after(found), int(found.get("total") or 0))

    def owners(self, *, archived: bool) -> Iterator[Page]:
        """Yield the pages of the people who can own records."""
        params: Params = {"limit": LIST_PAGE, "archived": str(archived).lower()}
        yield from self._pages("/crm/v3/owners", params, None)

    def pipelines(self, name: str) -> tuple[Given, ...]:
        """Return the pipelines of an object with their stages."""
        found = self._keep(self._client.get(f"/crm/v3/pipelines/{name}")).body
        return tuple(found.get("results") or ())

    def currency(self) -> str | None:
        """Return the company's currency."""
        found = self._keep(self._client.get("/account-info/v3/details")).body
        code = found.get("companyCurrency")
        return code if isinstance(code, str) and len(code) == 3 else None

    def links(self, name: str, to: str, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
        """Return what the records are associated with, the primary one first: (id, label)."""
        found: dict[str, list[tuple[str, str]]] = {}
        for part in chunks(ids, _LINKS_A_CALL):
            body = {"inputs": [{"id": one} for one in part]}
            path = f"/crm/v4/associations/{name}/{to}/batch/read"
            for result in self._keep(self._client.post(path, body)).body.get("results") or ():
                ends = sorted((_end(end) for end in result.get("to") or ()), key=_rank)
                listed = found.setdefault(str(result["from"]["id"]), [])
                listed += [(one, label) for one, label, _primary in ends]
        return found

    def histories(
        self, name: str, properties: Sequence[str], ids: Sequence[str]
    ) -> dict[str, Given]:
        """Return the former values of properties, by id and property."""
        found: dict[str, Given] = {}
        for part in chunks(ids, _HISTORIES_A_CALL):
            body = {
                "properties": [],
                "propertiesWithHistory": list(properties),
                "inputs": [{"id": one} for one in part],
            }
            reply = self._keep(self._client.post(f"/crm/v3/objects/{name}/batch/read", body))
            for record in reply.body.get("results") or ():
                found[str(record["id"])] = record.get("propertiesWithHistory") or {}
        return found

    def record(self, name: str, record_id: str, properties: Sequence[str]) -> Given:
        """Return one record with these properties."""
        asked = {"properties": ",".join(properties), "archived": "false"}
        found: Given = self._keep(self._client.get(_record(name, record_id), asked)).body
        return found

    def records(self, name: str, ids: Sequence[str], properties: Sequence[str]) -> list[Given]:
        """Return those of the records that are not archived."""
        found: list[Given] = []
        for part in chunks(ids, LIST_PAGE):
            body = {"properties": list(properties), "inputs": [{"id": one} for one in part]}
            reply = self._keep(self._client.post(f"/crm/v3/objects/{name}/batch/read", body))
            found += reply.body.get("results") or ()
        return found

    def linked(self, name: str, record_id: str, to: str) -> list[str]:
        """Return the ids of all records that one is associated with, page by page."""
        path = f"/crm/v4/objects/{name}/{quote(record_id, safe='')}/associations/{to}"
        pages = self._pages(path, {"limit": _LINKS_A_PAGE}, None)
        return [str(one["toObjectId"]) for page in pages for one in page.records]

    def property_details(self, name: str, column: str) -> Given:
        """Return the description of a property."""
        path = f"/crm/v3/properties/{name}/{quote(column, safe='')}"
        found: Given = self._keep(self._client.get(path)).body
        return found

    def change(self, name: str, record_id: str, properties: Mapping[str, str]) -> None:
        """Change one record."""
        self._client.write("PATCH", _record(name, record_id), {"properties": dict(properties)})

    def make(self, name: str, properties: Mapping[str, str], associations: Sequence[Given]) -> str:
        """Make a record with its associations and return its id."""
        body = {"properties": dict(properties), "associations": list(associations)}
        reply = self._client.write("POST", f"/crm/v3/objects/{name}", body)
        if not isinstance(reply.body, dict) or not reply.body.get("id"):
            raise TransientError(f"HubSpot gave no id for a new one of {name}: ask again later")
        return str(reply.body["id"])

    def _pages(self, path: str, params: Params, after: str | None) -> Iterator[Page]:
        seen: set[str] = set()
        while True:
            here = {**params, **({"after": after} if after else {})}
            found = self._keep(self._client.get(path, here)).body
            after = _after(found)
            yield Page(tuple(found.get("results") or ()), after)
            if after is None:
                return
            if after in seen:
                raise TransientError(f"HubSpot leads back to {after!r} of {path}: stopped")
            seen.add(after)

    def _keep(self, reply: Reply) -> Reply:
        self.server_time = reply.server_time or self.server_time
        return reply


def _record(name: str, record_id: str) -> str:
    return f"/crm/v3/objects/{name}/{quote(record_id, safe='')}"


def _after(found: Given) -> str | None:
    after = ((found.get("paging") or {}).get("next") or {}).get("after")
    return str(after) if after else None


def _end(end: Given) -> tuple[str, str, bool]:
    types = end.get("associationTypes") or ()
    labels = [str(one["label"]) for one in types if one.get("label")]
    is_primary = "Primary" in labels
    shown = "; ".join(label for label in labels if label != "Primary")
    return str(end.get("toObjectId")), shown, is_primary


def _rank(end: tuple[str, str, bool]) -> bool:
    return not end[2]


def _is_spent(reply: Reply) -> bool:
    is_told = isinstance(reply.body, dict)
    return reply.status == 429 and is_told and reply.body.get("policyName") == "DAILY"
