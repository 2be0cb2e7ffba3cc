"""`drafts` and `style` on the command line: what is shown, stored, refused, and told to scripts."""

import json
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from copilot.cli import drafts, style
from copilot.cli.context import open_context
from copilot.writers.learning.keeping import save_draft
from crm.store import Store
from tests.draft_seed import ANNA, NOW, add_people, decide, make_draft

AS_ANNA = ("--as", "anna@ours.example")
AS_BEN = ("--as", "ben@ours.example")


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path))
    # A draft is open for thirty days.
    monkeypatch.setenv("SALES_COPILOT_TODAY", "2026-11-18")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.delenv("VISUAL", raising=False)
    store = Store.sqlite(tmp_path / "default" / "crm.db")
    store.migrate()
    with store.session() as session:
        add_people(session)
        for turn, contact in enumerate((2, 3, 4)):
            draft = make_draft("We leverage [sensors].", contact=contact)
            body = draft.body.replace("Hi ", "Hello ").replace("leverage", "use")
            decide(session, draft, body, after_days=turn)
        save_draft(session, make_draft("The quote is ready."), principal=ANNA, now=NOW)
    store.close()
    return tmp_path / "default"


def run(*args: str, given: str | None = None) -> Result:
    app = typer.Typer()

    @app.callback()
    def root(ctx: typer.Context) -> None:
        ctx.obj = open_context(None)

    drafts.register(app)
    style.register(app)
    return CliRunner().invoke(app, list(args), input=given)


def document(*args: str, given: str | None = None) -> dict:
    result = run(*args, "--json", given=given)
    return json.loads(result.stdout)


def test_drafts_are_listed_with_what_became_of_them() -> None:
    result = run("drafts", *AS_ANNA)
    assert result.exit_code == 0
    for words in ("Priya Shah", "follow_up (email)", "open", "of the words changed"):
        assert words in result.output
    found = document("drafts", *AS_ANNA, "--status", "open")["drafts"]
    assert [(one["recipient"], one["created_at"]) for one in found] == [
        ("Priya Shah", "2026-11-16T09:00:00+00:00")
    ]
    assert document("drafts", *AS_BEN)["drafts"] == []


def test_an_edit_from_a_file_is_stored_and_its_own_figures_are_told(workspace: Path) -> None:
    file = workspace / "final.txt"
    file.write_text("Subject: Quote\n\nHi Priya,\n\nIt is €9,000.\n\nBest regards,\nAnna Lind")
    result = run("drafts", "edit", "4", "--file", str(file), *AS_ANNA)
    assert result.exit_code == 0
    assert "Your own words, which nothing verified: €9,000" in result.output
    shown = document("drafts", "show", "4", *AS_ANNA)
    assert (shown["draft_status"], shown["final_subject"]) == ("edited", "Quote")
    assert shown["own_words"]["figures"] == ["€9,000"]
    assert shown["draft"]["body"] == make_draft("The quote is ready.").body


def test_an_edit_comes_from_standard_input_too() -> None:
    changed = document("drafts", "edit", "4", *AS_ANNA, given="Hi Priya,\n\nDone.")
    assert (changed["draft_status"], changed["is_new"]) == ("edited", True)
    assert changed["final_body"] == "Hi Priya,\n\nDone."


