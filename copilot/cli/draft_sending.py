"""`drafts save` and `drafts send`: a kept draft into the mailbox or out of it, once approved."""

import re
from dataclasses import dataclass
from typing import Annotated

import typer

from copilot.agent.approvals.applying import Applied
from copilot.agent.approvals.listing import ActionView
from copilot.agent.draft_mail import MailWish, propose_draft
from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mail_payload import Person, check_address
from copilot.agent.effects.outgoing import describe_document
from copilot.cli.console import EXIT_CODES, print_json, stdin_is_terminal
from copilot.cli.context import As, Json
from copilot.cli.deciding import Seat, seated
from copilot.cli.draft_people import recipients_of
from copilot.cli.mail_showing import mail_document, print_mail, print_outcome, question_of
from copilot.mailboxes import what_to_set
from copilot.wiring import Installation
from copilot.writers.learning.keeping import get_draft, stored_draft
from crm.errors import BadInput, NeedsApproval, PermanentError
from crm.models import ActionStatus, EffectKind, SavedDraft, Vote

_ADDRESS = re.compile(
    r"(?P<name>[^<>\x00-\x1f]{0,200}?)\s*<(?P<named>[^<>\s]+)>|(?P<bare>[^<>\s,;\"]+)"
)
Number = Annotated[int, typer.Argument(help="The draft's number, as `drafts` lists it.", min=1)]
To = Annotated[
    list[str] | None,
    typer.Option(help='Instead of the draft\'s addressee: "Priya Nair <priya@acme.example>".'),
]
Cc = Annotated[list[str] | None, typer.Option(help="Who gets a copy.")]
Attach = Annotated[
    list[str] | None, typer.Option(help="A file in the folder SALES_COPILOT_MAIL_DOCUMENTS.")
]
Again = Annotated[
    bool, typer.Option("--again", help="Propose it once more after the last try ended.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Approve it at once, where I may.")]


def save(
    ctx: typer.Context,
    number: Number,
    to: To = None,
    cc: Cc = None,
    attach: Attach = None,
    again: Again = False,
    yes: Yes = False,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Save a draft in the mailbox, to be finished and sent from there."""
    with seated(ctx, who, as_json=as_json) as seat:
        wish = _wish(seat, number, EffectKind.SAVE_MAIL_DRAFT, _Given(to, cc, attach, again))
        _go(seat, number, wish, yes=yes, as_json=as_json)


def send(
    ctx: typer.Context,
    number: Number,
    to: To = None,
    cc: Cc = None,
    attach: Attach = None,
    again: Again = False,
    yes: Yes = False,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Send a draft from the mailbox: shown first, sent once whoever may has approved it."""
    with seated(ctx, who, as_json=as_json) as seat:
        wish = _wish(seat, number, EffectKind.SEND_MAIL, _Given(to, cc, attach, again))
        _go(seat, number, wish, yes=yes, as_json=as_json)


@dataclass(frozen=True)
class _Given:
    """What the command line says about the mail; None where it says nothing."""

    to: list[str] | None
    cc: list[str] | None
    attach: list[str] | None
    again: bool


def _wish(seat: Seat, number: int, kind: EffectKind, given: _Given) -> MailWish:
    folder = seat.installation.settings.mail_documents
    people = [_person(text) for text in given.to or ()]
    return MailWish(
        kind,
        people or _addressees(seat, number),
        [_person(text) for text in given.cc or ()],
        [describe_document(name, folder) for name in given.attach or ()],
        is_changed=bool(given.to or given.cc or given.attach),
        is_again=given.again,
    )


def _go(seat: Seat, number: int, wish: MailWish, *, yes: bool, as_json: bool) -> None:
    view = _proposed(seat, number, wish)
    row = _draft(seat, number)
    if not as_json:
        print_mail(view, row)
    came = _decided(seat, view, row, yes=yes, as_json=as_json)
    is_done = came is not None and came.status is ActionStatus.APPLIED
    is_short = yes and not is_done
    view = seat.shown(view.id)
    if as_json:
        print_json(mail_document(view, came, row, is_short=is_short))
    else:
        print_outcome(view, came, row)
    if is_short:
        raise typer.Exit(EXIT_CODES[NeedsApproval])


def _proposed(seat: Seat, number: int, wish: MailWish) -> ActionView:
    installation = seat.installation
    with installation.store.session() as session:
        action_id = propose_draft(
            session,
            number,
            wish,
            account=_mailbox(installation, wish.kind),
            effects=installation.effects,
            policy=installation.policy,
            principal=seat.principal,
            now=seat.now,
        )
    return seat.shown(action_id)


def _decided(
    seat: Seat, view: ActionView, row: SavedDraft, *, yes: bool, as_json: bool
) -> Applied | None:
    """Carry out what is approved; ask a person at a terminal who may approve what waits."""
    if view.status is not ActionStatus.WAITING:
        return seat.carry_out(view.id)[0]
    if view.i_may is None:
        return None
    if not yes:
        if as_json or not stdin_is_terminal():
            return None
        if not typer.confirm(question_of(view, row)):
            return None
    _, came = seat.decide(view, Vote.APPROVE)
    return came


def _mailbox(installation: Installation, kind: EffectKind) -> MailAccount:
    account = installation.mailbox
    host = None
    if account is not None:
        is_save = kind is EffectKind.SAVE_MAIL_DRAFT
        host = account.imap_host if is_save else account.smtp_host
    if account is None or host is None:
        raise PermanentError(what_to_set(kind))
    return account


def _draft(seat: Seat, number: int) -> SavedDraft:
    with seat.installation.store.session() as session:
        return get_draft(session, number, principal=seat.principal)


def _addressees(seat: Seat, number: int) -> list[Person]:
    with seat.installation.store.session() as session:
        draft = stored_draft(get_draft(session, number, principal=seat.principal))
        found = recipients_of(session, draft, principal=seat.principal)
    return [Person(email=one.email, name=one.name) for one in found if one.email]


def _person(text: str) -> Person:
    found = _ADDRESS.fullmatch(text.strip())
    if found is None:
        raise BadInput(
            f"{text[:200]!r} is no address: write one a time, as 'Priya <priya@acme.example>'"
        )
    address = found["named"] or found["bare"]
    check_address(address)
    return Person(email=address, name=(found["name"] or "").strip(' "'))
