"""Our own messages in a mailbox: found by their mark, and appended as drafts."""

import imaplib
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from imap_tools.errors import ImapToolsError

from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mail_limits import APPEND_S, MAILBOX_S, cut_off
from copilot.agent.effects.outgoing import MARK, Identity
from crm.errors import OutOfReach, PermanentError
from ingest.sources.imap_client import Lost, Mailbox, Refused
from ingest.sources.imap_folders import Folder

_RECENT = 50
# Numbers have gaps where messages were deleted.
_RANGE = 1_000
_DRAFTS = """
drafts|draft|草稿|草稿箱|草稿夹|草稿匣|entwürfe|entwurf|brouillons|borradores|bozze|rascunhos|下書き
임시보관함|concepten|utkast|черновики
"""
_SENT = """
sent|sent items|sent mail|sent messages|已发送|已发送邮件|已发邮件|寄件備份|寄件匣|gesendet
gesendete elemente|gesendete objekte|envoyés|éléments envoyés|enviados|elementos enviados
posta inviata|itens enviados|送信済み|送信済みアイテム|보낸편지함
"""


class OwnMailbox(Mailbox):
    """A signed-in mailbox that drafts can be appended to."""

    @property
    def line(self) -> socket.socket:
        """The connection itself."""
        return self._box.client.sock

    def append(self, folder: str, raw: bytes, *, flags: Sequence[str], at: datetime) -> None:
        """Put a message into a folder. Raises `Refused` if the server says no, OSError if lost."""
        # For one call the timeout is that of all its bytes, and attachments may be many.
        self.line.settimeout(APPEND_S)
        try:
            self._box.append(raw, folder, dt=at, flag_set=list(flags))
        except ImapToolsError as error:
            raise Refused(f"the server refused: {str(error)[:200]!r}") from error
        except (EOFError, imaplib.IMAP4.error) as error:
            raise Lost(str(error)[:200] or type(error).__name__) from error

    def marked(self, folder: str, identity: Identity) -> bool:
        """Say whether the folder holds a message with this identity.

        The server is asked by header; as some servers answer that wrongly, what it names is looked
        at, and so are the newest messages.
        """
        next_uid = self.open(folder).next_uid
        by_mark = ("HEADER", MARK, f'"{identity.mark}"')
        found = self.search("OR", *by_mark, "HEADER", "Message-ID", f'"{identity.message_id}"')
        recent = ("UID", f"{max(1, next_uid - _RANGE)}:*") if next_uid else ("ALL",)
        newest = self.search(*recent)[-_RECENT:]
        return any(
            identity.mark.encode() in lines.lower() for lines in self._ids([*found, *newest])
        )

    def _ids(self, uids: Sequence[int]) -> Iterator[bytes]:
        """Yield the header lines that name each message."""
        if not uids:
            return
        fields = f"BODY.PEEK[HEADER.FIELDS (MESSAGE-ID {MARK.upper()})]"
        data = self._ask("FETCH", ",".join(map(str, sorted(set(uids)))), f"(UID {fields})")
        yield from (item[1] for item in data if isinstance(item, tuple) and len(item) > 1)


@contextmanager
def opened(account: MailAccount, *, within_s: float = MAILBOX_S) -> Iterator[OwnMailbox]:
    """Yield the account's mailbox, signed in; the line is cut after `within_s`.

    Raises OutOfReach if it is not there or breaks off, PermanentError if it refuses.
    """
    where = f"mailbox {account.address!r} at {account.imap_host!r}"
    try:
        mailbox = OwnMailbox(account.imap)
        try:
            with cut_off(lambda: mailbox.line, after_s=within_s):
                _sign_in(mailbox, account)
                yield mailbox
        finally:
            mailbox.close()
    except (OSError, imaplib.IMAP4.error) as error:
        raise OutOfReach(
            f"{where} is out of reach ({type(error).__name__}): try again later"
        ) from error
    except Refused as error:
        raise PermanentError(f"{where} does not do what it was asked: {error}") from error


def drafts_folder(mailbox: OwnMailbox, account: MailAccount) -> str:
    """Return the folder of drafts: the one set, the one marked so, or one that is named so.

    Raises PermanentError naming the folders there are.
    """
    folders = mailbox.folders()
    if account.drafts_folder:
        return account.drafts_folder
    found = _special(folders, r"\drafts") or _named(folders, _DRAFTS)
    if found is None:
        names = sorted(folder.name for folder in folders)[:30]
        raise PermanentError(
            f"mailbox {account.address!r} shows no folder of drafts: set one of {names!r}"
        )
    return found


def find_marked(
    mailbox: OwnMailbox, account: MailAccount, identity: Identity, *, first: Sequence[str]
) -> str | None:
    """Return the folder that holds the message, None if none of those it could be in does.

    Looked at are the folders `first`, those of sent and of all mail, and the inbox where copies
    go to ourselves. Raises PermanentError if one of `first` cannot be opened.
    """
    folders = mailbox.folders()
    others = [
        _special(folders, r"\sent") or _named(folders, _SENT),
        _special(folders, r"\all"),
        "INBOX" if account.is_copied_to_self else None,
    ]
    for folder in dict.fromkeys([*first, *(one for one in others if one)]):
        if mailbox.marked(folder, identity):
            return folder
    return None


def look_until(
    look: Callable[[], str | None], *, wait_s: float, sleep: Callable[[float], None]
) -> str | None:
    """Return what `look` finds, looking again for as long as a copy may take to appear."""
    waited, pause = 0.0, 0.5
    while True:
        found = look()
        if found is not None or waited >= wait_s:
            return found
        sleep(min(pause, wait_s - waited))
        waited, pause = waited + pause, min(2 * pause, 5.0)


def _sign_in(mailbox: OwnMailbox, account: MailAccount) -> None:
    tokens = account.tokens
    if account.secret is not None or tokens is None:
        secret = account.secret.get_secret_value() if account.secret else ""
        mailbox.sign_in(account.user, secret)
        return
    is_old = tokens.is_held
    try:
        mailbox.sign_in_with_token(account.user, tokens.get().get_secret_value())
    except PermanentError:
        tokens.forget()
        if not is_old:
            raise
        mailbox.sign_in_with_token(account.user, tokens.get().get_secret_value())


def _special(folders: Sequence[Folder], use: str) -> str | None:
    return next((one.name for one in folders if use in one.flags), None)


def _named(folders: Sequence[Folder], names: str) -> str | None:
    usual = {name for line in names.split("\n") for name in line.split("|") if name}
    for one in folders:
        last = one.name.rsplit(one.delimiter, 1)[-1] if one.delimiter else one.name
        if last.casefold() in usual and r"\noselect" not in one.flags:
            return one.name
    return None
