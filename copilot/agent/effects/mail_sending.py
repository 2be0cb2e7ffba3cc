"""Sends an approved mail, once; what is unclear is looked up in the mailbox first."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mail_attempts import Attempt, Attempts, Stage
from copilot.agent.effects.mail_payload import MailPayload, read_payload
from copilot.agent.effects.mailbox import find_marked, look_until, opened
from copilot.agent.effects.outgoing import Identity, build_message, identify, read_attachments, told
from copilot.agent.effects.smtp_delivery import Envelope, Unclear, hand_over
from crm.errors import BadInput, CopilotError
from crm.models import EffectKind
from crm.principal import Principal


class SendMail:
    """The effect `send_mail`.

    Before the content goes out, `attempts` notes that it was begun. One that was begun by a
    process that is gone is looked for in the mailbox: found, it is done; not found, it is sent
    again. Where the account has no such proof it is not sent again and ends as unclear.
    """

    kind = EffectKind.SEND_MAIL
    is_external = True

    def __init__(
        self,
        account: MailAccount,
        attempts: Attempts,
        *,
        documents: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._account = account
        self._attempts = attempts
        self._documents = documents
        self._sleep = sleep

    def check(
        self, session: Session, payload: Mapping[str, Any], *, principal: Principal, now: datetime
    ) -> None:
        """Refuse what could not be sent as it stands. Raises BadInput."""
        mail = read_payload(payload, sender=self._account.address)
        read_attachments(mail.attachments, self._documents)
        _ = self._account.smtp

    def done_already(self, payload: Mapping[str, Any], *, key: str) -> dict[str, Any] | None:
        """Return the result if the mail was sent, None if it was not or nobody can tell.

        What nobody can tell `carry_out` refuses to send. Raises TransientError if the mailbox
        cannot be asked, PermanentError if it refuses.
        """
        identity = self._identity(payload, key)
        stage = self._attempts.of(identity).stage
        if stage is Stage.TAKEN:
            return told(identity, payload, was_found=True)
        if stage is Stage.NOTHING and not self._account.has_proof:
            return None
        found = self._find(identity, stage)
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
        """Send the mail to everybody it names and nobody else, unless it was sent before.

        Raises what `hand_over` raises, and BadInput where it is unclear and nothing can prove it.
        """
        mail = read_payload(payload, sender=self._account.address)
        identity = self._identity(payload, key)
        envelope = self._envelope(mail, identity, now)
        with self._attempts.held(identity) as attempt:
            stage = attempt.stage
            found = self._find(identity, stage) if stage is Stage.BEGUN else None
            if stage is Stage.TAKEN or found:
                attempt.note(Stage.TAKEN)
                return told(identity, payload, was_found=True, folder=found)
            if stage is Stage.BEGUN and not self._account.has_proof:
                raise self._unclear(identity)
            self._send(envelope, attempt, identity)
        return told(identity, payload, was_found=False)

    def _send(self, envelope: Envelope, attempt: Attempt, identity: Identity) -> None:
        try:
            hand_over(self._account, envelope, note=attempt.note, sleep=self._sleep)
        except Unclear:
            if self._account.has_proof:
                raise
            raise self._unclear(identity) from None
        except CopilotError:
            attempt.note(Stage.NOTHING)
            raise

    def _envelope(self, mail: MailPayload, identity: Identity, now: datetime) -> Envelope:
        attached = read_attachments(mail.attachments, self._documents)
        raw = build_message(mail, identity, sent_at=now, attached=attached)
        own = (self._account.address,) if self._account.is_copied_to_self else ()
        return Envelope(raw, tuple(dict.fromkeys((*mail.recipients, *own))))

    def _find(self, identity: Identity, stage: Stage) -> str | None:
        account = self._account
        if not account.imap_host:
            return None
        first = [account.sent_folder] if account.sent_folder else []
        with opened(account) as mailbox:
            return look_until(
                lambda: find_marked(mailbox, account, identity, first=first),
                wait_s=account.folder_wait_s if stage is Stage.BEGUN else 0.0,
                sleep=self._sleep,
            )

    def _identity(self, payload: Mapping[str, Any], key: str) -> Identity:
        return identify(self.kind, payload, key=key, sender=self._account.address)

    def _unclear(self, identity: Identity) -> BadInput:
        return BadInput(
            f"unclear whether it was sent: the connection or the program ended while mail"
            f" {identity.message_id} was handed to {self._account.smtp_host!r}. Look in your"
            " mailbox, or ask the recipient; it will not be sent a second time. Set the folder of"
            " sent mail, or copies to yourself, to have this looked up"
        )
