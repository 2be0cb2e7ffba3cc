"""`draft email|message|proposal|template`: what you will send, each sentence with its facts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.utils import make_msgid
from pathlib import Path
from typing import Annotated

import typer

from copilot.agent.drafting import Kept, Progress, make_draft, make_proposal
from copilot.cli.console import print_json
from copilot.cli.context import As, AsOf, Context, Json, moment, who_asks
from copilot.cli.draft_files import Destination, find_destination
from copilot.cli.draft_options import (
    Account,
    ChatChannel,
    Deal,
    Force,
    Form,
    InLanguage,
    Kind,
    Notes,
    Out,
    Purpose,
    ReplyTo,
    Template,
    TemplateKind,
    To,
)
from copilot.cli.draft_people import recipients_of, sender_of
from copilot.cli.draft_showing import (
    draft_document,
    proposal_document,
    show_draft,
    show_proposal,
    show_proposal_summary,
    show_written,
)
from copilot.cli.draft_targets import Finder, References, Target
from copilot.cli.draft_watch import watched
from copilot.grounding.pack.asked import Channel, DraftKind, DraftRequest
from copilot.wiring import Installation
from copilot.writers.documents.word_styles import plain_template
from copilot.writers.documents.word_template import open_template
from copilot.writers.proposals.proposal import Proposal, ProposalRequest
from copilot.writers.rendering import (
    LETTER_FORMATS,
    MESSAGE_FORMATS,
    PROPOSAL_FORMATS,
    Envelope,
    Format,
    Look,
    render_draft,
    render_proposal,
)
from crm.errors import BadInput
from crm.principal import Principal

draft = typer.Typer(help="Draft what you will send; nothing is sent.", no_args_is_help=True)
MOST_PURPOSE = 500
_NO_HOST = "draft.invalid"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    draft.command(
        epilog='Examples:  sales-copilot draft email --to "Priya Nair" --reply-to last  ·  '
        "sales-copilot draft email --deal D00001 --kind nudge --out nudge.eml"
    )(email)
    draft.command(
        epilog="Example:  sales-copilot draft message --channel wechat --to 李丽华 "
        '--purpose "催报价"'
    )(message)
    draft.command(epilog="Example:  sales-copilot draft proposal --deal D00001 --out offer.pdf")(
        proposal
    )
    draft.command(epilog="Example:  sales-copilot draft template proposal --out ours.docx")(
        template
    )
    app.add_typer(draft, name="draft")


@draft.callback()
def root() -> None:
    """Draft what you will send; nothing is sent."""


def email(
    ctx: typer.Context,
    to: To = None,
    deal: Deal = None,
    account: Account = None,
    reply_to: ReplyTo = None,
    kind: Kind = None,
    purpose: Purpose = None,
    language: InLanguage = None,
    form: Form = None,
    out: Out = None,
    force: Force = False,
    notes: Notes = False,
    word_template: Template = None,
    who: As = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Draft an email from what was said, promised and recorded, every sentence with its facts."""
    context: Context = ctx.obj
    with context.open(as_json=as_json, as_of=as_of) as installation:
        place = _place(form, out, LETTER_FORMATS, force=force, as_json=as_json)
        look = _look(installation, TemplateKind.LETTER, word_template, place, notes=notes)
        wish = DraftRequest(
            kind=kind or (DraftKind.REPLY if reply_to is not None else None),
            purpose=_purpose(purpose),
            language=language.value if language else None,
        )
        given = References(to, deal, account, reply_to)
        principal = who_asks(installation, who, as_json=as_json)
        _letter(installation, given, wish, principal, _Output(place, look, as_json))


