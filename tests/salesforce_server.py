"""A loopback Salesforce: tokens, SOQL with paging, descriptions, deletions, limits."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.rest_server import Answer, Request, RestServer

CLIENT_SECRET, REFRESH = "s3cret-of-the-app", "5Aep861-refresh"
_TOKEN = re.compile(r"\(|\)|'[^']*'|,|>=|>|=|[^\s(),=>]+")
_SYSTEM = ("Id", "SystemModstamp", "CreatedDate", "IsDeleted")
FIELDS: dict[str, tuple[str, ...]] = {
    "OpportunityStage": (
        "ApiName", "MasterLabel", "SortOrder", "IsClosed", "IsWon", "DefaultProbability",
    ),
    "User": ("Name", "Email", "Title", "ManagerId", "IsActive", "UserRoleId"),
    "Account": (
        "Name", "Industry", "BillingCountry", "BillingCity", "Website", "NumberOfEmployees",
        "AnnualRevenue", "YearStarted", "OwnerId", "ParentId", "MasterRecordId",
    ),
    "Contact": ("Name", "Email", "Phone", "MobilePhone", "Title", "AccountId", "MasterRecordId"),
    "Product2": ("Name", "Family", "Description", "IsActive"),
    "Opportunity": (
        "Name", "AccountId", "OwnerId", "StageName", "Amount", "LeadSource",
        "ForecastCategoryName", "NextStep", "CloseDate", "IsClosed", "IsWon",
    ),
    "Lead": (
        "Name", "Company", "Email", "Status", "LeadSource", "OwnerId", "ConvertedDate",
        "ConvertedOpportunityId", "MasterRecordId",
    ),
    "OpportunityLineItem": ("OpportunityId", "Product2Id", "Quantity", "TotalPrice"),
    "OpportunityContactRole": ("OpportunityId", "ContactId", "Role"),
    "OpportunityHistory": (
        "OpportunityId", "StageName", "Amount", "CloseDate", "Probability", "ForecastCategory",
    ),
    "Task": (
        "Subject", "Description", "OwnerId", "AccountId", "WhatId", "WhoId", "TaskSubtype",
        "IsClosed", "CompletedDateTime", "ActivityDate",
    ),
    "Event": (
        "Subject", "Description", "OwnerId", "AccountId", "WhatId", "WhoId", "StartDateTime",
    ),
    "Case": (
        "Subject", "Status", "Priority", "Type", "AccountId", "ContactId", "OwnerId",
        "ProductId", "ClosedDate",
    ),
}  # fmt: skip
_NO_DELETION = {"User", "OpportunityStage"}


@dataclass
class Salesforce:
    """The organisation; `now` is the server's clock, `page` how many records a page holds."""

    now: datetime
    page: int = 2_000
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    log: list[tuple[str, str, datetime]] = field(default_factory=list)
    usage: str = "1/15000"
    tokens: set[str] = field(default_factory=set)
    logins: int = 0
    _locators: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server = RestServer(self.respond, lambda: self.now)

    def put(self, name: str, record_id: str, /, **fields: Any) -> None:
        """Make or change a record; its stamps follow the server's clock."""
        table = self.records.setdefault(name, {})
        known = table.get(record_id) or {
            **dict.fromkeys(FIELDS[name]), "Id": record_id, "CreatedDate": iso(self.now),
        }  # fmt: skip
        stamp = {"SystemModstamp": iso(self.now), "IsDeleted": False}
        table[record_id] = {**known, **stamp, **fields}

    def delete(self, name: str, record_id: str, *, master: str | None = None) -> None:
        """Put a record into the recycle bin, as a merge into `master` or without."""
        change: dict[str, Any] = {"IsDeleted": True, "SystemModstamp": iso(self.now)}
        if master:
            change["MasterRecordId"] = master
        self.records[name][record_id] |= change
        self.log.append((name, record_id, self.now))

    def purge(self, name: str, record_id: str) -> None:
        """Delete for good: only the log of deletions still knows."""
        del self.records[name][record_id]
        self.log.append((name, record_id, self.now))

    def tick(self, **span: float) -> None:
        self.now += timedelta(**span)

    def respond(self, request: Request) -> Answer:
        if request.path == "/services/oauth2/token":
            return self._log_in(request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _error(401, "INVALID_SESSION_ID", "Session expired or invalid")
        rest = request.path.removeprefix("/services/data/v62.0/")
        answer = self._api(rest, request)
        answer.headers["Sforce-Limit-Info"] = f"api-usage={self.usage}"
        return answer

    def _log_in(self, request: Request) -> Answer:
        form = request.body
        is_right = form.get("client_secret") == CLIENT_SECRET and form["client_id"] == "app"
        if form["grant_type"] == "refresh_token":
            is_right = is_right and form.get("refresh_token") == REFRESH
        if not is_right:
            body = {"error": "invalid_grant", "error_description": "expired access/refresh token"}
            return Answer(400, body)
        self.logins += 1
        token = f"token-{self.logins}"
        self.tokens.add(token)
        return Answer(body={"access_token": token, "instance_url": self.server.url})

    def _api(self, rest: str, request: Request) -> Answer:
        if rest in ("query", "queryAll"):
            return self._query(request.query["q"], with_deleted=rest == "queryAll")
        if rest.startswith("query/"):
            rows = self._locators.pop(rest, None)
            if rows is None:
                return _error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
            return self._paged(rows, len(rows))
        _sobjects, name, what = rest.rstrip("/").split("/")
        if name not in FIELDS or name in self.missing:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        if what == "describe":
            return Answer(body=self._description(name))
        return self._deletions(name, request.query)

    def fields(self, name: str) -> list[str]:
        own = [one for one in _SYSTEM if not (one == "IsDeleted" and name in _NO_DELETION)]
        return [one for one in (*own, *FIELDS[name]) if f"{name}.{one}" not in self.hidden]

    def _description(self, name: str) -> dict[str, Any]:
        fields = [
            {"name": one, "relationshipName": "UserRole" if one == "UserRoleId" else None}
            for one in self.fields(name)
        ]
        return {"name": name, "queryable": True, "replicateable": True, "fields": fields}

    def _deletions(self, name: str, query: dict[str, str]) -> Answer:
        start, end = (datetime.fromisoformat(query[key]) for key in ("start", "end"))
        if end - start < timedelta(minutes=1) or start < self.now - timedelta(days=15):
            return _error(400, "INVALID_REPLICATION_DATE", "start date out of range")
        found = [
            {"id": record_id, "deletedDate": iso(at)}
            for table, record_id, at in self.log
            if table == name and start <= at < end
        ]
        body = {"deletedRecords": found, "latestDateCovered": iso(end)}
        return Answer(body=body)

    def _query(self, soql: str, *, with_deleted: bool) -> Answer:
        found = re.fullmatch(
            r"SELECT (.+?) FROM (\w+)(?: WHERE (.+?))?(?: ORDER BY (.+?))?", soql.strip()
        )
        if found is None:
            return _error(400, "MALFORMED_QUERY", f"unexpected token: {soql[:40]}")
        names, table, where, order = found[1].split(", "), found[2], found[3], found[4]
        for name in names:
            if "." not in name and name not in self.fields(table):
                return _error(400, "INVALID_FIELD", f"No such column '{name}' on '{table}'")
        rows = [
            row
            for row in self.records.get(table, {}).values()
            if (with_deleted or not row["IsDeleted"]) and (not where or _Where(where).test(row))
        ]
        for key in reversed((order or "").split(", ")):
            if key:
                rows.sort(key=lambda row, key=key: row[key])  # type: ignore[misc]
        picked = [{"attributes": {"type": table}, **_picked(row, names)} for row in rows]
        return self._paged(picked, len(picked))

    def _paged(self, rows: list[dict[str, Any]], total: int) -> Answer:
        body: dict[str, Any] = {
            "totalSize": total, "done": len(rows) <= self.page, "records": rows[: self.page],
        }  # fmt: skip
        if not body["done"]:
            locator = f"query/01g{len(self.server.requests):012d}-{self.page}"
            self._locators[locator] = rows[self.page :]
            body["nextRecordsUrl"] = f"/services/data/v62.0/{locator}"
        return Answer(body=body)


class _Where:
    """A condition of the forms that SOQL has: comparisons, IN, AND, OR, brackets."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._test = self._either()
        assert not self._tokens, f"unread: {self._tokens}"

    def test(self, row: dict[str, Any]) -> bool:
        return self._test(row)

    def _either(self) -> Callable[[dict[str, Any]], bool]:
        parts = [self._both()]
        while self._tokens[:1] == ["OR"]:
            self._tokens.pop(0)
            parts.append(self._both())
        return lambda row: any(part(row) for part in parts)

    def _both(self) -> Callable[[dict[str, Any]], bool]:
        parts = [self._one()]
        while self._tokens[:1] == ["AND"]:
            self._tokens.pop(0)
            parts.append(self._one())
        return lambda row: all(part(row) for part in parts)

    def _one(self) -> Callable[[dict[str, Any]], bool]:
        name = self._tokens.pop(0)
        if name == "(":
            inner = self._either()
            assert self._tokens.pop(0) == ")"
            return inner
        sign = self._tokens.pop(0)
        if sign == "IN":
            end = self._tokens.index(")")
            values = {one.strip("'") for one in self._tokens[1:end] if one != ","}
            del self._tokens[: end + 1]
            return lambda row: row[name] in values
        literal = self._tokens.pop(0)
        value: Any = literal.strip("'")
        if not literal.startswith("'"):
            value = iso(datetime.fromisoformat(literal))
        return {
            ">": lambda row: row[name] > value,
            ">=": lambda row: row[name] >= value,
            "=": lambda row: row[name] == value,
        }[sign]


def iso(moment: datetime) -> str:
    """A time as Salesforce writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def _picked(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    picked: dict[str, Any] = {}
    for name in names:
        head, dot, rest = name.partition(".")
        picked[head] = {rest: row[name]} if dot and row.get(name) else row.get(name)
    return picked


def _error(status: int, code: str, message: str) -> Answer:
    return Answer(status, [{"errorCode": code, "message": message}])
