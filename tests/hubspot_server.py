"""A loopback HubSpot: lists, searches with their cap, associations, histories, limits."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.rest_server import Answer, Request, RestServer

TOKEN = "pat-eu1-0000-secret"
MOST_FOUND = 10_000
PIPELINES = [
    {
        "id": "default", "label": "Sales", "displayOrder": 0,
        "stages": [
            {"id": "appointment", "label": "Appointment", "displayOrder": 0,
             "metadata": {"isClosed": "false", "probability": "0.2"}},
            {"id": "closedwon", "label": "Closed won", "displayOrder": 1,
             "metadata": {"isClosed": "true", "probability": "1.0"}},
            {"id": "closedlost", "label": "Closed lost", "displayOrder": 2,
             "metadata": {"isClosed": "true", "probability": "0.0"}},
        ],
    },
    {
        "id": "77", "label": "Renewals", "displayOrder": 1,
        "stages": [
            {"id": "7701", "label": "Closed won", "displayOrder": 0,
             "metadata": {"isClosed": "true", "probability": "1.0"}},
        ],
    },
]  # fmt: skip


@dataclass
class Hubspot:
    """The account; `now` is the server's clock."""

    now: datetime
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    links: dict[tuple[str, str, str], list[tuple[str, str]]] = field(default_factory=dict)
    histories: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)
    owners: list[dict[str, Any]] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)
    currency: str | None = "EUR"

    def __post_init__(self) -> None:
        self.server = RestServer(self.respond, lambda: self.now)

    def put(self, name: str, record_id: str, /, **properties: Any) -> None:
        stamp = "lastmodifieddate" if name == "contacts" else "hs_lastmodifieddate"
        table = self.records.setdefault(name, {})
        known = table.get(record_id, {"properties": {"createdate": iso(self.now)}})
        for key, value in properties.items():
            if value is not None:
                version = {"value": str(value), "timestamp": iso(self.now)}
                self.histories.setdefault((record_id, key), []).insert(0, version)
        changed = {**known["properties"], stamp: iso(self.now), "hs_object_id": record_id}
        table[record_id] = {
            "id": record_id, "archived": False, "properties": {**changed, **properties},
        }  # fmt: skip

    def link(self, name: str, record_id: str, other: str, other_id: str, label: str = "") -> None:
        self.links.setdefault((name, record_id, other), []).append((other_id, label))

    def archive(self, name: str, record_id: str) -> None:
        self.records[name][record_id] |= {"archived": True, "archivedAt": iso(self.now)}

    def tick(self, **span: float) -> None:
        self.now += timedelta(**span)

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            body = {"status": "error", "category": "INVALID_AUTHENTICATION", "message": "expired"}
            return Answer(401, body)
        parts = request.path.strip("/").split("/")
        if set(parts) & self.forbidden:
            body = {"status": "error", "category": "MISSING_SCOPES", "message": "needs a scope"}
            return Answer(403, body)
        if parts[0] == "account-info":
            return Answer(body={"portalId": 1, "companyCurrency": self.currency})
        if parts[1:3] == ["v3", "owners"]:
            archived = request.query["archived"] == "true"
            listed = [one for one in self.owners if one.get("archived", False) is archived]
            return Answer(body={"results": listed})
        if parts[1:3] == ["v3", "pipelines"]:
            return Answer(body={"results": PIPELINES if parts[3] == "deals" else []})
        if parts[2] == "associations":
            return self._linked(parts[3], parts[4], request.body["inputs"])
        if parts[-1] == "search":
            return self._search(parts[3], request.body)
        if parts[-2:] == ["batch", "read"]:
            return self._batch(parts[3], request.body)
        return self._list(parts[3], request.query)

    def _list(self, name: str, query: dict[str, str]) -> Answer:
        assert int(query["limit"]) <= 100
        archived = query["archived"] == "true"
        rows = [one for one in self.records.get(name, {}).values() if one["archived"] is archived]
        rows = [
            one for one in sorted(rows, key=_number) if _number(one) > int(query.get("after", 0))
        ]
        asked = query.get("properties", "").split(",")
        return _paged(
            [_picked(one, asked) for one in rows[:100]], rows[100:], lambda one: one["id"]
        )

    def _search(self, name: str, body: dict[str, Any]) -> Answer:
        assert body["limit"] <= 200
        after = int(body.get("after") or 0)
        if after + body["limit"] > MOST_FOUND:
            return Answer(400, {"status": "error", "message": "paging beyond 10000"})
        tests = body["filterGroups"][0]["filters"]
        rows = [
            one for one in self.records.get(name, {}).values()
            if not one["archived"] and all(_passes(one, test) for test in tests)
        ]  # fmt: skip
        order = body["sorts"][0]["propertyName"]
        rows.sort(key=lambda one: _value(one, order))
        end = after + body["limit"]
        page = [_picked(one, body["properties"]) for one in rows[after:end]]
        found = _paged(page, rows[end:], lambda _: str(end))
        found.body["total"] = len(rows)
        return found

    def _batch(self, name: str, body: dict[str, Any]) -> Answer:
        assert len(body["inputs"]) <= 50
        wanted = body["propertiesWithHistory"]
        results = [
            {
                "id": one["id"],
                "propertiesWithHistory": {
                    key: self.histories.get((one["id"], key), []) for key in wanted
                },
            }
            for one in body["inputs"]
            if one["id"] in self.records.get(name, {})
        ]
        return Answer(body={"status": "COMPLETE", "results": results})

    def _linked(self, name: str, other: str, inputs: list[dict[str, str]]) -> Answer:
        assert len(inputs) <= 1_000
        results = []
        for one in inputs:
            ends = self.links.get((name, one["id"], other))
            if ends:
                to = [
                    {"toObjectId": int(end), "associationTypes": [{"typeId": 5, "label": label}]}
                    for end, label in ends
                ]
                results.append({"from": {"id": one["id"]}, "to": to})
        return Answer(207, {"status": "COMPLETE", "results": results})


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(record: dict[str, Any]) -> int:
    return int(record["id"])


def _picked(record: dict[str, Any], asked: list[str]) -> dict[str, Any]:
    properties = {key: record["properties"].get(key) for key in asked if key}
    return {**record, "properties": properties}


def _value(record: dict[str, Any], name: str) -> int:
    value = str(record["properties"].get(name))
    if value.isdigit():
        return int(value)
    return round(datetime.fromisoformat(value).timestamp() * 1000)


def _passes(record: dict[str, Any], test: dict[str, str]) -> bool:
    mine, other = _value(record, test["propertyName"]), int(test["value"])
    return {"GTE": mine >= other, "GT": mine > other, "EQ": mine == other}[test["operator"]]


def _paged(page: list[Any], rest: list[Any], after: Any) -> Answer:
    body: dict[str, Any] = {"results": page}
    if rest:
        body["paging"] = {"next": {"after": after(page[-1])}}
    return Answer(body=body)
