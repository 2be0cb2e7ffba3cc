"""What a draft is about: deal, account, contact and mail, each derived if left out."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, case, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from copilot.grounding.pack.asked import DraftRequest
from copilot.grounding.pack.hostile import name_plainly, orders_the_writer
from crm.access import readable, visible
from crm.access.fields import withhold
from crm.errors import BadInput, NotFound
from crm.models import (
    Account,
    Contact,
    Conversation,
    ConversationKind,
    Opportunity,
    OpportunityContact,
    Participant,
    Stage,
    StageStatus,
)
from crm.principal import Principal

_WRITTEN = frozenset({ConversationKind.EMAIL.value, ConversationKind.CHAT.value})


@dataclass(frozen=True)
class Asker:
    """Who reads, through which session, as of when."""

    session: Session
    principal: Principal
    as_of: datetime


@dataclass(frozen=True)
class Scope:
    """The records that a draft is about; what nothing leads to is None.

    `mail` is the mail or chat named in the request, whichever side wrote it.
    """

    deal: Opportunity | None = None
    stage: Stage | None = None
    account: Account | None = None
    contact: Contact | None = None
    mail: Conversation | None = None

    @property
    def is_open(self) -> bool:
        """Say whether there is a deal that is neither won nor lost."""
        return self.stage is not None and self.stage.status == StageStatus.OPEN

    @property
    def subject(self) -> str:
        """The deal's name, else the account's, the contact's or the mail's title."""
        names = [each.name for each in (self.deal, self.account, self.contact) if each]
        names += [self.mail.title] if self.mail else []
        return next((name for name in names if not orders_the_writer(name)), "")


def resolve_scope(request: DraftRequest, asker: Asker) -> Scope:
    """Return the records of a request in at most ten statements.

    Raises:
        BadInput: it names nothing, records that do not belong together, or a call to be answered.
        NotFound: there is no such record, or the caller may not read it.
    """
    ids = (request.opportunity_id, request.account_id, request.contact_id, request.reply_to)
    if all(each is None for each in ids):
        raise BadInput(
            "a draft needs to know whom it is for: name a deal, an account, a contact or the mail "
            "to be answered"
        )
    mail = _mail(request, asker)
    contact = _contact(request.contact_id, asker)
    deal, stage = _deal(request, mail, contact, asker)
    account = _account(request, deal, mail, contact, asker)
    if deal is None and account is not None:
        deal, stage = _newest_deal(Opportunity.account_id == account.id, asker)
    return Scope(deal, stage, account, contact, mail)


def _mail(request: DraftRequest, asker: Asker) -> Conversation | None:
    if request.reply_to is None:
        return None
    statement = select(Conversation).where(
        Conversation.id == request.reply_to, Conversation.started_at <= asker.as_of
    )
    row = asker.session.scalar(visible(statement, Conversation, asker.principal))
    if row is None:
        raise NotFound(
            f"there is no mail or chat {request.reply_to!r} to answer: `sales-copilot show calls` "
            "lists conversations with their ids"
        )
    if row.kind not in _WRITTEN:
        raise BadInput(
            f"conversation {row.id!r} is a {row.kind}: only a mail or chat can be answered; ask "
            "for a follow-up on its deal or account instead"
        )
    return row


def _contact(contact_id: int | None, asker: Asker) -> Contact | None:
    if contact_id is None:
        return None
    statement = select(Contact).where(Contact.id == contact_id)
    row = asker.session.scalar(visible(statement, Contact, asker.principal))
    if row is None:
        raise NotFound(_missing("contact", contact_id))
    return withhold([row], asker.principal)[0]


def _deal(
    request: DraftRequest, mail: Conversation | None, contact: Contact | None, asker: Asker
) -> tuple[Opportunity | None, Stage | None]:
    if request.opportunity_id is not None:
        found = _newest_deal(Opportunity.id == request.opportunity_id, asker)
        if found[0] is None:
            raise NotFound(_missing("opportunity", request.opportunity_id))
        if request.account_id not in {None, found[0].account_id}:
            raise BadInput(
                f"opportunity {found[0].id!r} is of account {found[0].account_id!r}, not of "
                f"{request.account_id!r}: name one of the two"
            )
        return found
    if mail is not None and mail.opportunity_id is not None:
        return _newest_deal(Opportunity.id == mail.opportunity_id, asker)
    if contact is not None:
        in_deals = select(OpportunityContact.opportunity_id).where(
            OpportunityContact.contact_id == contact.id
        )
        wanted: ColumnElement[bool] = Opportunity.id.in_(
            visible(in_deals, OpportunityContact, asker.principal)
        )
        if request.account_id is not None:
            wanted = and_(wanted, Opportunity.account_id == request.account_id)
        return _newest_deal(wanted, asker, only_open=True)
    return None, None


def _newest_deal(
    wanted: ColumnElement[bool], asker: Asker, *, only_open: bool = False
) -> tuple[Opportunity | None, Stage | None]:
    """Return the open deal opened last, else the one closed last."""
    status = (StageStatus.OPEN.value,) if only_open else tuple(each.value for each in StageStatus)
    is_open = case((Stage.status == StageStatus.OPEN.value, 0), else_=1)
    is_won = case((Stage.status == StageStatus.WON.value, 0), else_=1)
    statement: Select[Opportunity, Stage, bool] = (
        select(Opportunity, Stage, readable(Stage, asker.principal))
        .join(Stage, Stage.id == Opportunity.stage_id)
        .where(wanted, Stage.status.in_(status))
        .order_by(
            is_open,
            is_won,
            Opportunity.closed_on.desc().nulls_last(),
            Opportunity.opened_on.desc().nulls_last(),
            Opportunity.id.desc(),
        )
        .limit(1)
    )
    row = asker.session.execute(visible(statement, Opportunity, asker.principal)).first()
    if row is None:
        return None, None
    deal, stage, is_shown = row
    if not is_shown:
        # Won, lost or open is the deal's own, whoever may read the names of stages.
        set_committed_value(stage, "name", "")
    return name_plainly([deal])[0], stage


def _account(
    request: DraftRequest,
    deal: Opportunity | None,
    mail: Conversation | None,
    contact: Contact | None,
    asker: Asker,
) -> Account | None:
    derived = (deal and deal.account_id, mail and mail.account_id, contact and contact.account_id)
    wanted = request.account_id or next((each for each in derived if each), None)
    if wanted is None and mail is not None:
        wanted = _account_of_people(mail, asker)
    statement = select(Account).where(Account.id == wanted)
    row = asker.session.scalar(visible(statement, Account, asker.principal))
    if row is None and request.account_id is not None:
        raise NotFound(_missing("account", request.account_id))
    return row and name_plainly([row])[0]


def _account_of_people(mail: Conversation, asker: Asker) -> int | None:
    statement = (
        select(Contact.account_id)
        .join(Participant, Participant.contact_id == Contact.id)
        .where(Participant.conversation_id == mail.id, Contact.account_id.is_not(None))
        .order_by(Participant.position)
        .limit(1)
    )
    return asker.session.scalar(visible(statement, Contact, asker.principal))


def _missing(entity: str, number: int) -> str:
    return f"there is no {entity} {number!r}; `sales-copilot search` or `ask` finds its id"
