"""`draft email|message|proposal|template` on the command line: targets, formats, files, errors."""

import os
from email import message_from_bytes
from email.policy import default
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
import pytest
from sqlalchemy import text

from copilot.agent import desk as desk_module
from copilot.cli.draft_files import Destination
from copilot.settings import Settings
from copilot.wiring import Installation
from copilot.writers.rendering import Format
from crm.errors import BadInput
from crm.store import Store
from tests.agent_world import fill
from tests.draft_talk import Obedient, add_mails
from tests.test_cli_errors import document, home, run

__all__ = ["home"]

REPLY = ("draft", "email", "--to", "Maria Lopez", "--reply-to", "last", "--as-of", "2026-11-16")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Obedient:
    obedient = Obedient()
    monkeypatch.setattr(Installation, "model", obedient)
    return obedient


@pytest.fixture
def company(home: Path, model: Obedient) -> Path:
    """The company of tests/agent_world.py in the default workspace."""
    settings = Settings.load()
    settings.workspace_dir.mkdir(parents=True)
    store = Store.sqlite(settings.crm_db)
    store.migrate()
    fill(store)
    with store.session() as session:
        add_mails(session)
    store.close()
    return settings.workspace_dir


def ids(args: tuple[str, ...]) -> str:
    return " ".join(args)


def test_a_reply_is_shown_with_its_facts_and_what_to_do_next(company: Path) -> None:
    result = run(*REPLY)
    assert result.exit_code == 0, result.output
    assert "Hi Maria," in result.stdout
    assert "Re: Data location" in result.stdout
    assert "conversation:10" in result.stdout
    assert "sales-copilot drafts accept 1" in result.stdout
    assert "nothing was sent" in result.stdout


def test_a_script_gets_the_whole_draft_and_nothing_else(company: Path) -> None:
    result = run(*REPLY, "--json")
    made: dict[str, Any] = document(result)
    assert result.stderr == ""
    assert (made["schema_version"], made["status"], made["kind"]) == (2, "answered", "reply")
    assert made["to"] == [{"name": "Maria Lopez", "email": "c1@buys.example"}]
    assert made["draft_id"] == 1
    assert made["thread"]["in_reply_to"].strip("<>") == "10@buys.example"
    assert (made["contact_id"], made["opportunity_id"], made["path"]) == (1, 12, None)
    known = {fact["id"] for fact in made["facts"]}
    assert all(set(one["facts"]) <= known for one in made["sentences"])
    assert set(made["tokens"]) == {"in", "out"}
    assert set(made) == {
        "schema_version", "status", "draft_id", "kind", "channel", "language", "to", "sender",
        "subject", "greeting", "closing", "body", "sentences", "facts", "open_questions",
        "open_points", "approval", "dropped", "style_sources", "without_model", "thread",
        "opportunity_id", "account_id", "contact_id", "path", "took_ms", "tokens",
    }  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        ("--to", "Maria Lopez"),
        ("--to", "maria"),
        ("--to", "contact:1"),
        ("--to", "c1@buys.example"),
        ("--to", "Marai Lopez"),
        ("--deal", "12"),
        ("--opportunity", "Acme renewal"),
        ("--deal", "acme renwal"),
        ("--account", "Acme Corp"),
        ("--account", "acme"),
        ("--to", "Acme Corp"),
        ("--reply-to", "10@buys.example"),
        ("--reply-to", "conversation:10"),
        ("--reply-to", "Data location"),
    ],
    ids=ids,
)
def test_records_are_found_by_ids_names_and_parts_of_names(
    company: Path, given: tuple[str, str]
) -> None:
    made: dict[str, Any] = document(
        run("draft", "email", *given, "--json", "--as-of", "2026-11-16")
    )
    assert made["status"] == "answered", made
    assert made["account_id"] == 1


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ((), 2, "--to"),
        (("--to", ""), 2, "--to"),
        (("--to", "x" * 400), 2, "400 characters"),
        (("--to", "Nobody Atall"), 3, "Nobody Atall"),
        (("--deal", "D404"), 3, "D404"),
        (("--account", "Globex"), 4, "Globex"),
        (("--to", "Tom Reed"), 3, "Tom Reed"),
        (("--to", "=cmd|' /C calc'!A0"), 3, "=cmd"),
        (("--to", "../../etc/passwd"), 3, "etc/passwd"),
        (("--to", "Maria Lopez", "--reply-to", "999"), 3, "999"),
        (("--account", "Initech", "--reply-to", "last"), 3, "no mail"),
        (("--to", "Maria Lopez", "--purpose", " "), 2, "--purpose"),
        (("--to", "Maria Lopez", "--purpose", "x" * 100_000), 2, "100,000"),
        (("--to", "Maria Lopez", "--kind", "poem"), 2, "poem"),
        (("--to", "Maria Lopez", "--format", "rtf"), 2, "rtf"),
        (("--to", "Maria Lopez", "--template", "none.docx"), 2, "docx"),
    ],
)
def test_what_cannot_be_drafted_says_why_before_the_model_is_asked(
    company: Path, model: Obedient, given: tuple[str, ...], code: int, says: str
) -> None:
    plain = run("draft", "email", *given)
    assert plain.exit_code == code, plain.output
    assert says in " ".join(plain.stderr.split())
    assert "Traceback" not in plain.output
    scripted = run("draft", "email", *given, "--json")
    assert (scripted.exit_code, document(scripted)["status"]) == (code, "error")
    assert model.asked == []


