"""HubSpot's records as flat rows, with the columns that have to be worked out from several."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ingest.mail.html import html_to_text
from ingest.sources.places import parse_time, shown_time

Row = dict[str, Any]
Given = Mapping[str, Any]

TRACKED = ("dealstage", "closedate", "amount")
MERGED = "hs_merged_object_ids"
_TIMES = frozenset({"closedate", "createdate", "hs_createdate", "hs_timestamp", "closed_date"})
_NAMES = {
    "contacts": ("firstname", "lastname"),
    "companies": ("name",),
    "leads": ("hs_lead_name",),
}
_ELSE_NAMED = {"contacts": ("email", "phone"), "companies": ("domain",)}
_SUBJECTS = {
    "calls": "hs_call_title", "emails": "hs_email_subject", "meetings": "hs_meeting_title",
    "tasks": "hs_task_subject", "tickets": "subject",
}  # fmt: skip
_BODIES = {
    "calls": "hs_call_body", "emails": "hs_email_text", "meetings": "hs_meeting_body",
    "notes": "hs_note_body", "tasks": "hs_task_body",
}  # fmt: skip
_STAGED = {"leads": "hs_pipeline_stage", "tickets": "hs_pipeline_stage"}
_NO_SUBJECT = "(no subject)"
_LONGEST_SUBJECT = 80

# Worked-out columns that associations fill, and with what.
LINKED = {"_company_id": "companies", "_deal_id": "deals", "_contact_id": "contacts"}
_WORKED_OUT = frozenset(
    {"_name", "_currency", "_stage", "_subject", "_body", "_done_at", "_team", "_is_active"}
)


def needed_properties(name: str, columns: Iterable[str]) -> list[str]:
    """Return the properties to ask for, so that the columns can be filled."""
    wanted: dict[str, None] = {}
    for column in columns:
        wanted |= dict.fromkeys(_needs(name, column))
    wanted[MERGED] = None
    return list(wanted)


def _needs(name: str, column: str) -> Iterable[str]:
    return {
        "id": (),
        "_name": (*_NAMES.get(name, ("name",)), *_ELSE_NAMED.get(name, ())),
        "_currency": ("deal_currency_code",) if name == "deals" else (),
        "_stage": (_STAGED.get(name, "hs_pipeline_stage"),),
        "_subject": (*filter(None, (_SUBJECTS.get(name), _BODIES.get(name))),),
        "_body": (*filter(None, (_BODIES.get(name),)),),
        "_done_at": ("hs_task_status", "hs_task_completion_date", "hs_timestamp"),
        **dict.fromkeys(LINKED, ()),
    }.get(column, (column,))


def flat_row(
    name: str, record: Given, columns: Iterable[str], stages: Given, currency: str | None
) -> Row:
    """Return a record as a row; `stages` are labels by stage id."""
    values = record.get("properties") or {}
    row: Row = {key: _tidy(key, value) for key, value in values.items()}
    row["id"] = str(record["id"])
    for column in columns:
        if column in _WORKED_OUT:
            row[column] = _worked_out(name, column, row, stages, currency)
    if "_body" in columns:
        body = row["_body"]
        row["_body"] = html_to_text(body) if isinstance(body, str) and "<" in body else body
    return row


def _worked_out(name: str, column: str, row: Row, stages: Given, currency: str | None) -> Any:
    if column == "_name":
        return _named(name, row)
    if column == "_currency":
        return row.get("deal_currency_code") or currency
    if column == "_stage":
        stage = row.get(_STAGED.get(name, "hs_pipeline_stage"))
        return stages.get(str(stage), stage)
    if column == "_done_at":
        is_done = row.get("hs_task_status") == "COMPLETED"
        return (row.get("hs_task_completion_date") or row.get("hs_timestamp")) if is_done else None
    if column == "_body":
        return row.get(_BODIES.get(name, ""))
    return _subject(name, row)


def _named(name: str, row: Row) -> str:
    parts = [str(row[key]).strip() for key in _NAMES.get(name, ("name",)) if row.get(key)]
    others = [str(row[key]) for key in _ELSE_NAMED.get(name, ()) if row.get(key)]
    return " ".join(parts) or next(iter(others), "") or str(row["id"])


def _subject(name: str, row: Row) -> str:
    given = str(row.get(_SUBJECTS.get(name, "")) or "").strip()
    if given:
        return given
    body = str(row.get(_BODIES.get(name, "")) or "")
    first = html_to_text(body).strip().split("\n")[0] if body else ""
    return first[:_LONGEST_SUBJECT] or _NO_SUBJECT


def owner_row(owner: Given, *, is_active: bool) -> Row:
    """Return a person who can own records."""
    name = " ".join(str(owner[key]) for key in ("firstName", "lastName") if owner.get(key))
    teams = owner.get("teams") or ()
    first: Given = next((team for team in teams if team.get("primary")), next(iter(teams), {}))
    return {
        "id": str(owner["id"]),
        "email": owner.get("email"),
        "_name": name or owner.get("email") or str(owner["id"]),
        "_team": first.get("name"),
        "_is_active": is_active,
    }


def stage_rows(pipelines: Sequence[Given]) -> list[Row]:
    """Return the stages of all pipelines in order; one name twice is told apart by pipeline."""
    staged = [(pipeline, stage) for pipeline in _ordered(pipelines)
              for stage in _ordered(pipeline.get("stages") or ())]  # fmt: skip
    names = [stage.get("label") for _pipeline, stage in staged]
    rows: list[Row] = []
    for position, (pipeline, stage) in enumerate(staged, start=1):
        label = stage.get("label")
        is_shared = names.count(label) > 1
        chance = (stage.get("metadata") or {}).get("probability")
        rows.append(
            {
                "id": str(stage["id"]),
                "name": f"{label} ({pipeline.get('label')})" if is_shared else label,
                "position": position,
                "status": _status(stage.get("metadata") or {}),
                "probability": chance,
            }
        )
    return rows


def _ordered(items: Iterable[Given]) -> list[Given]:
    return sorted(items, key=lambda item: int(item.get("displayOrder") or 0))


def _status(metadata: Given) -> str:
    try:
        chance = float(metadata.get("probability") or 0)
    except ValueError:
        chance = 0.5
    if str(metadata.get("isClosed")).casefold() == "true" or chance >= 1:
        return "won" if chance >= 1 else "lost"
    return "open"


def changes_of(deal: str, name: str, versions: Iterable[Given]) -> Iterator[Row]:
    """Yield the changes of a property, oldest first.

    The first value counts for the stage only: the deal came into being with the rest.
    """
    timed = [
        (moment, _tidy(name, one.get("value")))
        for one in versions
        if (moment := parse_time(one.get("timestamp"))) and one.get("value") not in (None, "")
    ]
    timed.sort(key=lambda pair: pair[0])
    if timed and name == "dealstage":
        yield _change(deal, *timed[0], None)
    for (_, old), (moment, new) in pairwise(timed):
        if old != new:
            yield _change(deal, moment, new, old)


def _change(deal: str, moment: Any, new: Any, old: Any) -> Row:
    at = shown_time(moment)
    return {"id": f"{deal}|{at}|{new}", "deal": deal, "old": old, "new": new, "at": at}


def _tidy(name: str, value: Any) -> Any:
    """Times come as ISO 8601, or in histories as milliseconds since 1970."""
    if name in _TIMES and value:
        moment = parse_time(value)
        return shown_time(moment) if moment else value
    return None if value == "" else value
