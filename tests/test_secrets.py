"""Secrets: from a variable or a file, refused where everybody knows them, and never shown."""

from pathlib import Path

import pytest

from copilot.secret_rules import is_placeholder
from copilot.settings import Settings
from crm.errors import BadInput

REAL = "sk-9fK2x71Q-real"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{REAL}\n", "utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "SALES_COPILOT_LLM_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variable", "field"),
    [
        ("SALES_COPILOT_LLM_API_KEY", "llm_api_key"),
        ("OPENAI_API_KEY", "llm_api_key"),
        ("SALES_COPILOT_SPEECH_API_KEY", "speech_api_key"),
        ("SALES_COPILOT_DATABASE_URL", "database_url"),
    ],
)
def test_a_variable_with_file_behind_it_names_a_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, variable: str, field: str
) -> None:
    monkeypatch.setenv(f"{variable}_FILE", str(file))
    given = getattr(Settings.load(), field)
    assert given.get_secret_value() == REAL
    assert REAL not in repr(Settings.load())


def test_a_file_that_is_missing_empty_or_no_text_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALES_COPILOT_LLM_API_KEY_FILE", str(file))
    for content in (b"", b" \n", b"\xff\xfe" + REAL.encode(), b"x" * 100_000):
        file.write_bytes(content)
        with pytest.raises(BadInput, match="SALES_COPILOT_LLM_API_KEY_FILE") as caught:
            Settings.load()
        assert REAL not in str(caught.value)
    file.unlink()
    with pytest.raises(BadInput, match="No such file"):
        Settings.load()


def test_a_secret_given_twice_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALES_COPILOT_LLM_API_KEY_FILE", str(file))
    monkeypatch.setenv("SALES_COPILOT_LLM_API_KEY", "sk-another")
    with pytest.raises(BadInput, match="both set") as caught:
        Settings.load()
    assert "sk-another" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    ["changeme", "Change-Me", "password", "secret", "xxx", "XXXXXX", "your-api-key", "<api key>",
     "${API_KEY}", "sk-xxxxxxxx", "123456", "todo", "请修改", "****"],
)  # fmt: skip
def test_a_placeholder_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SALES_COPILOT_LLM_API_KEY", value)
    with pytest.raises(BadInput, match=r"SALES_COPILOT_LLM_API_KEY=\(a secret\)"):
        Settings.load()


@pytest.mark.parametrize(
    "value",
    [REAL, "EMPTY", "ollama", "hunter2", "secretly-long-9f2", "passw0rd-of-mine", "密码本7"],
)
def test_what_may_be_real_is_taken(value: str) -> None:
    assert not is_placeholder(value)


@pytest.mark.parametrize(
    ("url", "is_refused"),
    [
        ("postgresql://crm:changeme@db.example.com/crm", True),
        ("postgresql://postgres:postgres@10.0.0.5/crm", True),
        ("postgres://crm:crm@db/crm", True),
        ("postgresql+psycopg://crm@/crm?host=db.example.com&password=secret", True),
        ("postgresql://postgres:postgres@localhost/crm", False),
        ("postgresql://postgres:postgres@127.0.0.1:5433/crm", False),
        ("postgresql://postgres:postgres@[::1]/crm", False),
        ("postgresql://postgres:@/crm?host=/tmp/pg", False),
        ("postgresql://crm@db.example.com/crm", False),
        ("postgresql://crm:9fK2x71Q@db.example.com/crm", False),
    ],
)
def test_a_password_that_everybody_tries_is_for_this_machine_only(
    url: str, is_refused: bool
) -> None:
    if not is_refused:
        assert Settings.load(database_url=url).database_url is not None
        return
    with pytest.raises(BadInput, match="everybody tries first") as caught:
        Settings.load(database_url=url)
    assert "crm:" not in str(caught.value)


def test_a_source_finds_its_secret_in_the_file_that_is_named(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.load(home=tmp_path)
    with pytest.raises(BadInput, match="SALES_COPILOT_SECRET_MAIL_PASSWORD"):
        settings.secret("mail-password")
    monkeypatch.setenv("SALES_COPILOT_SECRET_MAIL_PASSWORD_FILE", str(file))
    assert settings.secret("mail-password").get_secret_value() == REAL
    file.write_text("changeme", "utf-8")
    with pytest.raises(BadInput, match="placeholder") as caught:
        settings.secret("mail-password")
    assert "changeme" not in str(caught.value)


def test_files_that_others_may_read_are_found(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "default" / "secrets" / "mail"
    own.parent.mkdir(parents=True)
    own.write_text(REAL, "utf-8")
    own.chmod(0o640)
    monkeypatch.setenv("SALES_COPILOT_SECRET_CRM_FILE", str(file))
    monkeypatch.setenv("SALES_COPILOT_COMPANY_FILE", str(tmp_path / "default" / "secrets" / "mail"))
    settings = Settings.load(home=tmp_path)
    assert settings.exposed_secrets() == [own]
    file.chmod(0o644)
    assert settings.exposed_secrets() == [own, file]