def message(
    ctx: typer.Context,
    channel: Annotated[ChatChannel, typer.Option(help="slack or wechat.")],
    to: To = None,
    deal: Deal = None,
    account: Account = None,
    reply_to: ReplyTo = None,
    kind: Kind = None,
    purpose: Purpose = None,
    language: InLanguage = None,
    form: Form = None,
    out: Out = None,
    force: Force = False,
    who: As = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Draft a short chat message for Slack or WeChat, every sentence with its facts."""
    context: Context = ctx.obj
    with context.open(as_json=as_json, as_of=as_of) as installation:
        place = _place(form, out, MESSAGE_FORMATS, force=force, as_json=as_json)
        wish = DraftRequest(
            kind=kind or (DraftKind.REPLY if reply_to is not None else None),
            channel=Channel(channel.value),
            purpose=_purpose(purpose),
            language=language.value if language else None,
        )
        given = References(to, deal, account, reply_to)
        principal = who_asks(installation, who, as_json=as_json)
        _letter(installation, given, wish, principal, _Output(place, Look(), as_json))


def proposal(
    ctx: typer.Context,
    deal: Annotated[
        str, typer.Option("--deal", "--opportunity", help="The deal: id, external id or name.")
    ],
    to: To = None,
    purpose: Purpose = None,
    valid_days: Annotated[
        int | None, typer.Option(help="For how many days prices hold, where no quote says.")
    ] = None,
    language: InLanguage = None,
    form: Form = None,
    out: Out = None,
    force: Force = False,
    notes: Notes = False,
    word_template: Template = None,
    who: As = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Draft a proposal for a deal: situation, goals, solution, prices, timeline, terms."""
    context: Context = ctx.obj
    with context.open(as_json=as_json, as_of=as_of) as installation:
        place = _place(form, out, PROPOSAL_FORMATS, force=force, as_json=as_json)
        look = _look(installation, TemplateKind.PROPOSAL, word_template, place, notes=notes)
        principal = who_asks(installation, who, as_json=as_json)
        found = find_target(installation, References(to=to, deal=deal), principal)
        request = ProposalRequest(
            opportunity_id=found.opportunity_id or 0,
            language=language.value if language else None,
            purpose=_purpose(purpose),
            valid_days=valid_days,
            contact_id=found.contact_id,
        )
        with watched(quiet=as_json) as watch:
            made = make_proposal(
                installation.desk,
                request,
                principal=principal,
                as_of=moment(installation),
                progress=watch.tell,
            )
        _give_proposal(made, _Output(place, look, as_json), watch.took_ms)


def template(
    ctx: typer.Context,
    kind: Annotated[TemplateKind, typer.Argument(help="proposal or letter.")],
    out: Annotated[Path, typer.Option(help="The .docx file to write.")],
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write our Word template, for you to change and use with --template or in the settings."""
    context: Context = ctx.obj
    with context.open(as_json=as_json):
        place = find_destination(
            Format.DOCX, out, allowed=(Format.DOCX,), may_replace=force, as_json=as_json
        )
        if place is None or place.path is None:
            raise BadInput("--out is missing: name the .docx file to write")
        place.write(plain_template(kind.value))
        if as_json:
            print_json({"schema_version": 1, "status": "done", "path": str(place.path)})
        else:
            show_written(str(place.path), "en")


@dataclass(frozen=True)
class _Output:
    """Where it goes, how it looks there, and whether a script reads."""

    place: Destination | None
    look: Look
    as_json: bool

    @property
    def path(self) -> str | None:
        return str(self.place.path) if self.place and self.place.path else None


def find_target(installation: Installation, given: References, principal: Principal) -> Target:
    """Return the ids of what the references mean. Raises BadInput, NotFound or Ambiguous."""
    with installation.store.session() as session:
        finder = Finder(
            session,
            lambda: installation.desk.names(session, principal),
            principal,
            moment(installation),
        )
        return finder.target(given)


def write_letter(
    installation: Installation,
    given: References,
    wish: DraftRequest,
    *,
    principal: Principal,
    progress: Progress,
) -> Kept:
    """Return the draft of a wish for what the references mean, kept for the decision on it."""
    found = find_target(installation, given, principal)
    request = replace(
        wish,
        contact_id=found.contact_id,
        opportunity_id=found.opportunity_id,
        account_id=found.account_id,
        reply_to=found.reply_to,
    )
    return make_draft(
        installation.desk,
        request,
        principal=principal,
        as_of=moment(installation),
        progress=progress,
    )


def _letter(
    installation: Installation,
    given: References,
    wish: DraftRequest,
    principal: Principal,
    output: _Output,
) -> None:
    with watched(quiet=output.as_json) as watch:
        kept = write_letter(installation, given, wish, principal=principal, progress=watch.tell)
    if output.place is not None:
        with _saying_where(kept.draft_id):
            data = _rendered(installation, kept, principal, output.place, output.look)
            output.place.write(data)
    if output.as_json:
        print_json(draft_document(kept, watch.took_ms, path=output.path))
    elif output.place is None or output.path is not None:
        show_draft(kept, watch.took_ms)
        if output.path is not None:
            show_written(output.path, kept.draft.language)


def _rendered(
    installation: Installation, kept: Kept, principal: Principal, place: Destination, look: Look
) -> bytes:
    draft = kept.draft
    with installation.store.session() as session:
        sender = sender_of(session, draft, guide=installation.guide, principal=principal)
        to = recipients_of(session, draft, principal=principal)
    host = sender.email.rpartition("@")[2]
    envelope = Envelope(
        sender,
        to,
        moment(installation),
        make_msgid(domain=host if host.isascii() and host else _NO_HOST),
    )
    return render_draft(draft, place.form, envelope=envelope, look=look)


@contextmanager
def _saying_where(draft_id: int | None) -> Iterator[None]:
    """Add to an error where the draft is that was written all the same."""
    try:
        yield
    except BadInput as error:
        if draft_id is None:
            raise
        raise BadInput(f"{error}. The draft is kept: `drafts show {draft_id}`") from error


def _give_proposal(made: Proposal, output: _Output, took_ms: int) -> None:
    if output.place is not None:
        output.place.write(render_proposal(made.content, output.place.form, look=output.look))
    if output.as_json:
        print_json(proposal_document(made, took_ms, path=output.path))
    elif output.path is not None:
        show_proposal_summary(made, took_ms)
        show_written(output.path, made.language)
    elif output.place is None:
        show_proposal(made, took_ms)


def _place(
    form: Format | None,
    out: Path | None,
    allowed: tuple[Format, ...],
    *,
    force: bool,
    as_json: bool,
) -> Destination | None:
    return find_destination(form, out, allowed=allowed, may_replace=force, as_json=as_json)


def _look(
    installation: Installation,
    kind: TemplateKind,
    given: Path | None,
    place: Destination | None,
    *,
    notes: bool,
) -> Look:
    """Return how the document looks; a template that cannot be used is refused at once."""
    settings = installation.settings
    usual = (
        settings.proposal_template if kind is TemplateKind.PROPOSAL else settings.letter_template
    )
    path = given or usual
    if place is not None and place.form is Format.DOCX and path is not None:
        open_template(path, kind.value)
    if given is not None and (place is None or place.form is not Format.DOCX):
        raise BadInput(f"--template {str(given)!r} is for docx: add --out FILE.docx")
    return Look(installation.brand, path, notes)


def _purpose(given: str | None) -> str:
    if given is None:
        return ""
    if not given.strip() or len(given) > MOST_PURPOSE:
        raise BadInput(
            f"--purpose has {len(given):,} characters: say in 1 to {MOST_PURPOSE} what it is for, "
            "or leave it out"
        )
    return given.strip()
