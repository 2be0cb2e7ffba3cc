"""Tries a mailbox out: whether one can sign in, and where drafts would go; nothing is changed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mailbox import drafts_folder, opened
from copilot.agent.effects.smtp_delivery import try_sign_in
from crm.errors import CopilotError


@dataclass(frozen=True)
class Tried:
    """What one server of a mailbox is for, how it went in words, and what is wrong if anything."""

    name: str
    shown: str
    problem: str | None = None


def try_mailbox(account: MailAccount, *, within_s: float) -> Iterator[Tried]:
    """Yield each server that is set up, asked for at most about `within_s` seconds."""
    brief = replace(account, timeout_s=within_s)
    if account.imap_host:
        yield _drafts(brief, within_s)
    if account.smtp_host:
        yield _sending(brief, within_s)


def _drafts(account: MailAccount, within_s: float) -> Tried:
    try:
        with opened(account, within_s=within_s) as mailbox:
            folder = drafts_folder(mailbox, account)
            names = sorted(one.name for one in mailbox.folders())
    except CopilotError as error:
        return Tried("mail_drafts", "", str(error))
    for named in (account.drafts_folder, account.sent_folder):
        if named and named not in names:
            why = f"mailbox {account.address!r} has no folder {named!r}: set one of {names[:30]!r}"
            return Tried("mail_drafts", "", why)
    return Tried("mail_drafts", f"signed in at {account.imap_host}, drafts go to {folder!r}")


def _sending(account: MailAccount, within_s: float) -> Tried:
    try:
        try_sign_in(account, within_s=within_s)
    except CopilotError as error:
        return Tried("mail_sending", "", str(error))
    proof = (
        ""
        if account.has_proof
        else (
            "; a mail that breaks off midway ends as unclear: SALES_COPILOT_MAIL_SENT_FOLDER or"
            " SALES_COPILOT_MAIL_COPY_TO_SELF would let it be looked up"
        )
    )
    return Tried("mail_sending", f"signed in at {account.smtp_host}{proof}")
