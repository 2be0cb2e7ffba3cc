"""Settings: where they come from, what they refuse, and what they never show."""

import ast
import re
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from copilot.settings import Settings
from copilot.wiring import Installation
from crm.errors import BadInput

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(f"SALES_COPILOT_{field.upper()}", raising=False)
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)


def test_without_any_variable_everything_is_local() -> None:
    settings = Settings.load()
    assert not settings.uses_endpoint
    assert settings.time_zone == "UTC"
    assert settings.today is None
    assert settings.home.is_absolute()


def test_a_workspace_has_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path))
    monkeypatch.setenv("SALES_COPILOT_WORKSPACE", "演示-1")
    settings = Settings.load()
    folder = tmp_path / "演示-1"
    assert settings.crm_db == folder / "crm.db"
    assert settings.sqlalchemy_url == f"sqlite:///{folder / 'crm.db'}"
    inside = {settings.index_dir, settings.threads_db, settings.rejects_dir, settings.logs_dir}
    assert {path.parent for path in inside} == {folder}
    assert len(inside) == 4
    assert not folder.exists()


def test_a_policy_that_is_a_link_to_nowhere_or_a_folder_opens_nothing(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    assert settings.policy_file is None
    settings.workspace_dir.mkdir()
    own = settings.workspace_dir / "access.cedar"
    own.symlink_to(tmp_path / "gone")
    assert settings.policy_file == own
    with pytest.raises(BadInput, match=r"access\.cedar"):
        _ = Installation(settings).policy
    own.unlink()
    own.mkdir()
    with pytest.raises(BadInput, match=r"access\.cedar"):
        _ = Installation(settings).policy


def test_the_usual_endpoint_variables_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_MODEL", "qwen-max")
    settings = Settings.load()
    assert settings.uses_endpoint
    assert settings.endpoint_url == "http://localhost:8000/v1"
    assert settings.llm_model == "qwen-max"
    assert settings.llm_api_key is not None
    assert settings.llm_api_key.get_secret_value() == "sk-secret"
    assert "sk-secret" not in repr(settings)


def test_our_own_variables_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_MODEL", "theirs")
    monkeypatch.setenv("SALES_COPILOT_LLM_MODEL", "ours")
    assert Settings.load().llm_model == "ours"
    assert Settings.load(llm_model="given").llm_model == "given"


def test_a_key_alone_sends_nothing_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert not Settings.load().uses_endpoint


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALES_COPILOT_TODAY", "")
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    settings = Settings.load()
    assert settings.today is None
    assert not settings.uses_endpoint


def test_values_are_read_in_their_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALES_COPILOT_TODAY", "2017-06-30")
    monkeypatch.setenv("SALES_COPILOT_N_THREADS", "3")
    settings = Settings.load()
    assert settings.today == date(2017, 6, 30)
    assert settings.n_threads == 3


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SALES_COPILOT_TIME_ZONE", "Mars/Olympus"),
        ("SALES_COPILOT_TIME_ZONE", "../../etc/passwd"),
        ("SALES_COPILOT_TODAY", "yesterday"),
        ("SALES_COPILOT_FISCAL_YEAR_FIRST_MONTH", "13"),
        ("SALES_COPILOT_N_THREADS", "0"),
        ("SALES_COPILOT_WORKSPACE", "../elsewhere"),
        ("SALES_COPILOT_WORKSPACE", ".."),
        ("SALES_COPILOT_LLM_STRUCTURED", "xml"),
        ("OPENAI_BASE_URL", "localhost:8000"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("OPENAI_MODEL", "m")
    with pytest.raises(BadInput) as caught:
        Settings.load()
    assert f"{variable}={value!r}" in str(caught.value)


def test_an_endpoint_without_a_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with pytest.raises(BadInput, match="SALES_COPILOT_LLM_MODEL is not set") as caught:
        Settings.load()
    assert "sk-secret" not in str(caught.value)


def test_a_refused_secret_is_not_shown() -> None:
    with pytest.raises(BadInput, match=r"SALES_COPILOT_DATABASE_URL=\(a secret\)") as caught:
        Settings.load(database_url=["postgresql://me:hunter2@db/crm"])
    assert "hunter2" not in str(caught.value)


def test_a_database_password_is_not_in_the_repr() -> None:
    settings = Settings.load(database_url="postgresql://me:hunter2@db/crm")
    assert "hunter2" not in repr(settings)
    assert settings.sqlalchemy_url.endswith("hunter2@db/crm")


def test_settings_do_not_change() -> None:
    settings = Settings.load()
    with pytest.raises(ValidationError):
        settings.workspace = "other"  # type: ignore[misc]


def test_nothing_but_the_settings_reads_the_environment() -> None:
    readers = {
        path.relative_to(REPOSITORY).as_posix()
        for package in ("crm", "ingest", "tools", "prompts", "copilot")
        for path in (REPOSITORY / package).rglob("*.py")
        if re.search(r"\b(environb?|getenvb?)\b", _code_of(path))
    }
    # Two engines are told there what they take from nowhere else; nothing is read.
    told = {"crm/index/embedder.py", "crm/onnx_reports.py"}
    assert readers - told == {"copilot/settings.py"}


def _code_of(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = (node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    taken = (
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "os"
        for alias in node.names
    )
    return " ".join((*named, *taken))