def test_an_ambiguous_account_is_asked_back_with_ids(company: Path) -> None:
    failed: dict[str, Any] = document(run("draft", "email", "--account", "Globex", "--json"))
    assert failed["error"]["kind"] == "Ambiguous"
    assert sorted(failed["error"]["candidates"]) == [
        "Globex Foods (account:3)", "Globex Labs (account:2)",
    ]  # fmt: skip


def test_a_mail_file_threads_and_opens(company: Path, tmp_path: Path) -> None:
    target = tmp_path / "reply.eml"
    result = run(*REPLY, "--out", str(target), "--as", "u2@sells.example")
    assert result.exit_code == 0, result.output
    assert str(target) in result.stdout.replace("\n", "")
    mail = message_from_bytes(target.read_bytes(), policy=default)
    assert mail["In-Reply-To"] == "<10@buys.example>"
    assert "<10@buys.example>" in mail["References"]
    assert mail["From"] == "Anna Berg <u2@sells.example>"
    assert mail["To"] == "Maria Lopez <c1@buys.example>"
    assert str(mail["Message-ID"]).endswith("@sells.example>")
    assert mail["X-Unsent"] == "1"
    assert list(tmp_path.glob(".*.part")) == []


@pytest.mark.parametrize("ending", ["md", "txt", "html", "docx", "pdf"])
def test_the_ending_of_the_file_gives_the_format(
    company: Path, tmp_path: Path, ending: str
) -> None:
    target = tmp_path / f"reply.{ending}"
    assert run(*REPLY, "--out", str(target)).exit_code == 0
    data = target.read_bytes()
    if ending == "docx":
        texts = "\n".join(each.text for each in docx.Document(BytesIO(data)).paragraphs)
        assert "Hi Maria," in texts
    elif ending == "pdf":
        assert data.startswith(b"%PDF-")
    else:
        assert "Hi Maria," in data.decode()


def test_a_text_format_without_a_file_is_all_of_standard_output(company: Path) -> None:
    result = run(*REPLY, "--format", "txt")
    assert result.exit_code == 0
    assert result.stdout.startswith("Hi Maria,")
    assert "drafts accept" not in result.stdout
    binary = run(*REPLY, "--format", "pdf")
    assert binary.stdout_bytes.startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--out", "folder"), "is a folder"),
        (("--out", "folder", "--format", "pdf", "--force"), "is a folder"),
        (("--out", "there.eml"), "--force"),
        (("--out", "none/x.eml"), "no folder"),
        (("--out", "x.xyz"), "no known extension"),
        (("--out", "x.pdf", "--format", "eml"), "make them agree"),
        (("--out", f"{'n' * 300}.eml"), "cannot be written"),
        (("--format", "md", "--json"), "--out"),
    ],
)
def test_a_place_that_takes_no_file_is_refused_before_anything_is_written(
    company: Path, tmp_path: Path, model: Obedient, args: tuple[str, ...], says: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "there.eml").write_text("mine")
    result = run(*REPLY, *args)
    assert result.exit_code == 2, result.output
    assert says in " ".join((result.stderr + result.stdout).split())
    assert model.asked == []
    assert (tmp_path / "there.eml").read_text() == "mine"


