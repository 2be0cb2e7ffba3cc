"""`drafts send`: shown, approved by whom the policy names, and carried out once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import select, update
from typer.testing import CliRunner, Result

from copilot.agent.draft_mail import MailWish, propose_draft
from copilot.agent.effects.mail_effect import MailEffect
from copilot.agent.effects.mail_payload import Person
from copilot.cli import approvals, drafts
from copilot.cli.context import open_context
from copilot.grounding.pack.asked import Channel
from copilot.grounding.sentences import CitedSentence
from copilot.settings import Settings
from copilot.wiring import Installation
from copilot.writers.draft import Addressee, Approval, OpenPoint, Threading
from copilot.writers.learning.keeping import save_draft
from crm.facts import Fact, FactKind
from crm.models import AuditEvent, EffectKind, ProposedAction, Team, User
from crm.store import Store
from tests.conversation_seed import add_user, sourced
from tests.draft_seed import ANNA, NOW, add_people, make_draft
from tests.imap_servers import free_port
from tests.mail_servers import PASSWORD, USER, Deliveries, SmtpServer, run_smtp

AS_ANNA = ("--as", "anna@ours.example")
AS_BEN = ("--as", "ben@ours.example")
AS_MIA = ("--as", "mia@ours.example")
PRIYA = Addressee(name="Priya Shah", email="priya@acme.example")
FACT = Fact(
    id="F1", kind=FactKind.RECORD, text="The quote is ready since Monday", source="opportunity:7"
)


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with run_smtp() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path))
    # A draft is open for thirty days.
    monkeypatch.setenv("SALES_COPILOT_TODAY", "2026-11-18")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    found = Store.sqlite(tmp_path / "default" / "crm.db")
    found.migrate()
    with found.session() as session:
        add_people(session)
        number = add_manager(session)
        session.execute(update(User).where(User.id < number).values(team_id=1))
    keep(found)
    yield found
    found.close()


def add_manager(session: Any) -> int:
    """Mia leads the team that Anna and Ben are in."""
    session.add(Team(**sourced(1), name="Sales"))
    session.flush()
    add_user(session, 3, "Mia Krug", email="mia@ours.example", role="manager")
    session.execute(update(User).where(User.id == 3).values(team_id=1))
    return 3


def keep(store: Store, *sentences: str, **columns: Any) -> int:
    said = tuple(
        (CitedSentence(text=text, facts=("F1",)),) for text in sentences or ("The quote is ready.",)
    )
    given = {"to": (PRIYA,), "facts": (FACT,), "paragraphs": said, **columns}
    with store.session() as session:
        draft = make_draft(*(sentences or ("The quote is ready.",)), **given)
        return save_draft(session, draft, principal=ANNA, now=NOW)


@pytest.fixture
def mailbox(store: Store, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> SmtpServer:
    set_up(monkeypatch, smtp.port)
    return smtp


def set_up(monkeypatch: pytest.MonkeyPatch, port: int, **more: str) -> None:
    given = {
        "MAIL_ADDRESS": "anna@ours.example", "MAIL_USER": USER, "MAIL_SMTP_HOST": "127.0.0.1",
        "MAIL_SMTP_PORT": str(port), "MAIL_SMTP_SECURITY": "none", "SECRET_MAIL": PASSWORD, **more,
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"SALES_COPILOT_{name}", value)


def run(*args: str, typed: str | None = None) -> Result:
    app = typer.Typer()

    @app.callback()
    def root(ctx: typer.Context) -> None:
        ctx.obj = open_context(None)

    drafts.register(app)
    approvals.register(app)
    return CliRunner().invoke(app, list(args), input=typed)


def told(*args: str) -> dict[str, Any]:
    result = run(*args, "--json")
    document: dict[str, Any] = json.loads(result.stdout)
    return {**document, "code": result.exit_code}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("copilot.cli.draft_sending.stdin_is_terminal", lambda: True)


@pytest.mark.usefixtures("terminal")
def test_a_draft_is_shown_and_sent_after_a_yes(mailbox: SmtpServer) -> None:
    asked = run("drafts", "send", "1", *AS_ANNA, typed="y\n")

    assert asked.exit_code == 0, asked.output
    shown = ("Anna Lind <anna@ours.example>", "Priya Shah <priya@acme.example>", "Subject: Pilot",
             "The quote is ready since Monday", "rep, who proposed it", "Sent.")  # fmt: skip
    for words in shown:
        assert words in asked.output
    [taken] = mailbox.deliveries.taken
    assert taken.recipients == ("priya@acme.example",)
    body = taken.message.get_body(("plain",))
    assert body is not None
    assert body.get_content().split() == make_draft("The quote is ready.").body.split()
    assert told("drafts", "show", "1", *AS_ANNA)["draft_status"] == "accepted"


@pytest.mark.usefixtures("terminal")
def test_a_no_sends_nothing_and_the_proposal_waits(mailbox: SmtpServer) -> None:
    asked = run("drafts", "send", "1", *AS_ANNA, typed="n\n")

    assert (asked.exit_code, "approvals approve 1" in asked.output) == (0, True)
    assert mailbox.deliveries.taken == []
    assert told("approvals", "approve", "1", *AS_ANNA)["action_status"] == "applied"
    assert len(mailbox.deliveries.taken) == 1


def test_sent_twice_it_goes_out_once(mailbox: SmtpServer) -> None:
    first = told("drafts", "send", "1", "--yes", *AS_ANNA)
    again = told("drafts", "send", "1", "--yes", *AS_ANNA)

    assert (first["action_status"], first["is_new"]) == ("applied", True)
    assert (again["action_status"], again["is_new"], again["code"]) == ("applied", False, 0)
    assert first["result"] == again["result"]
    assert len(mailbox.deliveries.taken) == 1
    to_another = told("drafts", "send", "1", "--to", "bob@acme.example", "--yes", *AS_ANNA)
    assert "make a new draft" in to_another["error"]["message"]
    once_more = told("drafts", "send", "1", "--again", "--yes", *AS_ANNA)
    assert "is sent once" in once_more["error"]["message"]
    assert len(mailbox.deliveries.taken) == 1


def test_without_a_yes_a_script_only_proposes(mailbox: SmtpServer, store: Store) -> None:
    made = told("drafts", "send", "1", *AS_ANNA)

    assert (made["code"], made["status"], made["action_status"]) == (0, "done", "waiting")
    action = made["action"]
    assert action["payload"]["to"] == [{"email": "priya@acme.example", "name": "Priya Shah"}]
    assert action["evidence"] == [
        {"id": "opportunity:7", "fact": "F1", "text": "The quote is ready since Monday"}
    ]
    assert action["i_may"] == "approve"
    assert told("drafts", "send", "1", *AS_ANNA)["action"]["id"] == action["id"]
    assert mailbox.deliveries.taken == []
    with store.session() as session:
        [read] = session.scalars(
            select(AuditEvent.read).where(AuditEvent.action == "action.propose")
        )
    assert read == ["opportunity:7"]


def test_a_reply_is_threaded_under_the_mail_that_it_answers(
    mailbox: SmtpServer, store: Store
) -> None:
    thread = Threading(
        in_reply_to="m2@acme.example", references=("<m1@acme.example>", "no id\r\nBcc: x@y.z"),
        author="Priya Shah", sent_at=NOW, text="Is the quote ready?",
    )  # fmt: skip
    number = keep(store, "It is ready.", thread=thread, subject="Re: Quote")
    told("drafts", "send", str(number), "--yes", *AS_ANNA)

    [taken] = mailbox.deliveries.taken
    assert taken.message["In-Reply-To"] == "<m2@acme.example>"
    assert str(taken.message["References"]).split() == ["<m1@acme.example>", "<m2@acme.example>"]
    assert taken.message["Subject"] == "Re: Quote"
    assert taken.message["Bcc"] is None


def test_an_edited_draft_goes_out_in_its_authors_words_and_says_which_are_new(
    mailbox: SmtpServer, tmp_path: Path
) -> None:
    body = make_draft("The quote is ready.").body.replace("ready.", "ready. We spoke of 12 sites.")
    (tmp_path / "final.txt").write_text(f"Subject: Your quote\n\n{body}", "utf-8")
    run("drafts", "edit", "1", "--file", str(tmp_path / "final.txt"), *AS_ANNA)
    shown = run("drafts", "send", "1", "--yes", *AS_ANNA)

    assert "which nothing verified: 12" in shown.output
    [taken] = mailbox.deliveries.taken
    assert taken.message["Subject"] == "Your quote"
    assert "We spoke of 12 sites." in str(taken.message.get_body(("plain",)))


def test_a_promise_that_nothing_carries_is_for_the_manager(
    mailbox: SmtpServer, tmp_path: Path
) -> None:
    body = make_draft("The quote is ready.").body.replace(
        "ready.", "ready. We guarantee a discount of 30% and delivery by 4 May."
    )
    (tmp_path / "final.txt").write_text(body, "utf-8")
    run("drafts", "edit", "1", "--file", str(tmp_path / "final.txt"), *AS_ANNA)
    mine = told("drafts", "send", "1", "--yes", *AS_ANNA)

    assert (mine["code"], mine["status"], mine["action"]["risk"]) == (6, "needs_approval", "high")
    assert mailbox.deliveries.taken == []
    assert "somebody above" in run("drafts", "send", "1", *AS_ANNA).output
    assert told("approvals", "approve", "1", *AS_MIA)["action_status"] == "applied"
    assert len(mailbox.deliveries.taken) == 1


def test_a_draft_that_commits_us_stays_with_the_manager_whatever_is_edited(
    mailbox: SmtpServer, store: Store, tmp_path: Path
) -> None:
    mark = "[Confirm before sending: 30% off]"
    point = OpenPoint(placeholder=mark, reason="no approved source")
    number = str(keep(store, f"You get {mark}.", open_points=(point,), approval=Approval.ELEVATED))
    unfinished = told("drafts", "send", number, "--yes", *AS_ANNA)
    assert (unfinished["code"], "not finished" in unfinished["error"]["message"]) == (2, True)
    (tmp_path / "final.txt").write_text("Hi Priya,\n\nYou get it.\n\nAnna", "utf-8")
    run("drafts", "edit", number, "--file", str(tmp_path / "final.txt"), *AS_ANNA)

    assert told("drafts", "send", number, "--yes", *AS_ANNA)["action_status"] == "waiting"
    assert mailbox.deliveries.taken == []


def test_a_colleagues_mailbox_is_not_for_a_rep_to_send_from(
    mailbox: SmtpServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALES_COPILOT_MAIL_ADDRESS", "ben@ours.example")
    made = told("drafts", "send", "1", "--yes", *AS_ANNA)
    assert (made["action_status"], made["action"]["risk"]) == ("waiting", "high")

    monkeypatch.setenv("SALES_COPILOT_MAIL_ADDRESS", "sales@ours.example")
    number = str(keep(store, "From the team."))
    assert told("drafts", "send", number, "--yes", *AS_ANNA)["action_status"] == "applied"
    assert [one.sender for one in mailbox.deliveries.taken] == ["sales@ours.example"]


def test_what_the_manager_approved_is_noted_on_the_draft_as_its_authors(
    mailbox: SmtpServer, store: Store, tmp_path: Path
) -> None:
    made = told("drafts", "send", "1", *AS_ANNA)
    payload = made["action"]["payload"]
    payload["body"] = payload["body"].replace("ready", "finished")
    (tmp_path / "new.json").write_text(json.dumps(payload), "utf-8")
    told("approvals", "edit", "1", "--file", str(tmp_path / "new.json"), *AS_MIA)
    assert told("approvals", "approve", "1", *AS_MIA)["action_status"] == "applied"

    shown = told("drafts", "show", "1", *AS_ANNA)
    assert (shown["draft_status"], shown["decided_by"]) == ("edited", "Anna Lind")
    assert "finished" in shown["final_body"]
    assert "done before" in run("drafts", "send", "1", *AS_ANNA).output
    with store.session() as session:
        deeds = list(session.scalars(select(AuditEvent.action).order_by(AuditEvent.seq)))
    assert deeds[-3:-1] == ["draft.edit", "action.apply"]


@pytest.mark.parametrize("decide", ["reject", "wrong"])
def test_a_draft_that_was_rejected_is_not_sent(mailbox: SmtpServer, decide: str) -> None:
    if decide == "wrong":
        told("drafts", "send", "1", *AS_ANNA)
    run("drafts", "reject", "1", "--reason", "wrong tone", *AS_ANNA)
    sent = told("drafts", "send", "1", "--yes", *AS_ANNA)

    assert (sent["code"], "rejected" in sent["error"]["message"]) == (2, True)
    assert mailbox.deliveries.taken == []


def test_after_a_failure_it_is_sent_again_only_on_demand(mailbox: SmtpServer) -> None:
    mailbox.deliveries.refusals["priya@acme.example"] = "550 5.1.1 No such user"
    failed = told("drafts", "send", "1", "--yes", *AS_ANNA)
    assert "refuses 'priya@acme.example'" in failed["error"]["message"]
    mailbox.deliveries.refusals.clear()

    again = told("drafts", "send", "1", "--yes", *AS_ANNA)
    assert "--again" in again["error"]["message"]
    assert mailbox.deliveries.taken == []
    done = told("drafts", "send", "1", "--again", "--yes", *AS_ANNA)
    assert (done["action_status"], done["action"]["id"]) == ("applied", 2)
    assert told("drafts", "send", "1", "--yes", *AS_ANNA)["is_new"] is False
    assert len(mailbox.deliveries.taken) == 1


def test_others_may_receive_it_and_files_go_along(
    mailbox: SmtpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "offer.pdf").write_bytes(b"%PDF offer")
    monkeypatch.setenv("SALES_COPILOT_MAIL_DOCUMENTS", str(tmp_path / "papers"))
    more = ("--to", "Bob Ray <bob@acme.example>", "--cc", "cy@acme.example", "--attach",
            "offer.pdf")  # fmt: skip
    shown = run("drafts", "send", "1", *more, "--yes", *AS_ANNA)

    assert "Attached: offer.pdf" in shown.output
    [taken] = mailbox.deliveries.taken
    assert taken.recipients == ("bob@acme.example", "cy@acme.example")
    [part] = taken.message.iter_attachments()
    assert (part.get_content_type(), part.get_content()) == ("application/pdf", b"%PDF offer")


@pytest.mark.parametrize("name", ["../default/crm.db", "/etc/hostname", "none.pdf"])
def test_a_file_from_elsewhere_does_not_go_along(
    mailbox: SmtpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "papers").mkdir()
    monkeypatch.setenv("SALES_COPILOT_MAIL_DOCUMENTS", str(tmp_path / "papers"))
    refused = told("drafts", "send", "1", "--attach", name, "--yes", *AS_ANNA)

    assert (refused["code"], "no document" in refused["error"]["message"]) == (2, True)
    assert mailbox.deliveries.taken == []


@pytest.mark.parametrize(
    "to", ["a@b.example, c@d.example", "nobody", "x@y.example\r\nBcc: z@y.example", "A <a@b>"]
)
def test_what_is_no_address_is_refused(mailbox: SmtpServer, to: str) -> None:
    assert told("drafts", "send", "1", "--to", to, "--yes", *AS_ANNA)["code"] == 2
    assert mailbox.deliveries.taken == []


def test_a_chat_message_and_a_draft_of_anothers_are_not_sent(
    mailbox: SmtpServer, store: Store
) -> None:
    number = str(keep(store, "Ping?", channel=Channel.SLACK))
    assert "slack message" in told("drafts", "send", number, *AS_ANNA)["error"]["message"]
    assert told("drafts", "send", "1", *AS_BEN)["code"] == 3


def test_without_a_mailbox_the_settings_are_named(store: Store) -> None:
    for command, host in (("send", "SMTP_HOST"), ("save", "IMAP_HOST")):
        refused = told("drafts", command, "1", *AS_ANNA)
        assert refused["code"] == 8
        said = refused["error"]["message"]
        for name in ("MAIL_ADDRESS", host, "SECRET_MAIL", "secrets/mail"):
            assert name in said
    with store.session() as session:
        assert session.scalars(select(ProposedAction)).all() == []


def test_a_server_that_is_down_leaves_it_to_be_sent_at_once_later(
    store: Store, monkeypatch: pytest.MonkeyPatch, smtp: SmtpServer
) -> None:
    monkeypatch.setitem(MailEffect.__init__.__kwdefaults__, "sleep", lambda _: None)
    set_up(monkeypatch, free_port())
    down = told("drafts", "send", "1", "--yes", *AS_ANNA)
    assert (down["code"], down["error"]["kind"]) == (7, "NotBegun")
    assert "nothing was sent" in down["error"]["message"]
    assert told("approvals", "show", "1", *AS_ANNA)["action"]["status"] == "approved"

    monkeypatch.setenv("SALES_COPILOT_MAIL_SMTP_PORT", str(smtp.port))
    assert told("drafts", "send", "1", *AS_ANNA)["action_status"] == "applied"
    assert len(smtp.deliveries.taken) == 1


def test_a_wrong_password_is_said_and_never_shown(
    mailbox: SmtpServer, monkeypatch: pytest.MonkeyPatch, store: Store, tmp_path: Path
) -> None:
    monkeypatch.setenv("SALES_COPILOT_SECRET_MAIL", "hunter2-wrong")
    wrong = run("drafts", "send", "1", "--yes", *AS_ANNA)

    assert (wrong.exit_code, "may not sign in" in wrong.stderr) == (8, True)
    assert mailbox.deliveries.taken == []
    logs = "".join(path.read_text("utf-8") for path in tmp_path.rglob("*.log*"))
    with store.session() as session:
        row = session.scalars(select(ProposedAction)).one()
        kept = f"{row.payload} {row.error} {row.evidence}"
    assert "hunter2" not in wrong.output + wrong.stderr + logs + kept
    monkeypatch.setenv("SALES_COPILOT_SECRET_MAIL", PASSWORD)
    assert told("drafts", "send", "1", *AS_ANNA)["action_status"] == "applied"


def test_a_line_that_breaks_midway_says_when_it_is_taken_up_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_smtp(Deliveries(drop_after=1.0)) as server:
        set_up(monkeypatch, server.port, MAIL_COPY_TO_SELF="true", MAIL_IMAP_HOST="127.0.0.1",
               MAIL_IMAP_PORT=str(free_port()), MAIL_IMAP_SECURITY="none")  # fmt: skip
        # Looking into the mailbox first fails, and is not what this is about.
        monkeypatch.setattr("copilot.agent.effects.mail_sending.SendMail._find", lambda *_: None)
        broken = told("drafts", "send", "1", "--yes", *AS_ANNA)
        assert broken["code"] == 7
        until = store_time(store)
        assert f"after {until:%Y-%m-%d %H:%M} UTC" in broken["error"]["message"]
        assert "approvals apply 1" in broken["error"]["message"]
        waits = told("drafts", "send", "1", "--yes", *AS_ANNA)
        assert "being carried out" in waits["error"]["message"]
        assert len(server.deliveries.taken) == 1


def store_time(store: Store) -> datetime:
    with store.session() as session:
        until = session.scalars(select(ProposedAction.claimed_until)).one()
    assert until is not None
    return until.astimezone(UTC)


def test_a_mail_of_a_file_is_proposed_and_a_promise_in_it_is_for_the_manager(
    mailbox: SmtpServer, tmp_path: Path
) -> None:
    mail = {"to": [{"email": "priya@acme.example"}], "subject": "报价", "body": "资料见附件。"}
    (tmp_path / "mail.json").write_text(json.dumps(mail), "utf-8")
    file = ("--file", str(tmp_path / "mail.json"))
    made = told("approvals", "propose", "mail", *file, "--key", "k", *AS_ANNA)
    assert (made["action_status"], made["risk"]) == ("waiting", "medium")
    assert told("approvals", "approve", "1", *AS_ANNA)["action_status"] == "applied"
    assert [one.sender for one in mailbox.deliveries.taken] == ["anna@ours.example"]

    mail["body"] = "我们保证给您七折，下周交付。"
    (tmp_path / "mail.json").write_text(json.dumps(mail), "utf-8")
    assert told("approvals", "propose", "mail", *file, *AS_ANNA)["risk"] == "high"
    assert told("approvals", "approve", "2", *AS_ANNA)["code"] == 5
    mail["account_id"] = 10**30  # type: ignore[assignment]
    (tmp_path / "mail.json").write_text(json.dumps(mail), "utf-8")
    assert told("approvals", "propose", "mail", *file, *AS_ANNA)["code"] == 2


def test_a_chinese_draft_is_shown_in_chinese(mailbox: SmtpServer, store: Store) -> None:
    wang = (Addressee(name="王建国", email="wang@acme.example"),)
    number = str(keep(store, "报价已经准备好。", contact=5, to=wang, subject="报价"))
    shown = run("drafts", "send", number, "--yes", *AS_ANNA).output

    for words in ("收件人: 王建国 <wang@acme.example>", "主题: 报价", "依据", "已发送。"):
        assert words in shown
    assert len(mailbox.deliveries.taken) == 1


@pytest.mark.usefixtures("mailbox")
def test_asked_for_at_the_same_moment_it_is_one_action(store: Store) -> None:
    installation = Installation(Settings.load())
    account = installation.mailbox
    assert account is not None
    wish = MailWish(EffectKind.SEND_MAIL, [Person(email="priya@acme.example")])

    def ask(_: int) -> int:
        with store.session() as session:
            return propose_draft(
                session, 1, wish, account=account, effects=installation.effects,
                policy=installation.policy, principal=ANNA, now=NOW,
            )  # fmt: skip

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(8))) == {1}
    with store.session() as session:
        assert len(session.scalars(select(ProposedAction)).all()) == 1
