"""The mailbox that mail is saved to and sent from: where it is, and how to sign in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from copilot.agent.effects.mail_payload import check_address
from crm.errors import BadInput
from ingest.sources.imap_client import Endpoint
from ingest.sources.oauth import AccessTokens, is_loopback

Security = Literal["tls", "starttls", "none"]


@dataclass(frozen=True)
class MailAccount:
    """One mailbox: IMAP for drafts and for finding what was sent, SMTP for sending.

    `secret` is the password; with `tokens` one signs in by XOAUTH2 instead. What proves that a
    mail went out after a crash is one of two: `sent_folder`, the folder where the server itself
    keeps what it sends (Gmail, Microsoft 365, 163.com and others do, many servers do not), or
    `is_copied_to_self`, by which every mail also goes to the mailbox's own address. `folder_wait_s`
    is how long that copy may take to appear.
    """

    address: str
    user: str
    secret: SecretStr | None = None
    name: str = ""
    imap_host: str | None = None
    imap_port: int = 993
    imap_security: Security = "tls"
    smtp_host: str | None = None
    smtp_port: int = 465
    smtp_security: Security = "tls"
    tokens: AccessTokens | None = None
    drafts_folder: str | None = None
    sent_folder: str | None = None
    is_copied_to_self: bool = False
    folder_wait_s: float = 20.0
    timeout_s: float = 30.0
    is_verified: bool = True
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        check_address(self.address)
        if (self.secret is None) == (self.tokens is None):
            raise BadInput(f"mailbox {self.address!r}: give either a password or OAuth, not both")
        for host, security in (
            (self.imap_host, self.imap_security),
            (self.smtp_host, self.smtp_security),
        ):
            if host and security == "none" and not is_loopback(host):
                raise BadInput(
                    f"security 'none' would send the password to {host!r} readable: use tls or"
                    " starttls"
                )
        if (self.sent_folder or self.is_copied_to_self) and not self.imap_host:
            raise BadInput(
                f"mailbox {self.address!r}: looking for what was sent needs an IMAP host"
            )

    @property
    def has_proof(self) -> bool:
        """Say whether a mail that went out can be found again in this mailbox."""
        return self.sent_folder is not None or self.is_copied_to_self

    @property
    def imap(self) -> Endpoint:
        """The mailbox's IMAP server. Raises BadInput if none is set."""
        if not self.imap_host:
            raise BadInput(f"mailbox {self.address!r} has no IMAP host: set it to save drafts")
        return Endpoint(
            self.imap_host, self.imap_port, self.imap_security, self.timeout_s,
            self.is_verified, self.ca_file,
        )  # fmt: skip

    @property
    def smtp(self) -> Endpoint:
        """The mailbox's SMTP server. Raises BadInput if none is set."""
        if not self.smtp_host:
            raise BadInput(f"mailbox {self.address!r} has no SMTP host: set it to send mail")
        return Endpoint(
            self.smtp_host, self.smtp_port, self.smtp_security, self.timeout_s,
            self.is_verified, self.ca_file,
        )  # fmt: skip
