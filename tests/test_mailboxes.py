"""Which mailbox the settings name: what they refuse, what they never show, and what is built."""

from pathlib import Path

import pytest

from copilot.agent.effects.mail_drafts import SaveMailDraft
from copilot.agent.effects.mail_sending import SendMail
from copilot.mailboxes import NotSetUp, mail_account, mail_effects
from copilot.settings import Settings
from copilot.wiring import Installation
from crm.errors import BadInput, PermanentError
from crm.models import EffectKind
from crm.principal import Principal
from crm.store import Store
from tests.draft_seed import NOW

WORD = "correct-horse"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path))
    monkeypatch.delenv("SALES_COPILOT_SECRET_MAIL", raising=False)
    return tmp_path / "default"


def given(**changes: object) -> Settings:
    usual = {
        "mail_address": "anna@ours.example",
        "mail_imap_host": "imap.ours.example",
        "mail_smtp_host": "smtp.ours.example",
    }
    return Settings.load(**{**usual, **changes})


def test_without_an_address_there_is_no_mailbox_and_using_it_names_the_settings(
    store: Store,
) -> None:
    settings = Settings.load(mail_smtp_host="smtp.ours.example")
    assert mail_account(settings) is None
    effect = mail_effects(settings)[EffectKind.SEND_MAIL]
    with pytest.raises(PermanentError, match="MAIL_ADDRESS and SALES_COPILOT_MAIL_SMTP_HOST"):
        effect.done_already({}, key="k")
    with store.session() as session, pytest.raises(PermanentError, match="secrets/mail"):
        effect.check(session, {}, principal=Principal.local_owner(), now=NOW)


def test_the_password_comes_from_a_variable_or_a_file_and_is_never_shown(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "secrets").mkdir(parents=True)
    (place / "secrets" / "mail").write_text(f"{WORD}\n", "utf-8")
    (place / "secrets" / "mail").chmod(0o600)
    settings = given()
    account = mail_account(settings)
    assert account is not None
    assert account.secret is not None
    assert account.secret.get_secret_value() == WORD
    assert (account.user, account.imap.port, account.smtp.port) == ("anna@ours.example", 993, 465)
    assert WORD not in repr(account) + repr(settings)
    monkeypatch.setenv("SALES_COPILOT_SECRET_MAIL", "another-one")
    other = mail_account(settings)
    assert other is not None
    assert other.secret is not None
    assert other.secret.get_secret_value() == "another-one"


def test_a_missing_password_is_said_and_stops_nothing_but_mail() -> None:
    with pytest.raises(BadInput, match="SALES_COPILOT_SECRET_MAIL"):
        mail_account(given())
    effects = Installation(given()).effects
    assert EffectKind.CREATE_TASK in effects
    with pytest.raises(PermanentError, match="SALES_COPILOT_SECRET_MAIL"):
        effects[EffectKind.SAVE_MAIL_DRAFT].done_already({}, key="k")


def test_each_server_gives_its_own_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALES_COPILOT_SECRET_MAIL", WORD)
    both = mail_effects(given())
    assert isinstance(both[EffectKind.SAVE_MAIL_DRAFT], SaveMailDraft)
    assert isinstance(both[EffectKind.SEND_MAIL], SendMail)
    sending = mail_effects(given(mail_imap_host=None))
    assert isinstance(sending[EffectKind.SAVE_MAIL_DRAFT], NotSetUp)
    assert isinstance(sending[EffectKind.SEND_MAIL], SendMail)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mail_imap_security": "none"}, "readable"),
        ({"mail_address": "anna"}, "no email address"),
        ({"mail_imap_host": None, "mail_sent_folder": "Sent"}, "IMAP host"),
        ({"database_url": "postgresql://x/y"}, "SALES_COPILOT_MAIL_COPY_TO_SELF"),
    ],
)
def test_a_mailbox_that_cannot_be_used_says_why(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], said: str
) -> None:
    monkeypatch.setenv("SALES_COPILOT_SECRET_MAIL", WORD)
    with pytest.raises(BadInput, match=said) as caught:
        mail_account(given(**changes))
    assert WORD not in str(caught.value)


def test_several_machines_send_where_each_can_look_up_what_another_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SALES_COPILOT_SECRET_MAIL", WORD)
    account = mail_account(given(database_url="postgresql://x/y", mail_copy_to_self=True))
    assert account is not None
    assert account.has_proof


def test_oauth_takes_the_place_of_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    oauth = {
        "mail_oauth_token_url": "https://login.example/token",
        "mail_oauth_client_id": "copilot",
    }
    with pytest.raises(BadInput, match="SALES_COPILOT_SECRET_MAIL_REFRESH_TOKEN"):
        mail_account(given(**oauth))
    monkeypatch.setenv("SALES_COPILOT_SECRET_MAIL_REFRESH_TOKEN", WORD)
    account = mail_account(given(**oauth))
    assert account is not None
    assert account.secret is None
    assert account.tokens is not None
    with pytest.raises(BadInput, match=r"http://login\.example.*https://"):
        mail_account(given(**oauth | {"mail_oauth_token_url": "http://login.example/token"}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_IMAP_PORT", "0"),
        ("MAIL_SMTP_SECURITY", "ssl"),
        ("MAIL_CA_FILE", "/no/such/file.pem"),
        ("MAIL_DOCUMENTS", "/no/such/folder"),
        ("MAIL_COPY_TO_SELF", "perhaps"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"SALES_COPILOT_{name}", value)
    with pytest.raises(BadInput, match=f"SALES_COPILOT_{name}="):
        Settings.load()


def test_one_half_of_oauth_is_refused() -> None:
    with pytest.raises(BadInput, match="SALES_COPILOT_MAIL_OAUTH_CLIENT_ID go together"):
        given(mail_oauth_token_url="https://login.example/token")