def test_a_folder_nobody_may_write_to_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o500)
    try:
        if os.access(closed, os.W_OK):
            pytest.skip("this user may write everywhere")
        with pytest.raises(BadInput, match="cannot be written"):
            Destination(Format.TXT, closed / "x.txt").write(b"x")
    finally:
        closed.chmod(0o700)


def test_a_file_is_replaced_only_when_asked(company: Path, tmp_path: Path) -> None:
    target = tmp_path / "there.txt"
    target.write_text("mine")
    assert run(*REPLY, "--out", str(target), "--force").exit_code == 0
    assert "Hi Maria," in target.read_text("utf-8")


def test_a_file_that_appeared_meanwhile_stays(tmp_path: Path) -> None:
    target = tmp_path / "x.txt"
    target.write_text("mine")
    with pytest.raises(BadInput, match="--force"):
        Destination(Format.TXT, target).write(b"ours")
    assert target.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.txt"]


def test_a_draft_that_cannot_become_a_file_is_kept_all_the_same(
    company: Path, tmp_path: Path
) -> None:
    store = Store.sqlite(company / "crm.db")
    with store.session() as session:
        session.execute(text("update contacts set email = null"))
        session.execute(text("update participants set email = null"))
    store.close()
    result = run("draft", "email", "--to", "Maria Lopez", "--out", str(tmp_path / "x.eml"))
    assert result.exit_code == 2, result.output
    assert "drafts show 1" in " ".join(result.stderr.split())
    assert not (tmp_path / "x.eml").exists()


def test_a_chat_message_is_short_text(company: Path) -> None:
    wish = ("draft", "message", "--channel", "wechat", "--to", "王伟", "--purpose", "催一下报价")
    made: dict[str, Any] = document(run(*wish, "--json"))
    assert (made["channel"], made["language"], made["subject"]) == ("wechat", "zh", "")
    refused = run(*wish, "--format", "eml")
    assert refused.exit_code == 2
    assert "txt, md" in refused.stderr
    assert run("draft", "message", "--to", "王伟").exit_code == 2


def test_a_proposal_is_a_document(company: Path, tmp_path: Path) -> None:
    wish = ("draft", "proposal", "--deal", "Acme renewal", "--as-of", "2026-11-16")
    target = tmp_path / "offer.docx"
    made: dict[str, Any] = document(run(*wish, "--out", str(target), "--json"))
    assert (made["kind"], made["opportunity_id"], made["path"]) == ("proposal", 12, str(target))
    assert set(made) == {
        "schema_version", "status", "kind", "opportunity_id", "language", "title", "to", "body",
        "sentences", "facts", "open_points", "approval", "dropped", "without_model", "path",
        "took_ms", "tokens",
    }  # fmt: skip
    assert all(set(point) == {"where", "what"} for point in made["open_points"])
    assert made["open_points"]
    assert made["body"].startswith("#")
    word = docx.Document(str(target))
    assert any("Acme Corp" in each.text for each in word.paragraphs)
    shown = run(*wish)
    assert "Acme Corp" in shown.stdout
    assert run(*wish, "--format", "eml").exit_code == 2


def test_the_word_template_is_written_changed_and_used(company: Path, tmp_path: Path) -> None:
    ours = tmp_path / "ours.docx"
    assert run("draft", "template", "letter", "--out", str(ours)).exit_code == 0
    assert run("draft", "template", "letter", "--out", str(ours)).exit_code == 2
    document_ = docx.Document(str(ours))
    document_.add_paragraph("1 Main Street")
    document_.save(str(ours))
    target = tmp_path / "reply.docx"
    assert run(*REPLY, "--template", str(ours), "--out", str(target)).exit_code == 0
    texts = "\n".join(each.text for each in docx.Document(str(target)).paragraphs)
    assert "1 Main Street" in texts
    assert "Hi Maria," in texts


def test_a_broken_template_is_refused_before_anything_is_written(
    company: Path, tmp_path: Path, model: Obedient
) -> None:
    (tmp_path / "bad.docx").write_bytes(b"not a zip")
    result = run(*REPLY, "--template", str(tmp_path / "bad.docx"), "--out", "x.docx")
    assert result.exit_code == 2
    assert "bad.docx" in result.stderr
    assert model.asked == []


def test_a_desk_without_a_guide_has_an_empty_one() -> None:
    made = desk_module.Desk(None, None, Obedient)  # type: ignore[arg-type]
    assert made.guide().policies == ()
    assert made.entailment() is None
