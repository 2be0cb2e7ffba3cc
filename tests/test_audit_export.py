"""The trail given out: filtered, as lines, JSON and CSV, a few events at a time."""

import csv
import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from copilot.cli.audit_shown import Form, Names, event_lines, first_line, line_writer
from copilot.cli.main import app
from crm.audit.exporting import Wanted, count_trail, export_trail
from crm.audit.trail import Deed, record
from crm.errors import BadInput
from crm.principal import Principal, Role
from crm.store import Store
from tests.conversation_seed import add_account, add_user

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
ANNA = Principal(3, "Anna", Role.REP)
OWNER = Principal.local_owner()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in (("HOME", str(tmp_path)), ("TIME_ZONE", "Asia/Shanghai")):
        monkeypatch.setenv(f"SALES_COPILOT_{name}", value)
    return tmp_path


@pytest.fixture
def trail(home: Path) -> Store:
    store = Store.sqlite(home / "default" / "crm.db")
    store.migrate()
    with store.session() as session:
        add_user(session, 3, "Anna Berg", email="anna@us.example")
        add_account(session, 1, "Acme")
        approve = Deed("action.approve", "action:6", before={"status": "waiting", "n": 1},
                       after={"status": "approved", "n": 1}, reason="=cmd|x", agent="copilot",
                       read=["opportunity:12", "account:1"], saw=["5f2c" * 16])  # fmt: skip
        record(session, approve, principal=ANNA, now=NOW)
        deed = Deed("conversation.forget", "conversation:66", subjects=["contact:12"])
        record(session, deed, principal=OWNER, now=NOW + timedelta(hours=8))
        record(session, Deed("actions", "action:7"), principal=OWNER, now=NOW + timedelta(days=1))
    return store


def run(*args: str) -> Any:
    return CliRunner().invoke(app, ["audit", *args], terminal_width=80)


def listed(*args: str) -> list[int]:
    result = run("list", "--json", *args)
    assert result.exit_code == 0, result.output
    return [one["seq"] for one in json.loads(result.stdout)["events"]]


@pytest.mark.parametrize(
    ("args", "numbers"),
    [
        (("--kind", "action"), [1]),
        (("--kind", "action.approve"), [1]),
        (("--kind", "act%"), []),
        (("--person", "user:3"), [1]),
        (("--person", "anna@us.example"), [1]),
        (("--person", "owner"), [3, 2]),
        (("--agent", "copilot"), [1]),
        (("--object", "action"), [3, 1]),
        (("--object", "action:6"), [1]),
        (("--object", "conversation:6"), []),
        (("--object", "contact:12"), [2]),
        (("--until", "2026-11-16"), [1]),
        (("--from", "2026-11-17", "--until", "2026-11-17"), [3, 2]),
        (("--limit", "2"), [3, 2]),
    ],
)
def test_events_are_found_by_person_agent_kind_object_and_the_days_of_the_company(
    trail: Store, args: tuple[str, ...], numbers: list[int]
) -> None:
    assert listed(*args) == numbers


def test_it_says_how_many_more_there_are(trail: Store) -> None:
    assert json.loads(run("list", "--limit", "1", "--json").stdout)["more"] == 2
    assert "2 more" in run("list", "--limit", "1").output


def test_an_event_reads_in_a_few_lines_with_who_when_what_changed_and_what_was_read(
    trail: Store,
) -> None:
    lines = run("list", "--kind", "action").stdout.splitlines()
    assert lines == [
        "1  2026-11-16 17:00:00  Anna Berg (user:3) through copilot  action.approve  action:6",
        "    status: waiting → approved",
        "    reason: =cmd|x",
        "    read 2: opportunity:12, account:1",
        f"    the model saw 1 prompts: {('5f2c' * 3)}",
    ]


def test_csv_has_local_time_names_and_no_formula(trail: Store, tmp_path: Path) -> None:
    target = tmp_path / "october.csv"
    assert run("export", "--out", str(target)).exit_code == 0
    text = target.read_text("utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["seq"] for row in rows] == ["1", "2", "3"]
    first = rows[0]
    assert (first["at"], first["local_time"]) == (NOW.isoformat(), "2026-11-16 17:00:00")
    assert (first["name"], first["reason"]) == ("Anna Berg", "'=cmd|x")
    assert json.loads(first["before"]) == {"status": "waiting", "n": 1}
    assert (first["read"], len(first["digest"])) == ("opportunity:12 account:1", 64)


def test_jsonl_has_every_event_whole_and_the_export_is_an_event(
    trail: Store, tmp_path: Path
) -> None:
    target = tmp_path / "trail.jsonl"
    assert run("export", "--kind", "action", "--out", str(target)).exit_code == 0
    (event,) = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert (event["at"], event["detail"]["after"]["status"]) == (NOW.isoformat(), "approved")
    with trail.session() as session:
        (noted,) = export_trail(session, Wanted(action="audit.export"), principal=OWNER)
    assert noted["detail"]["after"] == {"kind": "action", "events": 1, "form": "jsonl"}


def test_an_export_that_cannot_be_written_leaves_nothing(trail: Store, tmp_path: Path) -> None:
    target = tmp_path / "missing" / "trail.jsonl"
    assert run("export", "--out", str(target)).exit_code == 2
    assert not target.parent.exists()


def test_an_erased_detail_is_told_as_such(trail: Store) -> None:
    event = {"seq": 1, "at": NOW.isoformat(), "person": "owner", "agent": None, "action": "x",
             "object": "y:1", "read": [], "saw": [], "detail_digest": "", "previous": "",
             "digest": "", "detail": None}  # fmt: skip
    with trail.session() as session:
        assert event_lines(event, Names(session), UTC)[1] == "    its detail was erased"
        assert "[erased]" in line_writer(Form.CSV, Names(session), UTC)(event)
    assert first_line(Form.JSONL) == ""


def test_a_long_trail_is_read_a_few_events_at_a_time(store: Store) -> None:
    with store.session() as session:
        for number in range(3_000):
            deed = Deed("noted", f"account:{number}", after={"text": "x" * 10_000})
            record(session, deed, principal=OWNER, now=NOW)
    with store.session() as session:
        tracemalloc.start()
        number = sum(1 for _ in export_trail(session, Wanted(), principal=OWNER))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert number == count_trail(session, Wanted(), principal=OWNER) == 3_000
    assert peak < 20_000_000


def test_a_day_that_is_none_is_refused(trail: Store) -> None:
    result = run("list", "--from", "yesterday", "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["kind"]) == (2, BadInput.__name__)
