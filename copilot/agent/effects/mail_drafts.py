"""Saves an approved mail as a draft in the mailbox, once."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mail_attempts import Attempts
from copilot.agent.effects.mail_payload import read_payload
from copilot.agent.effects.mailbox import drafts_folder, find_marked, opened
from copilot.agent.effects.outgoing import Identity, build_message, identify, read_attachments, told
from crm.models import EffectKind
from crm.principal import Principal


class SaveMailDraft:
    """The effect `save_mail_draft`: an IMAP APPEND into the folder of drafts.

    `attempts` keeps two processes apart; whether the draft is there the mailbox alone says.
    """

    kind = EffectKind.SAVE_MAIL_DRAFT
    is_external = True

    def __init__(
        self, account: MailAccount, attempts: Attempts, *, documents: Path | None = None
    ) -> None:
        self._account = account
        self._attempts = attempts
        self._documents = documents

    def check(
        self, session: Session, payload: Mapping[str, Any], *, principal: Principal, now: datetime
    ) -> None:
        """Refuse what no draft can be made of. Raises BadInput."""
        mail = read_payload(payload, sender=self._account.address)
        read_attachments(mail.attachments, self._documents)
        _ = self._account.imap

    def done_already(self, payload: Mapping[str, Any], *, key: str) -> dict[str, Any] | None:
        """Return the result if the draft is in the mailbox, or was sent from there since.

        Raises TransientError if the mailbox cannot be asked, PermanentError if it refuses.
        """
        identity = self._identity(payload, key)
        with opened(self._account) as mailbox:
            drafts = drafts_folder(mailbox, self._account)
            found = find_marked(mailbox, self._account, identity, first=[drafts])
        return told(identity, payload, was_found=True, folder=found) if found else None

    def carry_out(
        self,
        session: Session,
        payload: Mapping[str, Any],
        *,
        key: str,
        principal: Principal,
        now: datetime,
    ) -> dict[str, Any]:
        """Append the draft unless it is there, and return its Message-ID and folder."""
        mail = read_payload(payload, sender=self._account.address)
        attached = read_attachments(mail.attachments, self._documents)
        identity = self._identity(payload, key)
        raw = build_message(mail, identity, sent_at=now, attached=attached)
        with self._attempts.held(identity), opened(self._account) as mailbox:
            drafts = drafts_folder(mailbox, self._account)
            found = find_marked(mailbox, self._account, identity, first=[drafts])
            if found is not None:
                return told(identity, payload, was_found=True, folder=found)
            mailbox.append(drafts, raw, flags=(r"\Draft", r"\Seen"), at=now)
        return told(identity, payload, was_found=False, folder=drafts)

    def _identity(self, payload: Mapping[str, Any], key: str) -> Identity:
        return identify(self.kind, payload, key=key, sender=self._account.address)
