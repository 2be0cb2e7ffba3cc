"""The `approvals` commands: propose, list, show, approve, edit, reject, delegate, apply."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from copilot.breakers import breaker_for
from copilot.cli.approvals import register
from copilot.cli.context import open_context
from copilot.settings import Settings
from crm.access.policy import load_policy
from crm.errors import OutOfReach
from crm.models import Activity, Opportunity
from crm.store import Store
from tests.approval_world import BY_RULE, Desk, fill

ANNA, BO, MIA = ("--as", "anna@acme.example"), ("--as", "bo@acme.example"), "mia@acme.example"


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A workspace with the organisation."""
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path))
    monkeypatch.setenv("SALES_COPILOT_CACHE_DIR", str(tmp_path / "no-models"))
    monkeypatch.setenv("SALES_COPILOT_TODAY", "2026-11-16")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    store = Store.sqlite(tmp_path / "default" / "crm.db")
    store.migrate()
    fill(store)
    return Desk(store, tmp_path)


def run(*args: str, typed: str | None = None) -> Result:
    app = typer.Typer()

    @app.callback()
    def root(ctx: typer.Context) -> None:
        ctx.obj = open_context(None)

    register(app)
    return CliRunner().invoke(app, ["approvals", *args], input=typed)


def told(*args: str) -> dict[str, Any]:
    result = run(*args, "--json")
    document: dict[str, Any] = json.loads(result.stdout)
    return {**document, "code": result.exit_code}


def task(*more: str) -> dict[str, Any]:
    return told("propose", "task", "Call Priya", "--due", "2026-11-20", *more)


def test_a_task_goes_the_whole_way(desk: Desk) -> None:
    made = task(*ANNA, "--deal", "1")
    assert (made["action_status"], made["risk"]) == ("waiting", "low")
    shown = run("show", "1", *ANNA).output
    for words in ("Call Priya", "what binds nobody", "rep, who proposed it", "新建任务"):
        assert words in shown

    first, again = told("approve", "1", *ANNA), told("approve", "1", *ANNA)

    assert (first["action_status"], first["is_new"], again["is_new"]) == ("applied", True, False)
    assert first["result"] == again["result"]
    assert [row.subject for row in desk.all_of(Activity)] == ["Call Priya"]
    assert "it was done before" in run("apply", "1", *ANNA).output


def test_an_update_is_edited_before_it_is_approved(desk: Desk, tmp_path: Path) -> None:
    told("propose", "update", "opportunity", "1", "--set", "next_step=Send quote", *ANNA)
    action = told("show", "1", *ANNA)["action"]
    assert action["payload"]["fields"] == {"next_step": {"before": "Call", "after": "Send quote"}}
    payload = action["payload"]
    payload["fields"]["next_step"]["after"] = "发送报价"
    (tmp_path / "new.json").write_text(json.dumps(payload), encoding="utf-8")
    edited = told("edit", "1", "--file", "new.json", *ANNA)["action"]

    old = run("approve", "1", "--hash", action["payload_sha256"], *ANNA)
    assert (old.exit_code, "was changed" in old.output) == (2, True)
    assert told("approve", "1", "--hash", edited["payload_sha256"][:12], *ANNA)["code"] == 0
    with desk.store.session() as session:
        assert session.get_one(Opportunity, 1).next_step == "发送报价"


def test_a_discount_waits_for_the_manager_to_whom_it_goes(desk: Desk) -> None:
    words = ("propose", "discount", "1", "--percent", "15", "--reason", "three years")
    assert told(*words, *ANNA)["risk"] == "medium"

    refused = told("approve", "1", *ANNA)
    assert (refused["code"], refused["error"]["kind"]) == (5, "NotAllowed")
    waits = run("apply", "1", *ANNA)
    assert waits.exit_code == 6
    assert told("delegate", "1", "--to", "max@acme.example", *ANNA)["assignee"] == "Max"
    done = told("approve", "1", "--as", "max@acme.example")
    assert done["action_status"] == "applied"
    assert done["rules"] == ["a manager gives up to 20 % off"]


def test_two_people_approve_a_high_discount(desk: Desk) -> None:
    told("propose", "discount", "1", "--percent", "30", "--reason", "three years", *ANNA)

    assert "1 more person" in run("approve", "1", "--as", MIA).output
    assert told("approve", "1", "--as", "olga@acme.example")["action_status"] == "applied"


def test_a_rejection_is_told_with_its_reason(desk: Desk) -> None:
    task(*ANNA)
    assert told("reject", "1", "--reason", "not now", *ANNA)["action_status"] == "rejected"

    assert "not now" in run("show", "1", *ANNA).output
    assert told("list", *ANNA)["actions"] == []
    assert [one["status"] for one in told("list", "--all", *ANNA)["actions"]] == ["rejected"]


