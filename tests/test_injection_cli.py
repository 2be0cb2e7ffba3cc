"""Every command shows hostile names, titles and words as they are: no markup, no sequence acts."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from copilot.cli.main import app
from crm.index.conversations import ConversationIndex
from crm.store import Store
from evals.injection_attacks import Attack, Order
from evals.injection_world import cases_of, take_in, write_files

MARKUP = "[bold red]zorblax[/] [link=https://evil.example]zorblax[/link] [/]"
SEQUENCE = "\x1b[31mzorblax\x1b]8;;https://evil.example\x1b\\zorblax\x9b2J"
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
INLETS = (
    "account_name", "deal_name", "contact_name", "contact_title", "product_name", "call_title",
    "call_speaker", "call_turn", "next_step", "crm_task", "case_subject", "mail_subject",
)  # fmt: skip
REP = ("--as", "anna@ours.example")
COMMANDS = [
    *(("show", kind) for kind in ("accounts", "deals", "contacts", "products", "users", "calls")),
    *(("show", kind, str(number)) for kind in ("account", "deal", "call") for number in (2, 7, 9)),
    *(("notes", str(number)) for number in (2, 4, 5, 6)),
    *(("ask", question, *REP) for question in (
        "list my open deals", "Top 5 open deals by amount", "How many activities by kind?",
        "open deals by account",
    )),
    ("approvals", "propose", "task", SEQUENCE + MARKUP),
    ("approvals", "list"),
    ("approvals", "show", "1"),
    ("resolve", "--list"),
    ("speakers", "2"),
    ("style", *REP),
    ("access", "explain", *REP, "--object", "account:2"),
    ("audit", "list"),
    ("audit", "export"),
    ("jobs",),
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which every inlet carries markup, then a second time sequences."""
    folder = tmp_path_factory.mktemp("home")
    attacks = [
        Attack(number, inlet, "plain", Order("markup", "en", text, text, (), "form"), (text,))
        for number, (inlet, text) in enumerate(
            (inlet, text) for text in (MARKUP, SEQUENCE) for inlet in INLETS
        )
    ]
    write_files(cases_of(attacks), folder / "files")
    store = Store.sqlite(folder / "default" / "crm.db")
    store.migrate()
    take_in(store, ConversationIndex(store), folder / "files")
    store.close()
    return folder


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_hostile_text_is_shown_as_it_is(
    command: tuple[str, ...], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALES_COPILOT_HOME", str(home))
    monkeypatch.setenv("SALES_COPILOT_CACHE_DIR", str(home / "no-models"))
    monkeypatch.setenv("SALES_COPILOT_TODAY", "2026-11-16")
    monkeypatch.setenv("COLUMNS", "900")
    result = CliRunner().invoke(app, list(command))
    said = result.output
    assert result.exit_code == 0, said
    assert said.strip()
    assert "unexpected" not in said
    assert not STEERING.search(said)
    for match in re.finditer("zorblax", said):
        before = said[: match.start()].replace("\\", "")
        # What stands before it in the record stands before it on the page: nothing was eaten.
        assert before.endswith(
            ("[bold red]", "evil.example]", "evil.example", "[31m", "u001b", "�", "? ")
        ), before[-40:]
