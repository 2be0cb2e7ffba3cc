"""The settings of the mailbox that mail is saved to and sent from."""

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from copilot.secret_rules import PREFIX
from copilot.setting_types import FilePath, FolderPath


class MailSettings(BaseModel):
    """Where the mailbox is and how it is used; its secrets come through `Settings.secret`."""

    mail_address: str | None = None
    mail_name: str = ""
    mail_user: str | None = None
    mail_imap_host: str | None = None
    mail_imap_port: int = Field(default=993, ge=1, le=65_535)
    mail_imap_security: Literal["tls", "starttls", "none"] = "tls"
    mail_smtp_host: str | None = None
    mail_smtp_port: int = Field(default=465, ge=1, le=65_535)
    mail_smtp_security: Literal["tls", "starttls", "none"] = "tls"
    mail_drafts_folder: str | None = None
    mail_sent_folder: str | None = None
    mail_copy_to_self: bool = False
    mail_verify: bool = True
    mail_ca_file: FilePath | None = None
    mail_documents: FolderPath | None = None
    mail_oauth_token_url: str | None = None
    mail_oauth_client_id: str | None = None
    mail_oauth_scope: str | None = None

    @model_validator(mode="after")
    def _has_both_of_oauth(self) -> Self:
        if (self.mail_oauth_token_url is None) != (self.mail_oauth_client_id is None):
            raise ValueError(
                f"{PREFIX}MAIL_OAUTH_TOKEN_URL and {PREFIX}MAIL_OAUTH_CLIENT_ID go together: set "
                "both, or neither and a password"
            )
        return self