def test_what_is_anothers_is_not_there(desk: Desk) -> None:
    task(*ANNA)

    assert told("list", *BO)["actions"] == []
    for words in (("show", "1"), ("approve", "1"), ("apply", "1"), ("reject", "1")):
        reason = ("--reason", "x") if words[0] == "reject" else ()
        assert told(*words, *reason, *BO)["code"] == 3


def test_all_of_low_risk_are_approved_as_listed_after_a_yes(desk: Desk) -> None:
    for subject in ("one", "two"):
        told("propose", "task", subject, *ANNA)
    told("propose", "update", "opportunity", "1", "--set", "next_step=x", *ANNA)

    assert run("approve", "--all-low-risk", *ANNA, typed="n\n").exit_code != 0
    assert desk.all_of(Activity) == []
    asked = run("approve", "--all-low-risk", *ANNA, typed="y\n")

    assert "these 2?" in asked.output
    assert [row.subject for row in desk.all_of(Activity)] == ["one", "two"]
    left = told("list", *ANNA)["actions"]
    assert [one["kind"] for one in left] == ["update_record"]


def test_a_batch_for_scripts_needs_an_explicit_yes(desk: Desk) -> None:
    task(*ANNA)

    assert told("approve", "--all-low-risk", *ANNA)["code"] == 2
    done = told("approve", "--all-low-risk", "--yes", *ANNA)
    assert [one["status"] for one in done["approved"]] == ["applied"]


def test_a_rule_of_the_company_is_named_on_each_use(desk: Desk, tmp_path: Path) -> None:
    rules = load_policy().text + BY_RULE
    (tmp_path / "default" / "access.cedar").write_text(rules, encoding="utf-8")

    said = run("propose", "task", "Call Priya", *ANNA).output

    assert "applied by the rule 'tasks need nobody'" in said
    assert "tasks need nobody" in run("show", "1", *ANNA).output
    assert len(desk.all_of(Activity)) == 1


def test_what_was_approved_but_not_begun_is_taken_up(desk: Desk) -> None:
    task(*ANNA)
    desk.vote("anna", 1)

    assert [one["status"] for one in told("apply", *ANNA)["applied"]] == ["applied"]
    assert told("apply", *ANNA)["applied"] == []


def test_the_same_key_is_one_proposal(desk: Desk) -> None:
    first, again = task("--key", "k", *ANNA), task("--key", "k", *ANNA)

    assert first["action_id"] == again["action_id"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "9"), 3),
        (("approve",), 2),
        (("approve", "1", "--all-low-risk"), 2),
        (("edit", "1", "--file", "missing.json"), 2),
        (("propose", "update", "opportunity", "1", "--set", "next_step"), 2),
        (("propose", "update", "user", "1", "--set", "role=manager"), 2),
        (("propose", "update", "opportunity", "1", "--set", "owner_id=1"), 2),
        (("propose", "discount", "1", "--percent", "1.234", "--reason", "x"), 2),
        (("propose", "discount", "99", "--percent", "1", "--reason", "x"), 3),
        (("propose", "field-proposal", "4"), 3),
        (("propose", "task", "x", "--owner", "nobody@x"), 3),
    ],
)
def test_bad_input_ends_in_a_message_and_a_code(words: tuple[str, ...], code: int) -> None:
    result = run(*words, *ANNA)

    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output


def test_the_local_owner_decides_alone(desk: Desk) -> None:
    told("propose", "discount", "1", "--percent", "60", "--reason", "last of its kind")

    assert told("approve", "1")["action_status"] == "applied"


def test_a_list_says_what_could_not_be_done_yet_and_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"MAIL_ADDRESS": "anna@acme.example", "MAIL_SMTP_HOST": "smtp.invalid"}
    for name, value in {**given, "SECRET_MAIL": "correct horse"}.items():
        monkeypatch.setenv(f"SALES_COPILOT_{name}", value)
    breaker = breaker_for("mail server", "smtp.invalid:465", folder=Settings.load().breakers_dir)
    while not breaker.is_open:
        with pytest.raises(OutOfReach):
            breaker.call(away)
    mail = {"to": [{"email": "priya@x.example"}], "subject": "报价", "body": "Hello"}
    (tmp_path / "mail.json").write_text(json.dumps(mail), "utf-8")
    assert told("propose", "mail", "--file", "mail.json")["code"] == 0

    assert told("approve", "1")["code"] == 7

    listed = run("list").output
    for words in ("1 was not done yet · 尚未执行", "is asked again at", "approvals apply 1"):
        assert words in listed
    assert "is asked again at" in told("show", "1")["action"]["error"]


def away() -> None:
    raise OutOfReach("nobody there")
