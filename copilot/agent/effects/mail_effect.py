"""What saving and sending a mail have in common: the mailbox, the checks, and who may let it go."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mail_attempts import Attempts
from copilot.agent.effects.mail_payload import MailPayload, read_payload
from copilot.agent.effects.outgoing import Identity, build_message, identify, read_attachments
from copilot.agent.effects.owners import is_another_ones_address
from crm.errors import BadInput
from crm.guards import Guard, Unguarded
from crm.models import DraftStatus, EffectKind, SavedDraft
from crm.principal import Principal
from ingest.sources.imap_client import Endpoint


@dataclass(frozen=True)
class MailGuards:
    """What stands before the two servers of a mailbox."""

    imap: Guard = field(default_factory=Unguarded)
    smtp: Guard = field(default_factory=Unguarded)


class MailEffect:
    """An effect on one mailbox.

    `attempts` keep two processes of a machine apart; `documents` is the folder of attachments.
    A guard that lets nothing through has begun nothing.
    """

    kind: ClassVar[EffectKind]
    is_external = True

    def __init__(
        self,
        account: MailAccount,
        attempts: Attempts,
        *,
        documents: Path | None = None,
        guards: MailGuards | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._account = account
        self._attempts = attempts
        self._documents = documents
        self._guards = guards or MailGuards()
        self._sleep = sleep

    def check(
        self, session: Session, payload: Mapping[str, Any], *, principal: Principal, now: datetime
    ) -> None:
        """Refuse what could not be carried out as it stands. Raises BadInput."""
        mail = self._read(payload)
        read_attachments(mail.attachments, self._documents)
        _ = self._server()
        drafted = select(SavedDraft.status).where(SavedDraft.id == mail.draft_id)
        if session.scalar(drafted) == DraftStatus.REJECTED:
            raise BadInput(f"draft {mail.draft_id} was rejected since: make a new one")

    def is_elevated(
        self, session: Session, payload: Mapping[str, Any], *, principal: Principal, now: datetime
    ) -> bool:
        """Say whether it goes through a colleague's mailbox: that is not for the caller to give."""
        return is_another_ones_address(session, self._account.address, principal=principal)

    def _server(self) -> Endpoint:
        """Return the server that it needs. Raises BadInput where none is set."""
        raise NotImplementedError

    def _read(self, payload: Mapping[str, Any]) -> MailPayload:
        return read_payload(payload, sender=self._account.address)

    def _identity(self, payload: Mapping[str, Any], key: str) -> Identity:
        return identify(self.kind, payload, key=key, sender=self._account.address)

    def _message(self, mail: MailPayload, identity: Identity, now: datetime) -> bytes:
        attached = read_attachments(mail.attachments, self._documents)
        return build_message(mail, identity, sent_at=now, attached=attached)