def test_on_a_terminal_the_editor_opens_the_draft(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = workspace / "editor.py"
    script.write_text(
        "import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n"
        "path.write_text(path.read_text().replace('ready', 'finished'))\n"
    )
    monkeypatch.setattr("copilot.cli.drafts.stdin_is_terminal", lambda: True)
    assert "EDITOR" in run("drafts", "edit", "4", *AS_ANNA).output
    changed = document("drafts", "edit", "4", *AS_ANNA, "--editor", f"{sys.executable} {script}")
    assert changed["difference"] == [{"before": "ready", "after": "finished"}]


def test_accept_and_reject_decide_once() -> None:
    assert run("drafts", "accept", "4", *AS_ANNA).exit_code == 0
    again = run("drafts", "accept", "4", *AS_ANNA)
    assert (again.exit_code, "decided so before" in again.output) == (0, True)
    refused = run("drafts", "reject", "4", "--reason", "late", *AS_ANNA)
    assert refused.exit_code == 2
    assert "accepted by Anna Lind" in refused.output


def test_a_reason_is_shown_with_the_draft() -> None:
    run("drafts", "reject", "4", "--reason", "wrong [tone]", *AS_ANNA)
    assert "reason: wrong [tone]" in run("drafts", "show", "4", *AS_ANNA).output


@pytest.mark.parametrize("number", ["99", "4"])
def test_a_draft_that_is_none_of_yours_is_not_found(number: str) -> None:
    assert run("drafts", "show", number, *AS_BEN).exit_code == 3


def test_a_file_that_is_missing_is_bad_input(workspace: Path) -> None:
    result = run("drafts", "edit", "4", "--file", str(workspace / "none.txt"), *AS_ANNA)
    assert result.exit_code == 2
    assert "none.txt" in result.output


def test_what_was_learned_is_shown_with_evidence() -> None:
    result = run("style", *AS_ANNA)
    assert "greeting “Hello {first},”" in result.output
    assert "from 3 of your last 3 edited or accepted drafts (3, 2, 1)" in result.output
    [page] = document("style", *AS_ANNA)["styles"]
    traits = {one["aspect"]: one for one in page["traits"]}
    assert traits["avoid"]["phrase"] == "leverage"
    assert traits["avoid"]["value"] == "use"
    assert traits["greeting"]["draft_ids"] == [3, 2, 1]


def test_a_set_greeting_covers_the_learned_one_until_it_is_forgotten() -> None:
    run("style", "set", "greeting", "Hallo {first},", *AS_ANNA)
    [page] = document("style", *AS_ANNA)["styles"]
    used = {one["value"]: one["is_used"] for one in page["traits"] if one["aspect"] == "greeting"}
    assert used == {"Hallo {first},": True, "Hello {first},": False}
    run("style", "forget", "greeting", *AS_ANNA)
    [page] = document("style", *AS_ANNA)["styles"]
    assert "greeting" not in {one["aspect"] for one in page["traits"]}


def test_a_phrase_to_avoid_is_set_in_its_own_language() -> None:
    run("style", "set", "avoid", "赋能", "--instead", "支持", *AS_ANNA)
    pages = document("style", *AS_ANNA, "--language", "zh")["styles"]
    assert [(one["phrase"], one["value"]) for one in pages[0]["traits"]] == [("赋能", "支持")]


def test_a_customer_has_a_style_of_their_own() -> None:
    assert run("style", "--customer", "Priya Shah").exit_code == 0
    run("style", "set", "formality", "formal", "--customer", "Priya Shah", *AS_ANNA)
    pages = document("style", "--customer", "Priya Shah")["styles"]
    assert {(page["subject"], page["language"]) for page in pages} == {
        ("contact:1", "en"), ("contact:1", "zh"),
    }  # fmt: skip
    assert pages[0]["traits"][0]["set_by"] == "Anna Lind"
    assert run("style", "--customer", "Nobody").exit_code == 3


def test_a_value_that_cannot_be_used_is_refused() -> None:
    result = run("style", "set", "length", "nine", *AS_ANNA)
    assert result.exit_code == 2
    assert "'nine'" in result.output


def test_the_guide_is_checked_and_its_mistakes_are_placed(workspace: Path) -> None:
    assert run("style", "guide", "--check").exit_code == 3
    guide = workspace / "company.yaml"
    guide.write_text("name: {en: Ours}\nbanned: [{phrase: utilize, instead: use}]\n")
    assert run("style", "guide", "--check").exit_code == 0
    assert document("style", "guide")["guide"]["banned"] == [
        {"phrase": "utilize", "instead": "use"}
    ]
    guide.write_text("banned: [{phrase: ''}]\n")
    refused = run("style", "guide", "--check")
    assert refused.exit_code == 2
    assert "banned[1].phrase" in refused.output.replace("\n", "")
