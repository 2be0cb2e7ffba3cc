"""Which mailbox the settings name, and the effects that save and send mail through it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from copilot.agent.approvals.effects import Effect, Effects
from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mail_attempts import FOLDER, Attempts
from copilot.agent.effects.mail_drafts import SaveMailDraft
from copilot.agent.effects.mail_effect import MailGuards
from copilot.agent.effects.mail_sending import SendMail
from copilot.breakers import PAUSE_S, breaker_for
from copilot.secret_rules import PREFIX
from copilot.settings import Settings
from crm.errors import BadInput, PermanentError
from crm.guards import Unguarded
from crm.models import EffectKind
from crm.principal import Principal
from ingest.sources.oauth import AccessTokens, OAuthConfig

SECRETS = {
    "password": "mail",
    "refresh_token": "mail_refresh_token",
    "client_secret": "mail_client_secret",
}
"""Under which names the mailbox's secrets are kept."""

_HOSTS = {EffectKind.SAVE_MAIL_DRAFT: "MAIL_IMAP_HOST", EffectKind.SEND_MAIL: "MAIL_SMTP_HOST"}


def mail_account(settings: Settings) -> MailAccount | None:
    """Return the mailbox that is set up, None if there is none; nothing is connected yet.

    Raises BadInput where it cannot be used as it is set up: the message names the variable.
    """
    if settings.mail_address is None:
        return None
    tokens = _tokens(settings)
    account = MailAccount(
        settings.mail_address,
        settings.mail_user or settings.mail_address,
        None if tokens else settings.secret(SECRETS["password"]),
        name=settings.mail_name,
        imap_host=settings.mail_imap_host,
        imap_port=settings.mail_imap_port,
        imap_security=settings.mail_imap_security,
        smtp_host=settings.mail_smtp_host,
        smtp_port=settings.mail_smtp_port,
        smtp_security=settings.mail_smtp_security,
        tokens=tokens,
        drafts_folder=settings.mail_drafts_folder,
        sent_folder=settings.mail_sent_folder,
        is_copied_to_self=settings.mail_copy_to_self,
        is_verified=settings.mail_verify,
        ca_file=settings.mail_ca_file,
    )
    if account.smtp_host and settings.database_url is not None and not account.has_proof:
        # The note of what was begun is a file of this machine, which another one cannot read.
        raise BadInput(
            f"with {PREFIX}DATABASE_URL several machines may send: set {PREFIX}MAIL_SENT_FOLDER, or"
            f" {PREFIX}MAIL_COPY_TO_SELF=true, so that each finds what another has sent"
        )
    return account


def mail_effects(settings: Settings) -> Effects:
    """Return the effects that save and send mail.

    Where the mailbox is not set up, or wrongly, they say so when they are used: whoever approves
    a task needs no mailbox.
    """
    try:
        account = mail_account(settings)
    except BadInput as error:
        why = f"the mailbox cannot be used: {error}"
        return {kind: NotSetUp(kind, why) for kind in _HOSTS}
    return effects_on(account, settings)


def effects_on(
    account: MailAccount | None, settings: Settings, *, pause_s: float = PAUSE_S
) -> Effects:
    """Return the effects on this mailbox, with the workspace's notes and folder of documents.

    A server of it that is away is left alone for `pause_s` seconds.
    """
    attempts, documents = Attempts(settings.workspace_dir / FOLDER), settings.mail_documents
    save, send = EffectKind.SAVE_MAIL_DRAFT, EffectKind.SEND_MAIL
    made: dict[EffectKind, Effect] = {kind: NotSetUp(kind, what_to_set(kind)) for kind in _HOSTS}
    if account is None:
        return made
    guards = _guards(account, settings, pause_s)
    if account.imap_host:
        made[save] = SaveMailDraft(account, attempts, documents=documents, guards=guards)
    if account.smtp_host:
        made[send] = SendMail(account, attempts, documents=documents, guards=guards)
    return made


def _guards(account: MailAccount, settings: Settings, pause_s: float) -> MailGuards:
    """Return a circuit breaker for each server of the mailbox."""
    breakers = [
        breaker_for("mail server", f"{host}:{port}", folder=settings.breakers_dir, pause_s=pause_s)
        if host
        else Unguarded()
        for host, port in (
            (account.imap_host, account.imap_port),
            (account.smtp_host, account.smtp_port),
        )
    ]
    return MailGuards(*breakers)


def what_to_set(kind: EffectKind) -> str:
    """Return which settings a mailbox needs for this kind of effect."""
    what = "save drafts" if kind is EffectKind.SAVE_MAIL_DRAFT else "send mail"
    return (
        f"no mailbox is set up to {what}: set {PREFIX}MAIL_ADDRESS and {PREFIX}{_HOSTS[kind]}, and"
        f" the password in {PREFIX}SECRET_MAIL or in the workspace's file 'secrets/mail';"
        " docs/drafts.md has an example"
    )


class NotSetUp:
    """Stands for an effect whose mailbox is missing; every use raises PermanentError saying why."""

    is_external = True

    def __init__(self, kind: EffectKind, why: str) -> None:
        self.kind = kind
        self._why = why

    def check(
        self, session: Session, payload: Mapping[str, Any], *, principal: Principal, now: datetime
    ) -> None:
        """Raise what is missing."""
        raise PermanentError(self._why)

    def done_already(self, payload: Mapping[str, Any], *, key: str) -> dict[str, Any] | None:
        """Raise what is missing."""
        raise PermanentError(self._why)

    def carry_out(
        self,
        session: Session,
        payload: Mapping[str, Any],
        *,
        key: str,
        principal: Principal,
        now: datetime,
    ) -> dict[str, Any]:
        """Raise what is missing."""
        raise PermanentError(self._why)


def _tokens(settings: Settings) -> AccessTokens | None:
    url, client = settings.mail_oauth_token_url, settings.mail_oauth_client_id
    if url is None or client is None:
        return None
    # Said now rather than when a mail is due, where it would end the action.
    settings.secret(SECRETS["refresh_token"])
    try:
        config = OAuthConfig(
            token_url=url,
            client_id=client,
            refresh_token=SECRETS["refresh_token"],
            client_secret=_client_secret(settings),
            scope=settings.mail_oauth_scope,
        )
    except ValidationError as error:
        raise BadInput(
            f"{PREFIX}MAIL_OAUTH_TOKEN_URL={url!r} cannot be used: {error.errors()[0]['msg']}"
        ) from None
    return AccessTokens(config, settings.secret)


def _client_secret(settings: Settings) -> str | None:
    """Return the name of the client's secret if there is one: many clients have none."""
    name = SECRETS["client_secret"]
    try:
        settings.secret(name)
    except BadInput:
        return None
    return name
