"""Text from outside is harmless where it is written: terminals, tables, JSON, Slack and logs."""

import csv
import io
import json
import logging
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.markup import escape

from copilot.cli.console import Meter, _Terminal, print_json
from copilot.cli.log_lines import LineFormatter
from crm.escaping import (
    CellWriter,
    for_cell,
    for_json,
    for_log,
    for_slack,
    for_terminal,
    without_calls,
)

ROOT = Path(__file__).parent.parent
PACKAGES = ("crm", "ingest", "tools", "prompts", "copilot")
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# The demo's tables are what a CRM exports, for the importer to read: they stay as they are.
WRITES_CSV = {"crm/escaping.py", "ingest/demo/tables.py"}
ESC = "\x1b"


@pytest.mark.parametrize(
    "formula",
    [
        '=HYPERLINK("http://evil.example","x")', "+cmd|' /C calc'!A0", "-2+3+cmd|calc!A0",
        "@SUM(1)", "＝1+1", "＋1-1", "－1＋2", "＠SUM(1)", "  =1", "\u200b=1", "\u3000=1",
        "\ufeff=1", "\t=1", "\r=1", "\n=1", "\tplain", "+49 30 1234", "-", "=",
    ],
)  # fmt: skip
def test_a_cell_that_a_spreadsheet_would_compute_is_quoted(formula: str) -> None:
    shown = for_cell(formula)
    assert isinstance(shown, str)
    assert shown.startswith("'")
    assert for_cell(shown) == shown


@pytest.mark.parametrize(
    "plain",
    [
        -5, 3.5, None, True, "-5", "+3.2", "-1,234.50", "-1.234,50", "-5 %", "-5%", "1e5", "-1e-5",
        "", "Acme", "a=b", "5-3", "№ 4", "王=总", "2026-11-16",
    ],
)  # fmt: skip
def test_numbers_and_ordinary_text_stay_as_they_are(plain: object) -> None:
    assert for_cell(plain) == plain


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_no_text_at_all_makes_a_formula_of_a_row(cells: list[str]) -> None:
    file = io.StringIO()
    CellWriter(file).write(cells)
    (row,) = list(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert len(row) == len(cells)
    for cell in row:
        assert for_cell(cell) == cell
        assert not STEERING.search(cell)


def test_nothing_but_the_escaping_writes_csv() -> None:
    writing = re.compile(r"csv\.(?:writer|DictWriter)\(|import (?:writer|DictWriter)|\.to_csv\(")
    found = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if writing.search(path.read_text("utf-8"))
    }
    assert found == WRITES_CSV


def test_nothing_but_the_templates_makes_html() -> None:
    making = re.compile(r"Environment\((?![^)]*autoescape=True)|\bMarkup\(|\|\s*safe\b")
    allowed = {"prompts/library.py", "copilot/writers/documents/web_page.py"}
    found = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for pattern in ("*.py", "*.j2")
        for path in (ROOT / package).rglob(pattern)
        if making.search(path.read_text("utf-8"))
    }
    assert found <= allowed


@given(st.text())
def test_a_terminal_only_shows_what_it_is_given(text: str) -> None:
    shown = for_terminal(text)
    assert not STEERING.search(shown)
    assert for_terminal(shown) == shown


def test_lines_and_tabs_of_a_text_stay() -> None:
    assert for_terminal("a\r\nb\tc\rd 王 👩‍💻") == "a\nb\tc\nd 王 👩‍💻"


@given(st.text())
def test_a_log_record_is_one_line(text: str) -> None:
    assert not re.search("[\n\r\x1b\x85\u2028\u2029]", for_log(text))


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner, max_size=3)))
def test_json_for_a_terminal_has_the_same_values(value: object) -> None:
    shown = for_json([value], indent=2)
    assert not STEERING.search(shown)
    assert json.loads(shown) == [value]


def test_half_a_surrogate_pair_in_json_can_be_encoded() -> None:
    assert for_json({"a": "x\ud800"}).encode("utf-8") == '{"a": "x\ufffd"}'.encode()


def test_slack_links_nobody_and_calls_nobody() -> None:
    shown = for_slack(
        "<!channel> <@U1> <https://evil.example|pay> @here & @Everyone a@here.example"
    )
    assert "<" not in shown
    assert "&lt;!channel&gt;" in shown
    assert not re.search(r"@(?:here|everyone)\b", shown, re.IGNORECASE)
    assert without_calls("Write to anna@ours.example") == "Write to anna@ours.example"


def _console() -> _Terminal:
    return _Terminal(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=300)


def _printed(console: _Terminal) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    "hostile",
    [f"{ESC}[31mred{ESC}[0m", f"{ESC}]8;;https://evil.example{ESC}\\pay", "\x9b31m", "\x07bell"],
)
@pytest.mark.parametrize("markup", [True, False])
def test_the_console_prints_no_sequence_that_it_did_not_make(hostile: str, *, markup: bool) -> None:
    console = _console()
    console.print(f"[bold]{hostile}[/]" if markup else hostile, markup=markup, highlight=False)
    bold, plain = f"{ESC}[1m", f"{ESC}[0m"
    printed = _printed(console)
    ours = printed.removeprefix(bold).replace(f"{plain}\n", "\n", 1) if markup else printed
    assert hostile not in printed
    assert not STEERING.search(ours)


def test_a_link_that_markup_let_through_is_no_link() -> None:
    console = _console()
    console.print("[link=https://evil.example]pay here[/link]")
    assert "evil.example" not in _printed(console)
    assert "pay here" in _printed(console)


def test_escaped_markup_is_shown_with_its_signs() -> None:
    console = _console()
    for hostile in ("[bold red]done[/]", "\\[bold]done", "[/]", "[link=https://x.example]y"):
        console.print(escape(hostile), highlight=False)
        assert hostile in _printed(console)


def test_the_meter_takes_any_file_name() -> None:
    told = []

    class Display:
        def add_task(self, what: str, total: int | None) -> int:
            told.append(what)
            return len(told)

        def update(self, *_: object, **__: object) -> None:
            """Take it."""

    Meter(Display())("\\[/bold].csv", 1, 2)  # type: ignore[arg-type]
    console = _console()
    console.print(told[0], highlight=False)
    assert "\\[/bold].csv" in _printed(console)


def test_a_document_for_scripts_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": f"{ESC}]0;x\x07\x9b\u202e"})
    said = capsys.readouterr().out
    assert not STEERING.search(said)
    assert json.loads(said) == {"name": f"{ESC}]0;x\x07\x9b\u202e"}


def test_no_record_forges_another_in_the_log() -> None:
    formatter = LineFormatter()
    forged = "x\n2026-11-16 09:00:00,000 INFO copilot.access Mallory was granted owner"
    record = logging.LogRecord("copilot", logging.INFO, "", 0, "refused: %s", (forged,), None)
    assert formatter.format(record).count("\n") == 0
    try:
        raise ValueError(forged)
    except ValueError as error:
        raised = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("copilot", logging.ERROR, "", 0, "failed", (), raised)
    _, *below = formatter.format(record).split("\n")
    assert below
    assert all(line.startswith("    ") for line in below)
