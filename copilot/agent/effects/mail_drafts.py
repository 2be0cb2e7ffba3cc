"""Saves an approved mail as a draft in the mailbox, once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from copilot.agent.approvals.effects import NotBegun
from copilot.agent.effects.mail_effect import MailEffect
from copilot.agent.effects.mail_limits import APPEND_S
from copilot.agent.effects.mailbox import drafts_folder, find_marked, opened
from copilot.agent.effects.outgoing import Identity, told
from crm.errors import TransientError
from crm.models import EffectKind
from crm.principal import Principal
from ingest.sources.imap_client import Endpoint


class SaveMailDraft(MailEffect):
    """The effect `save_mail_draft`: an IMAP APPEND into the folder of drafts.

    Whether the draft is there the mailbox alone says.
    """

    kind = EffectKind.SAVE_MAIL_DRAFT

    def _server(self) -> Endpoint:
        return self._account.imap

    def done_already(self, payload: Mapping[str, Any], *, key: str) -> dict[str, Any] | None:
        """Return the result if the draft is in the mailbox, or was sent from there since.

        Raises TransientError if the mailbox cannot be asked, PermanentError if it refuses.
        """
        identity = self._identity(payload, key)
        found = self._guards.imap.call(lambda: self._find(identity))
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
        """Append the draft unless it is there, and return its Message-ID and folder.

        Raises NotBegun where the mailbox was out of reach before, TransientError where it broke off
        while it was given the draft, PermanentError if it refuses.
        """
        identity = self._identity(payload, key)
        raw = self._message(self._read(payload), identity, now)
        with self._attempts.held(identity):
            return self._append(raw, identity, payload, now)

    def _append(
        self, raw: bytes, identity: Identity, payload: Mapping[str, Any], now: datetime
    ) -> dict[str, Any]:
        is_begun = False

        def put() -> tuple[str | None, str]:
            nonlocal is_begun
            with opened(self._account, within_s=APPEND_S) as mailbox:
                drafts = drafts_folder(mailbox, self._account)
                found = find_marked(mailbox, self._account, identity, first=[drafts])
                if found is None:
                    is_begun = True
                    mailbox.append(drafts, raw, flags=(r"\Draft", r"\Seen"), at=now)
            return found, drafts

        try:
            found, drafts = self._guards.imap.call(put)
        except TransientError as error:
            if is_begun:
                raise
            raise NotBegun(f"{error}; nothing was saved") from error
        return told(identity, payload, was_found=found is not None, folder=found or drafts)

    def _find(self, identity: Identity) -> str | None:
        with opened(self._account) as mailbox:
            drafts = drafts_folder(mailbox, self._account)
            return find_marked(mailbox, self._account, identity, first=[drafts])
