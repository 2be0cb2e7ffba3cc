"""Sends an approved mail, once; what is unclear is looked up in the mailbox first."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from copilot.agent.approvals.effects import NotBegun
from copilot.agent.effects.mail_attempts import Attempt, Stage
from copilot.agent.effects.mail_commitments import commits_beyond_draft
from copilot.agent.effects.mail_effect import MailEffect
from copilot.agent.effects.mail_limits import MAILBOX_S
from copilot.agent.effects.mail_payload import MailPayload
from copilot.agent.effects.mail_settling import note_sent
from copilot.agent.effects.mailbox import find_marked, look_until, opened
from copilot.agent.effects.outgoing import Identity, told
from copilot.agent.effects.smtp_delivery import Envelope, Unclear, hand_over
from crm.errors import BadInput, CopilotError, TransientError
from crm.models import EffectKind
from crm.principal import Principal
from ingest.sources.imap_client import Endpoint


class SendMail(MailEffect):
    """The effect `send_mail`.

    Before the content goes out, `attempts` notes that it was begun. One that was begun by a
    process that is gone is looked for in the mailbox: found, it is done; not found, it is sent
    again. Where the account has no such proof it is not sent again and ends as unclear.
    """

    kind = EffectKind.SEND_MAIL

    def _server(self) -> Endpoint:
        return self._account.smtp

    def is_elevated(
        self, session: Session, payload: Mapping[str, Any], *, principal: Principal, now: datetime
    ) -> bool:
        """Say whether it leaves by a colleague's mailbox, or promises what nothing carries."""
        if super().is_elevated(session, payload, principal=principal, now=now):
            return True
        return commits_beyond_draft(session, payload, principal=principal)

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

        Raises what `hand_over` raises, NotBegun where nothing was handed over, and BadInput where
        it is unclear and nothing can prove it.
        """
        mail = self._read(payload)
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
            self._send(envelope, attempt, identity, earlier=stage)
        return told(identity, payload, was_found=False)

    def settle(
        self,
        session: Session,
        payload: Mapping[str, Any],
        result: dict[str, Any],
        *,
        key: str,
        now: datetime,
    ) -> dict[str, Any]:
        """Note on the draft that the mail was made of that it went out."""
        note_sent(session, payload, key=key, now=now)
        return result

    def _send(
        self, envelope: Envelope, attempt: Attempt, identity: Identity, *, earlier: Stage
    ) -> None:
        try:
            self._guards.smtp.call(
                lambda: hand_over(self._account, envelope, note=attempt.note, sleep=self._sleep)
            )
        except Unclear:
            if self._account.has_proof:
                raise
            raise self._unclear(identity) from None
        except CopilotError as error:
            if earlier is Stage.BEGUN:
                # What an earlier try handed over may still appear: its note stays.
                raise
            attempt.note(Stage.NOTHING)
            if isinstance(error, TransientError):
                raise NotBegun(str(error)) from error
            raise

    def _envelope(self, mail: MailPayload, identity: Identity, now: datetime) -> Envelope:
        own = (self._account.address,) if self._account.is_copied_to_self else ()
        recipients = tuple(dict.fromkeys((*mail.recipients, *own)))
        return Envelope(self._message(mail, identity, now), recipients)

    def _find(self, identity: Identity, stage: Stage) -> str | None:
        if not self._account.imap_host:
            return None
        return self._guards.imap.call(lambda: self._look(identity, stage))

    def _look(self, identity: Identity, stage: Stage) -> str | None:
        account = self._account
        first = [account.sent_folder] if account.sent_folder else []
        wait_s = account.folder_wait_s if stage is Stage.BEGUN else 0.0
        with opened(account, within_s=MAILBOX_S + wait_s) as mailbox:
            return look_until(
                lambda: find_marked(mailbox, account, identity, first=first),
                wait_s=wait_s,
                sleep=self._sleep,
            )

    def _unclear(self, identity: Identity) -> BadInput:
        return BadInput(
            f"unclear whether it was sent: the connection or the program ended while mail"
            f" {identity.message_id} was handed to {self._account.smtp_host!r}. Look in your"
            " mailbox, or ask the recipient; it will not be sent a second time. Set the folder of"
            " sent mail, or copies to yourself, to have this looked up"
        )
