"""The loopback Salesforce and HubSpot, taking changes: what they hold is what tests look at."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tests import hubspot_server, salesforce_server
from tests.hubspot_server import TOKEN, Hubspot
from tests.rest_server import Answer, Request
from tests.salesforce_server import Salesforce

_TYPES = {
    "Amount": "currency", "AnnualRevenue": "currency", "CloseDate": "date",
    "NumberOfEmployees": "int", "ActivityDate": "date", "Due__c": "datetime",
    "StageName": "picklist", "LeadSource": "picklist", "Description": "textarea",
}  # fmt: skip
_PROPERTIES: dict[str, dict[str, Any]] = {
    "amount": {"type": "number"},
    "closedate": {"type": "datetime"},
    "numberofemployees": {"type": "number"},
    "hs_analytics_source": {
        "type": "enumeration", "options": [], "modificationMetadata": {"readOnlyValue": True},
    },
    "hs_manual_forecast_category": {
        "type": "enumeration", "options": [{"value": "PIPELINE"}, {"value": "COMMIT"}],
    },
}  # fmt: skip


@dataclass
class WritableSalesforce(Salesforce):
    """`changes` are the requests that changed something; `locked` fields are read-only for us."""

    changes: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    locked: set[str] = field(default_factory=set)

    def put(self, name: str, record_id: str, /, **fields: Any) -> None:
        stamp = salesforce_server.iso(self.now.replace(microsecond=0))
        super().put(name, record_id, LastModifiedDate=stamp, **fields)

    def fields(self, name: str) -> list[str]:
        marks = ["Copilot_Mark__c"] if name == "Task" else []
        return [*super().fields(name), "LastModifiedDate", *marks]

    def _description(self, name: str) -> dict[str, Any]:
        found = super()._description(name)
        for one in found["fields"]:
            one["type"] = _TYPES.get(one["name"], "string")
            is_closed = one["name"] == "StageName"
            one["updateable"] = one["name"] not in self.locked
            one["restrictedPicklist"] = is_closed
            stages = self.records.get("OpportunityStage", {}).values() if is_closed else ()
            one["picklistValues"] = [{"value": row["ApiName"], "active": True} for row in stages]
        return found

    def _api(self, rest: str, request: Request) -> Answer:
        row = re.fullmatch(r"sobjects/(\w+)/(\w+)", rest)
        if request.method == "PATCH" and row:
            return self._change(row[1], row[2], request)
        if request.method == "POST" and rest == "sobjects/Task":
            return self._make("Task", request.body)
        if row and row[2] != "describe":
            return self._one(row[1], row[2], request.query["fields"].split(","))
        return super()._api(rest, request)

    def _one(self, name: str, record_id: str, names: list[str]) -> Answer:
        row = self.records.get(name, {}).get(record_id)
        if row is None or row["IsDeleted"]:
            return _told(404, "NOT_FOUND", "The requested resource does not exist")
        hidden = [one for one in names if one not in self.fields(name)]
        if hidden:
            return _told(400, "INVALID_FIELD", f"No such column '{hidden[0]}' on '{name}'")
        return Answer(body={"attributes": {"type": name}, **{one: row.get(one) for one in names}})

    def _change(self, name: str, record_id: str, request: Request) -> Answer:
        row = self.records.get(name, {}).get(record_id)
        if row is None or row["IsDeleted"]:
            return _told(404, "ENTITY_IS_DELETED", "entity is deleted")
        since = parsedate_to_datetime(request.headers["if-unmodified-since"])
        if datetime.fromisoformat(row["LastModifiedDate"]) > since:
            return Answer(412, raw=b"")
        fixed = sorted(set(request.body) & self.locked)
        if fixed:
            code = "INVALID_FIELD_FOR_INSERT_UPDATE"
            return _told(400, code, f"Unable to create/update fields: {', '.join(fixed)}")
        self.put(name, record_id, **request.body)
        self.changes.append((name, record_id, request.body))
        return Answer(204, raw=b"")

    def _make(self, name: str, values: dict[str, Any]) -> Answer:
        if not set(values) <= set(self.fields(name)) | {"Status"}:
            return _told(400, "INVALID_FIELD", f"No such column in {sorted(values)}")
        record_id = f"00T{len(self.records.get(name, {})):03d}"
        known = {key: value for key, value in values.items() if key != "Status"}
        self.put(name, record_id, IsClosed=values["Status"] == "Completed", **known)
        self.changes.append((name, record_id, values))
        return Answer(201, {"id": record_id, "success": True, "errors": []})


@dataclass
class WritableHubspot(Hubspot):
    """`changes` are the requests that changed something."""

    changes: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        parts = request.path.strip("/").split("/")
        if request.headers.get("authorization") != f"Bearer {TOKEN}" or set(parts) & self.forbidden:
            return super().respond(request)
        if parts[:3] == ["crm", "v3", "properties"]:
            return Answer(body={"name": parts[4], **self._property(parts[3], parts[4])})
        if parts[:3] == ["crm", "v4", "objects"] and parts[5] == "associations":
            ends = self.links.get((parts[3], parts[4], parts[6]), [])
            return Answer(body={"results": [{"toObjectId": int(end)} for end, _ in ends]})
        if parts[:3] == ["crm", "v3", "objects"]:
            if parts[-2:] == ["batch", "read"] and request.body.get("properties"):
                return self._read_all(parts[3], request.body)
            if len(parts) == 5 and parts[4] != "search":
                return self._one(parts[3], parts[4], request)
            if request.method == "POST" and len(parts) == 4:
                return self._make(parts[3], request.body)
        return super().respond(request)

    def _property(self, name: str, column: str) -> dict[str, Any]:
        if column == "dealstage":
            stages = [
                one["id"] for line in hubspot_server.PIPELINES for one in line["stages"]  # type: ignore[attr-defined]
            ]  # fmt: skip
            return {"type": "enumeration", "options": [{"value": one} for one in stages]}
        return _PROPERTIES.get(column, {"type": "string"})

    def _one(self, name: str, record_id: str, request: Request) -> Answer:
        record = self.records.get(name, {}).get(record_id)
        if record is None or record["archived"]:
            return Answer(404, {"status": "error", "category": "OBJECT_NOT_FOUND"})
        if request.method == "PATCH":
            values = {
                key: value if value != "" else None
                for key, value in request.body["properties"].items()
            }
            fixed = [one for one in values if one == "hs_analytics_source"]
            if fixed:
                return Answer(400, {"category": "VALIDATION_ERROR", "message": "read only"})
            self.put(name, record_id, **values)
            self.changes.append((name, record_id, request.body["properties"]))
            record = self.records[name][record_id]
            return Answer(body=record)
        return Answer(body=hubspot_server._picked(record, request.query["properties"].split(",")))

    def _read_all(self, name: str, body: dict[str, Any]) -> Answer:
        rows = [self.records.get(name, {}).get(one["id"]) for one in body["inputs"]]
        found = [hubspot_server._picked(row, body["properties"]) for row in rows if row]
        return Answer(body={"status": "COMPLETE", "results": found})

    def _make(self, name: str, body: dict[str, Any]) -> Answer:
        if not body["properties"].get("hs_timestamp"):
            return Answer(400, {"category": "VALIDATION_ERROR", "message": "hs_timestamp"})
        record_id = str(9_000 + len(self.records.get(name, {})))
        self.put(name, record_id, **body["properties"])
        objects = {204: "contacts", 192: "companies", 216: "deals"} | {
            202: "contacts", 190: "companies", 214: "deals",
        }  # fmt: skip
        for end in body["associations"]:
            other = objects[end["types"][0]["associationTypeId"]]
            self.link(other, end["to"]["id"], name, record_id)
            self.link(name, record_id, other, end["to"]["id"])
        self.changes.append((name, record_id, body["properties"]))
        return Answer(201, {"id": record_id, "properties": body["properties"]})


def _told(status: int, code: str, message: str) -> Answer:
    return Answer(status, [{"errorCode": code, "message": message}])
