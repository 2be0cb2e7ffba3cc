"""What the command line says and does when its input or its surroundings are bad."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import func, select
from typer.testing import CliRunner, Result

from copilot.cli.answers import failed_answer
from copilot.cli.main import app
from crm.models import Account, Conversation, ImportRun, Opportunity, Passage
from crm.store import Store
from ingest.speech.channels import open_sound
from tests.crm_exports import write_csv, write_four_files
from tests.fake_endpoint import Answer, FakeEndpoint, fails, says

MAPPING = """\
source: crm
currency: USD
stages: {Prospecting: open, Engaging: open, Won: won, Lost: lost}
tables:
  - {file: accounts.csv, entity: accounts, fields: {name: account, industry: sector}}
  - {file: sales_teams.csv, entity: users, fields: {name: sales_agent, manager: manager}}
  - file: sales_pipeline.csv
    entity: opportunities
    fields: {id: opportunity_id, account: account, owner: sales_agent, stage: deal_stage,
             amount: close_value, opened_on: engage_date, close_date: close_date}
"""
NEEDS_MODEL = "what did the customer say about single sign-on on the last call?"
CALL = """WEBVTT

00:00:01.000 --> 00:00:05.000
<v Cleo Singh>How do you feel about security?

00:00:06.000 --> 00:00:12.000
<v Mary North>Our security team needs single sign-on before we sign.
"""


def run(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def document(result: Result) -> dict[str, object]:
    """The one JSON document on standard output, which nothing else may share."""
    loaded: dict[str, object] = json.loads(result.stdout)
    return loaded


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SALES_COPILOT_HOME", str(home))
    monkeypatch.setenv("SALES_COPILOT_CACHE_DIR", str(tmp_path / "no-models"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def filled(home: Path, tmp_path: Path) -> Path:
    """A workspace with the four files and one call; returns its folder."""
    pipeline, accounts, teams, _ = write_four_files(tmp_path, deals=40)
    (tmp_path / "crm.yaml").write_text(MAPPING, encoding="utf-8")
    files = [str(path) for path in (pipeline, accounts, teams)]
    assert run("ingest", "crm", *files, "--mapping", "crm.yaml").exit_code == 0
    (tmp_path / "call.vtt").write_text(CALL, encoding="utf-8")
    assert run("ingest", "calls", "call.vtt", "--embed", "later").exit_code == 0
    return home / "default"


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEndpoint]:
    fake = FakeEndpoint(says('{"relevant": ["F1"], "summary": ""}'))
    monkeypatch.setenv("SALES_COPILOT_LLM_BASE_URL", fake.url)
    monkeypatch.setenv("SALES_COPILOT_LLM_MODEL", "fake")
    yield fake
    fake.close()


def count(workspace: Path, model: type) -> int:
    store = Store.sqlite(workspace / "crm.db")
    with store.session() as session:
        number = session.scalar(select(func.count()).select_from(model)) or 0
    store.close()
    return number


def test_unknown_user_is_not_found_and_close_names_are_offered(filled: Path) -> None:
    near = run("ask", "how many deals", "--as", "Ana Ortis")
    assert (near.exit_code, near.stdout) == (3, "")
    assert "did you mean Ana Ortiz?" in near.stderr
    far = run("ask", "how many deals", "--as", "zz@zz.example")
    assert "sales-copilot show user" in far.stderr
    assert run("show", "user").exit_code == 0


def test_ask_prints_the_shape_of_an_answer_on_every_kind_of_error(filled: Path) -> None:
    cases = {
        ("ask", "how many deals", "--as", "zz", "--json"): (3, "NotFound"),
        ("ask", "", "--json"): (2, "BadInput"),
        ("ask", "why " * 12_500, "--json"): (2, "BadInput"),
        ("ask", "deals", "--as-of", "yesterday", "--json"): (2, "BadInput"),
        ("ask", "deals", "--thread", "", "--json"): (2, "BadInput"),
        ("ask", "--json"): (2, "BadInput"),
        ("ask", "deals", "--frobnicate", "--json"): (2, "BadInput"),
        ("ask", NEEDS_MODEL, "--json"): (8, "PermanentError"),
    }
    for args, (code, kind) in cases.items():
        result = run(*args)
        answer = document(result)
        assert (result.exit_code, answer["status"]) == (code, "error"), args
        assert answer["error"]["kind"] == kind, args  # type: ignore[index]
        assert answer["error"]["message"] == answer["answer"] != "", args  # type: ignore[index]
        assert set(failed_answer("")) <= set(answer), args


def test_a_question_of_50000_characters_is_refused_with_its_length(filled: Path) -> None:
    result = run("ask", "why " * 12_500)
    assert result.exit_code == 2
    assert "characters, at most 2,000" in result.stderr


def test_ambiguous_account_is_asked_back_with_the_candidates(tmp_path: Path, filled: Path) -> None:
    write_csv(
        tmp_path / "accounts.csv", ("account", "sector"), [["Acme North", "x"], ["Acme South", "x"]]
    )
    two = (
        "source: two\ncurrency: USD\ntables:\n"
        "  - {file: accounts.csv, entity: accounts, fields: {name: account}}\n"
    )
    Path("two.yaml").write_text(two, encoding="utf-8")
    assert run("ingest", "crm", "accounts.csv", "--mapping", "two.yaml").exit_code == 0
    result = run("ask", "how many deals does Acme have?", "--json")
    assert (result.exit_code, document(result)["status"]) == (4, "ambiguous")
    assert len(document(result)["candidates"]) == 2  # type: ignore[arg-type]


def test_nonsense_and_unknown_records_have_exit_codes_of_their_own(filled: Path) -> None:
    cases = {
        ("show", "frob"): 2,
        ("show", "account", "No Such Company"): 3,
        ("show", "call", "99999"): 3,
        ("show", "account", " "): 2,
        ("show", "users", "--limit", "0"): 2,
        ("search", ""): 2,
        ("search", "penguin", "--since", "yesterday"): 2,
        ("search", "penguin", "--since", "9999-12-31", "--until", "9999-12-31"): 2,
        ("search", "penguin", "--limit", "0"): 2,
        ("search", "penguin", "--account", "No Such Company"): 3,
        ("draft", "email", "--opportunity", "none", "--purpose", "x"): 3,
        ("draft", "email", "--opportunity", "D00001", "--purpose", " "): 2,
        ("draft", "email", "--purpose", "x"): 2,
        ("ingest",): 2,
        ("frobnicate",): 2,
    }
    for args, code in cases.items():
        plain = run(*args)
        assert plain.exit_code == code, (args, plain.output)
        assert "Traceback" not in plain.output
        if args != ("ingest",):
            scripted = run(*args, "--json")
            assert scripted.exit_code == code, args
            assert document(scripted)["status"] == "error", args
            assert scripted.stderr == "", args


def test_mistyped_command_suggests_the_right_one() -> None:
    result = run("serch", "x")
    assert result.exit_code == 2
    assert "search" in result.stderr


def test_crm_files_that_cannot_be_used_leave_nothing_behind(filled: Path) -> None:
    before = {model: count(filled, model) for model in (Account, Opportunity, ImportRun)}
    Path("typo.yaml").write_text(MAPPING.replace("industry: sector", "industry: sektor"))
    Path("notyaml.yaml").write_text("source: [", encoding="utf-8")
    Path("empty.csv").write_text("", encoding="utf-8")
    files = ["accounts.csv", "sales_teams.csv", "sales_pipeline.csv"]
    cases = {
        (*files, "--mapping", "typo.yaml"): "'sektor' (did you mean 'sector'?)",
        (*files, "--mapping", "none.yaml"): "'none.yaml'",
        (*files, "--mapping", "notyaml.yaml"): "notyaml.yaml is not valid YAML",
        ("none.csv", "--mapping", "crm.yaml"): "'none.csv'",
        ("empty.csv", "--suggest-mapping"): "'empty.csv' is empty",
        tuple(files): "--suggest-mapping",
    }
    for args, words in cases.items():
        result = run("ingest", "crm", *args)
        assert (result.exit_code, result.stdout) == (2, ""), args
        assert words in result.stderr, args
    assert {model: count(filled, model) for model in before} == before


def test_gbk_csv_is_read_as_written(tmp_path: Path, home: Path) -> None:
    write_csv(tmp_path / "客户.csv", ("客户", "行业"), [["华锐食品", "食品"]], encoding="gbk")
    proposed = run("ingest", "crm", "客户.csv", "--suggest-mapping")
    assert proposed.exit_code == 0
    Path("m.yaml").write_text(proposed.stdout, encoding="utf-8")
    assert run("ingest", "crm", "客户.csv", "--mapping", "m.yaml").exit_code == 0
    assert document(run("show", "account", "华锐食品", "--json"))["name"] == "华锐食品"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("text.wav", b"hello, I am text", "no audio"),
        ("empty.mp3", b"", "is empty"),
        ("zero.wav", None, "0.00 s of sound"),
    ],
)
def test_recordings_without_sound_are_rejected_and_leave_nothing(
    filled: Path, name: str, content: bytes | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copilot.wiring.Installation.transcriber", lambda self: _Decoder())
    if content is None:
        with wave.open(name, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(16_000)
    else:
        Path(name).write_bytes(content)
    result = run("ingest", "calls", name, "--embed", "later", "--json")
    told = document(result)
    assert (result.exit_code, told["status"], told["rejected"]) == (2, "error", 1)
    assert words in told["error"]["message"]  # type: ignore[index]
    assert count(filled, Conversation) == 1


class _Decoder:
    """The real reading of sound, with nothing behind it that recognises speech."""

    def transcribe(self, path: Path, **_: object) -> object:
        return open_sound(path)


def test_without_models_the_way_to_them_is_named(filled: Path) -> None:
    with wave.open("call.wav", "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(b"\x10\x27" * 16_000)
    for args in (("ask", NEEDS_MODEL), ("ingest", "calls", "call.wav")):
        result = run(*args)
        assert result.exit_code == 8
        assert "sales-copilot setup" in result.stderr
    assert count(filled, Conversation) == 1


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (fails(401, "bad key"), 8, "SALES_COPILOT_LLM_API_KEY"),
        (fails(404, "no such model"), 8, "SALES_COPILOT_LLM_MODEL"),
        (Answer(200, b"<html>hello"), 8, "OpenAI-compatible"),
    ],
)
def test_an_endpoint_that_is_set_up_wrong_is_explained(
    filled: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    code: int,
    words: str,
) -> None:
    fake = FakeEndpoint(answer)
    monkeypatch.setenv("SALES_COPILOT_LLM_BASE_URL", fake.url)
    monkeypatch.setenv("SALES_COPILOT_LLM_MODEL", "fake")
    result = run("ask", NEEDS_MODEL)
    fake.close()
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "answer", [fails(500, "broken"), fails(429, "slow down"), Answer(delay_s=1.0)]
)
def test_while_an_endpoint_fails_quotes_stand_and_what_is_left_out_is_said(
    filled: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    fake = FakeEndpoint(answer)
    monkeypatch.setenv("SALES_COPILOT_LLM_BASE_URL", fake.url)
    monkeypatch.setenv("SALES_COPILOT_LLM_MODEL", "fake")
    monkeypatch.setenv("SALES_COPILOT_LLM_TIMEOUT_S", "0.2")
    result = run("ask", NEEDS_MODEL)
    fake.close()
    assert result.exit_code == 0, result.output
    assert "single sign-on before we sign" in result.stdout
    assert "Left out: a summary" in result.stdout


def test_an_endpoint_that_refuses_connections_leaves_the_quotes(
    filled: Path, endpoint: FakeEndpoint
) -> None:
    endpoint.close()
    result = run("ask", NEEDS_MODEL)
    assert result.exit_code == 0, result.output
    assert "single sign-on before we sign" in result.stdout
    assert "Left out: a summary" in result.stdout


def test_wrong_settings_name_their_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = {
        "SALES_COPILOT_LLM_BASE_URL": "ftp://x",
        "SALES_COPILOT_TIME_ZONE": "Mars",
        "SALES_COPILOT_TODAY": "tomorrow",
        "SALES_COPILOT_WORKSPACE": "../x",
        "SALES_COPILOT_N_THREADS": "0",
    }
    for name, value in cases.items():
        with monkeypatch.context() as changed:
            changed.setenv(name, value)
            result = run("show", "users", "--json")
            assert (result.exit_code, name in result.stdout) == (2, True), name
            assert document(result)["status"] == "error"


@pytest.mark.parametrize(
    "url",
    ["nonsense", "sqlite:////no/such/folder/x.db", "oracle://x/y", "postgresql://127.0.0.1:9/x"],
)
def test_a_database_that_cannot_be_opened_is_named(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALES_COPILOT_DATABASE_URL", url)
    result = run("show", "users")
    assert result.exit_code == (7 if "127.0.0.1" in url else 8), result.output
    told = result.stderr.partition("error: ")[2]
    assert "SALES_COPILOT_DATABASE_URL" in told
    assert "\n" not in told.strip()


def test_a_read_only_database_is_permanent_and_unchanged(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(filled / "crm.db") as database:
        database.execute("PRAGMA journal_mode=DELETE")
    database.close()
    url = f"sqlite:///file:{filled / 'crm.db'}?mode=ro&uri=true"
    monkeypatch.setenv("SALES_COPILOT_DATABASE_URL", url)
    result = run("ingest", "crm", "accounts.csv", "--mapping", "crm.yaml")
    assert result.exit_code in {2, 8}
    assert "Traceback" not in result.output


def test_a_workspace_below_a_file_is_permanent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path / "file"))
    for args in (("show", "users"), ("ask", "how many deals"), ("index",)):
        assert run(*args).exit_code == 8, args


@pytest.mark.parametrize("name", ["crm.db", "threads.db"])
def test_a_corrupt_database_is_named_and_left_alone(filled: Path, name: str) -> None:
    for extra in ("-wal", "-shm"):
        (filled / f"{name}{extra}").unlink(missing_ok=True)
    (filled / name).write_bytes(b"this is no database" * 1000)
    result = run("ask", "how many deals are there?")
    assert result.exit_code == 8, result.output
    assert name in result.stderr
    assert (filled / name).read_bytes().startswith(b"this is no database")


def test_a_newer_database_asks_for_a_newer_version(filled: Path) -> None:
    with sqlite3.connect(filled / "crm.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    result = run("show", "users")
    assert result.exit_code == 8
    assert "newer" in result.stderr


def test_a_corrupt_vector_index_leaves_what_words_find_and_is_named(filled: Path) -> None:
    whole = run("search", "security")
    assert "by words only" not in whole.stderr
    (filled / "index" / "chroma.sqlite3").write_bytes(b"noise" * 5000)
    result = run("search", "security")
    assert (result.exit_code, "single sign-on" in result.stdout) == (0, True)
    assert "by words only" in result.stderr
    assert "sales-copilot index" in result.stderr


def test_a_defect_is_told_without_a_traceback_and_logged(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copilot.cli.showing.list_kind", lambda *_, **__: 1 / 0)
    result = run("show", "users", "--json")
    assert (result.exit_code, document(result)["error"]["kind"]) == (1, "Unexpected")  # type: ignore[index]
    log = (filled / "logs" / "sales-copilot.log").read_text(encoding="utf-8")
    assert "ZeroDivisionError" in log


def test_interrupting_keeps_what_was_finished(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    Path("other.vtt").write_text(CALL.replace("sign-on", "pricing"), encoding="utf-8")
    with monkeypatch.context() as changed:
        changed.setattr("crm.index.conversations.build_passages", interrupted)
        result = run("ingest", "calls", "other.vtt", "--json")
    assert (result.exit_code, document(result)["error"]["kind"]) == (130, "Interrupted")  # type: ignore[index]
    assert count(filled, Conversation) == 2
    before = count(filled, Passage)
    assert run("ingest", "calls", "other.vtt", "--embed", "later").exit_code == 0
    assert count(filled, Passage) == before + 1


def test_a_second_import_waits_for_the_first(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("copilot.wiring.IMPORT_WAIT_S", 0.1)
    with FileLock(filled / "import.lock"):
        result = run("ingest", "crm", "accounts.csv", "--mapping", "crm.yaml")
    assert result.exit_code == 7
    assert "another import" in result.stderr


def _start(*args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "copilot.cli.main", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )


def test_two_imports_at_once_into_a_new_workspace_both_succeed(tmp_path: Path, home: Path) -> None:
    write_four_files(tmp_path, deals=40)
    (tmp_path / "crm.yaml").write_text(MAPPING, encoding="utf-8")
    names = ("accounts.csv", "sales_teams.csv", "sales_pipeline.csv")
    files = [str(tmp_path / name) for name in names]
    args = ("ingest", "crm", *files, "--mapping", str(tmp_path / "crm.yaml"))
    running = [_start(*args), _start(*args)]
    for process in running:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
    assert count(home / "default", Opportunity) == 40


def test_a_reader_that_goes_away_is_no_error(filled: Path) -> None:
    process = _start("show", "opportunities", "--limit", "1000", "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 0


def test_ctrl_c_ends_with_130_and_one_line(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeEndpoint(Answer(delay_s=5.0))
    monkeypatch.setenv("SALES_COPILOT_LLM_BASE_URL", fake.url)
    monkeypatch.setenv("SALES_COPILOT_LLM_MODEL", "fake")
    process = _start("ask", NEEDS_MODEL)
    while not fake.requests and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=60)
    fake.close()
    assert (process.returncode, out) == (130, ""), told
    assert "interrupted" in told
    assert "Traceback" not in told
