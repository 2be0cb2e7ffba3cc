"""The JSON documents have exactly the fields that docs/json.md names."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from copilot.cli.main import Commands, app
from tests.fake_endpoint import FakeEndpoint, says
from tests.test_cli_errors import CALL, MAPPING, NEEDS_MODEL, document, filled, home, run

__all__ = ["filled", "home"]

DOCS = (Path(__file__).parents[1] / "docs" / "json.md").read_text(encoding="utf-8")
_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "list": (list,),
    "object": (dict,),
    "null": (type(None),),
}


GROUPS = {"ingest", "draft", "drafts", "style", "access", "approvals", "audit"}


def documented(after: str) -> dict[str, str]:
    """The fields of the first table of types after these words, with their types."""
    rows = DOCS[DOCS.index(after) :].split("| --- | --- | --- |\n", 1)[1].split("\n\n", 1)[0]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows.splitlines()]
    return {cell[0].strip("`"): cell[1] for cell in cells}


def conforms(value: dict[str, Any], after: str) -> None:
    fields = documented(after)
    assert set(value) == set(fields)
    for name, words in fields.items():
        allowed = [kind for word in re.findall(r"\w+", words) for kind in _TYPES.get(word, ())]
        assert isinstance(value[name], tuple(allowed)), name
        assert not (isinstance(value[name], bool)), name


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEndpoint]:
    fake = FakeEndpoint(says('{"relevant": ["F1"], "summary": "They want a rebate of 93%."}'))
    monkeypatch.setenv("SALES_COPILOT_LLM_BASE_URL", fake.url)
    monkeypatch.setenv("SALES_COPILOT_LLM_MODEL", "fake")
    yield fake
    fake.close()


def test_an_answer_has_the_documented_fields(filled: Path) -> None:
    result = run("ask", "how many deals did Ana Ortiz win?", "--json")
    answer: dict[str, Any] = document(result)
    assert (result.exit_code, answer["status"]) == (0, "answered")
    conforms(answer, '## `ask "…" --json`')
    assert answer["facts"]
    for fact in answer["facts"]:
        conforms(fact, "A fact:")
    cited = {fact for sentence in answer["sentences"] for fact in sentence["facts"]}
    assert cited <= {fact["id"] for fact in answer["facts"]}
    assert set(answer["tokens"]) == {"in", "out"}


def test_an_answer_of_the_model_has_them_too_and_tells_what_was_cut(
    filled: Path, endpoint: FakeEndpoint
) -> None:
    answer: dict[str, Any] = document(run("ask", NEEDS_MODEL, "--json"))
    conforms(answer, '## `ask "…" --json`')
    assert answer["status"] == "answered"
    assert answer["tokens"] == {"in": 20, "out": 7}
    assert [set(cut) for cut in answer["dropped"]] == [{"text", "reason"}]


def test_search_results_have_the_documented_fields(filled: Path) -> None:
    found: dict[str, Any] = document(run("search", "single sign-on", "--json"))
    conforms(found, '## `search "…" --json`')
    assert found["results"]
    for result in found["results"]:
        conforms(result, "A result:")
    nothing = run("search", "penguin", "--json")
    assert (nothing.exit_code, document(nothing)["status"]) == (3, "not_found")


def test_records_have_the_documented_fields(filled: Path) -> None:
    account: dict[str, Any] = document(run("show", "account", "North Optics", "--json"))
    conforms(account, "One record (")
    assert set(account["related"]) == {"open_opportunities", "contacts", "conversations"}
    listed: dict[str, Any] = document(run("show", "users", "--limit", "2", "--json"))
    assert set(listed) == {"schema_version", "status", "entity", "total", "records"}
    assert (len(listed["records"]), listed["total"]) == (2, 7)
    assert set(listed["records"][0]) == {"entity", "id", "external_id", "name", "text"}
    call: dict[str, Any] = document(run("show", "call", "1", "--json"))
    assert any("single sign-on" in line for line in call["lines"])


def test_imports_and_doctor_print_the_documented_fields(filled: Path, tmp_path: Path) -> None:
    head = {"schema_version", "status"}
    again: dict[str, Any] = document(
        run("ingest", "crm", "accounts.csv", "--mapping", "one.yaml", "--json")
        if Path("one.yaml").write_text(_only_accounts(), encoding="utf-8")
        else None  # type: ignore[arg-type]
    )
    assert set(again) == head | {"run_id", "tables", "rejects_path", "notes"}
    calls: dict[str, Any] = document(
        run("ingest", "calls", "call.vtt", "--embed", "later", "--json")
    )
    counts = {"read", "created", "updated", "unchanged", "rejected", "suppressed"}
    assert set(calls) == head | counts | {"rejects_path", "conversation_ids", "pending_vectors"}
    doctor: dict[str, Any] = document(run("doctor", "--fast", "--json"))
    assert set(doctor) == head | {"ok", "problems", "findings"}
    assert not doctor["ok"]
    assert any("sales-copilot setup" in problem for problem in doctor["problems"])
    for name in [*head, *counts, "ok", "problems", "findings", "run_id", "pending_vectors"]:
        assert f"`{name}`" in DOCS


def _only_accounts() -> str:
    lines = MAPPING.splitlines()
    return "\n".join([*lines[:5]]) + "\n"


def test_the_help_lists_every_command_with_the_line_of_its_own_help() -> None:
    listed = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert listed.exit_code == 0
    for name, (_, line) in Commands.table.items():
        assert line in listed.stdout, name
        own = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})
        assert own.exit_code == 0
        assert line in " ".join(own.stdout.split()), name
        assert "Example" in own.stdout or name in GROUPS, name


def test_documents_stay_one_line_of_json_each_when_text_is_broken(filled: Path) -> None:
    Path("odd.vtt").write_text(CALL.replace("single sign-on", "penguin \x07[bold]x[/]"))
    assert run("ingest", "calls", "odd.vtt", "--embed", "later").exit_code == 0
    result = run("search", "penguin", "--json")
    assert json.loads(result.stdout)["results"]
    plain = run("search", "penguin")
    assert "[bold]x[/]" in plain.stdout
