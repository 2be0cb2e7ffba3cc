"""A mailbox as a source: what is new in its folders, read-only, from where it was left."""

import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crm.errors import BadInput, PermanentError, TransientError
from ingest.sources.imap_client import Endpoint, Mailbox, Refused
from ingest.sources.imap_folders import Selection, choose_folders
from ingest.sources.imap_reading import MailRun, Rules
from ingest.sources.imap_watch import wait_for_mail
from ingest.sources.oauth import AccessTokens, OAuthConfig, is_loopback
from ingest.sources.registry import Secret
from ingest.sources.source import Cursor, Pulled

ATTEMPTS = 5


class ImapConfig(BaseModel):
    """A mailbox. `password` is the name of a secret; give it or `oauth`.

    Without `folders` all are read but junk, trash, drafts and those that fit `exclude`; patterns
    such as `Private*` may be given. `since` leaves older mail alone. Mail that is deleted on the
    server stays here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["imap"] = "imap"
    host: str = Field(min_length=1)
    port: int = Field(default=993, ge=1, le=65_535)
    security: Literal["tls", "starttls", "none"] = "tls"
    verify: bool = True
    ca_file: Path | None = None
    user: str = Field(min_length=1)
    password: str | None = None
    oauth: OAuthConfig | None = None
    folders: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    since: date | None = None
    max_message_mb: int = Field(default=40, ge=1, le=40)
    timeout_s: float = Field(default=60, gt=0, le=600)
    poll_s: float = Field(default=60, gt=0, le=1_500)

    @model_validator(mode="after")
    def _check(self) -> "ImapConfig":
        if (self.password is None) == (self.oauth is None):
            raise ValueError("give either password, the name of a secret, or oauth")
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(
                "security 'none' would send the password readable: use tls or starttls"
            )
        return self


def open_imap(
    config: ImapConfig,
    *,
    name: str,
    secret: Secret,
    sleep: Callable[[float], None] = time.sleep,
) -> "ImapSource":
    """Return the source; nothing is connected, and no secret asked for, before it is pulled."""
    return ImapSource(config, name, secret, sleep)


class ImapSource:
    """A mailbox, opened read-only: no message is marked as read, moved or deleted.

    The cursor holds for each folder the server's UIDVALIDITY and the last number read. When a
    server numbers a folder anew, it is read again: what is stored is known by its Message-ID.
    """

    kind = "imap"

    def __init__(
        self, config: ImapConfig, name: str, secret: Secret, sleep: Callable[[float], None]
    ) -> None:
        self.name = name
        self._config = config
        self._secret = secret
        self._sleep = sleep
        self._tokens = AccessTokens(config.oauth, secret) if config.oauth else None
        self._next_uids: dict[str, int] = {}

    def pull(self, cursor: Cursor | None, *, now: datetime) -> Iterator[Pulled]:
        """Yield new mail folder by folder, each oldest first.

        A lost connection is taken up again where it broke, with growing pauses. Raises
        TransientError if that does not help, PermanentError if signing in is refused, BadInput if
        no folder fits the configuration.
        """
        run = MailRun(self._rules(), cursor or {})
        failures = 0
        while True:
            mark = run.progress
            try:
                mailbox = self._connect()
                try:
                    selection = self._select(mailbox)
                    for folder in selection.names:
                        yield from run.read_folder(mailbox, folder, selection)
                finally:
                    mailbox.close()
                self._next_uids = dict(run.next_uids)
                yield from run.finish()
                return
            except Refused as error:
                raise TransientError(self._lost(error)) from error
            except OSError as error:
                failures = 1 if run.progress > mark else failures + 1
                run.was_dropped()
                if failures >= ATTEMPTS:
                    raise TransientError(self._lost(error)) from error
                self._sleep(2.0 ** (failures - 1))

    def wait(self, timeout_s: float) -> bool:
        """Return True once mail may have come: told by the server (IDLE) or seen on asking."""
        return wait_for_mail(
            self._connect,
            dict(self._next_uids),
            timeout_s=timeout_s,
            poll_s=self._config.poll_s,
            sleep=self._sleep,
        )

    def _rules(self) -> Rules:
        config = self._config
        return Rules(self.name, config.max_message_mb, config.since, tuple(sorted(config.exclude)))

    def _connect(self) -> Mailbox:
        config = self._config
        mailbox = Mailbox(
            Endpoint(
                config.host,
                config.port,
                config.security,
                config.timeout_s,
                config.verify,
                config.ca_file,
            )
        )
        try:
            self._sign_in(mailbox)
        except BaseException:
            mailbox.close()
            raise
        return mailbox

    def _sign_in(self, mailbox: Mailbox) -> None:
        user, tokens = self._config.user, self._tokens
        if tokens is None:
            password = self._secret(self._config.password or "")
            mailbox.sign_in(user, password.get_secret_value())
            return
        is_old = tokens.is_held
        try:
            mailbox.sign_in_with_token(user, tokens.get().get_secret_value())
        except PermanentError:
            tokens.forget()
            if not is_old:
                raise
            mailbox.sign_in_with_token(user, tokens.get().get_secret_value())

    def _select(self, mailbox: Mailbox) -> Selection:
        config = self._config
        selection = choose_folders(
            mailbox.folders(),
            wanted=config.folders,
            excluded=config.exclude,
            has_labels=mailbox.has("X-GM-EXT-1"),
        )
        if not selection.names:
            raise BadInput(
                f"no folder of {config.user!r} fits: folders are {list(config.folders)!r},"
                f" excluded {list(config.exclude)!r}"
            )
        return selection

    def _lost(self, error: BaseException) -> str:
        said = str(error)[:200] or type(error).__name__
        return (
            f"mailbox {self._config.user!r} at {self._config.host}:{self._config.port} could not be"
            f" read ({said!r}): try again later"
        )
