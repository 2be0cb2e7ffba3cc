"""The documents of `approvals` have exactly the fields that docs/json.md names."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from copilot.cli.main import app
from crm.store import Store
from tests.approval_world import BY_RULE, Desk, fill
from tests.test_cli_json import DOCS, conforms, documented

ANNA, MIA = ("--as", "anna@acme.example"), ("--as", "mia@acme.example")
HEAD = {"schema_version", "status"}
ACTION = "One of the `actions` of `approvals`:"


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A workspace with the organisation; Anna proposes, Mia is her manager."""
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path))
    monkeypatch.setenv("SALES_COPILOT_CACHE_DIR", str(tmp_path / "no-models"))
    monkeypatch.setenv("SALES_COPILOT_TODAY", "2026-11-16")
    monkeypatch.chdir(tmp_path)
    store = Store.sqlite(tmp_path / "default" / "crm.db")
    store.migrate()
    fill(store)
    return Desk(store, tmp_path)


def run(*args: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["approvals", *args, "--json"])
    document: dict[str, Any] = json.loads(result.stdout)
    assert document["schema_version"] == 1, result.output
    return document


def named(command: str) -> set[str]:
    """The fields that the document's line on a command names, before its first bracket closes."""
    section = DOCS[DOCS.index("## `approvals … --json`") : DOCS.index(ACTION)]
    line = section[section.index(f"`approvals {command}`") :].split("\n- ", 1)[0]
    said = re.sub(r"\([^)]*\)", "", line.split(":", 1)[1].split("\n\n")[0])
    return set(re.findall(r"`([a-z_0-9]+)`", said))


def propose(*more: str) -> dict[str, Any]:
    return run("propose", "task", "Call Priya", "--due", "2026-11-27", "--deal", "1", *more, *ANNA)


def test_an_action_has_the_documented_fields() -> None:
    assert set(propose()) == HEAD | named("propose …")
    run("propose", "discount", "1", "--percent", "15", "--reason", "three years", *ANNA)
    run("approve", "1", *ANNA)

    listed = run("list", "--all", *ANNA)
    shown = run("show", "1", *ANNA)

    assert set(listed) == HEAD | named("list") == HEAD | {"actions", "more"}
    assert set(shown) == HEAD | named("show")
    for action in [*listed["actions"], shown["action"]]:
        conforms(action, ACTION)
    for name in ("votes", "deciders"):
        row = DOCS[DOCS.index(f"| `{name}` | list", DOCS.index(ACTION)) :].split("\n")[0]
        fields = set(shown["action"][name][0])
        assert len(fields) == 4
        assert fields <= set(re.findall(r"`(\w+)`", row))
    assert shown["action"]["goes_to"] == "this copilot's store only"
    assert listed["actions"][0]["i_may"] is None


def test_votes_edits_and_handing_over_have_the_documented_fields(tmp_path: Path) -> None:
    for _ in range(3):
        propose()
    changed = run("show", "1", *ANNA)["action"]["payload"] | {"subject": "Call Priya twice"}
    file = tmp_path / "payload.json"
    file.write_text(json.dumps(changed), encoding="utf-8")

    edited = run("edit", "1", "--file", str(file), *ANNA)
    handed = run("delegate", "1", "--to", "mia@acme.example", *ANNA)
    approved = run("approve", "1", *MIA)
    rejected = run("reject", "2", "--reason", "no", *ANNA)
    batch = run("approve", "--all-low-risk", "--yes", *ANNA)
    applied = run("apply", *ANNA)

    conforms(edited["action"], ACTION)
    assert set(handed) == HEAD | named("delegate")
    assert set(approved) == set(rejected) == HEAD | named("approve N")
    assert (approved["action_status"], rejected["action_status"]) == ("applied", "rejected")
    of_one = named("approve --all-low-risk --yes") - {"approved", "more"}
    assert set(batch) == HEAD | {"approved", "more"}
    assert [set(one) for one in batch["approved"]] == [of_one]
    assert set(applied) == HEAD | {"applied"}


def test_what_is_taken_up_again_has_the_documented_fields(desk: Desk) -> None:
    made = propose()
    desk.vote("anna", made["action_id"])

    applied = run("apply", *ANNA)

    assert [set(one) for one in applied["applied"]] == [named("apply") - {"applied"}]
    assert applied["applied"][0]["status"] == "applied"


def test_what_a_rule_approves_is_told_as_such(tmp_path: Path) -> None:
    builtin = CliRunner().invoke(app, ["access", "policy"]).stdout
    folder = tmp_path / "default" / "access.cedar"
    folder.write_text(f"{builtin}\n{BY_RULE}", encoding="utf-8")

    made = propose()

    assert (made["is_automatic"], made["action_status"]) == (True, "applied")
    assert made["rule"] == "tasks need nobody"


def test_every_documented_relation_and_state_is_one_of_ours() -> None:
    fields = documented(ACTION)
    assert fields["deciders"] == "list"
    states = DOCS[DOCS.index("| `status` | string |", DOCS.index(ACTION)) :].split("\n")[0]
    assert set(re.findall(r"`(\w+)`", states)) - {"status"} == {
        "waiting", "approved", "applying", "applied", "rejected", "expired", "failed",
    }  # fmt: skip
