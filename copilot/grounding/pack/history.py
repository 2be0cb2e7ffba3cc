"""The conversations around a draft: who took part, which side spoke, and the words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, and_, or_, select

from copilot.grounding.pack.hostile import is_persons_name, orders_the_writer
from copilot.grounding.pack.scope import Asker, Scope
from crm.access import visible
from crm.access.fields import withhold
from crm.index.passages import length_of
from crm.models import (
    Contact,
    Conversation,
    ConversationKind,
    Opportunity,
    Participant,
    Segment,
    Side,
    VoiceName,
)
from tools.spoken import Spoken

_TALKS = 40
_THREAD = 20
_RUN_LENGTH = 60.0
# A voice whose name is less sure than this may as well be the other side's.
_SURE = 0.75


@dataclass(frozen=True)
class Talk:
    """A conversation with the people in it, in their order; the first of a mail wrote it."""

    row: Conversation
    people: tuple[Participant, ...]

    @property
    def is_mail(self) -> bool:
        """Say whether it is a mail."""
        return self.row.kind == ConversationKind.EMAIL

    @property
    def sender(self) -> Participant | None:
        """Who wrote a mail, None for what was spoken."""
        return self.people[0] if self.is_mail and self.people else None

    @property
    def is_from_us(self) -> bool:
        """Say whether it is a mail that our side wrote."""
        return self.sender is not None and self.sender.side == Side.OURS

    @property
    def customers(self) -> tuple[Participant, ...]:
        """The people of the customer in it."""
        return tuple(one for one in self.people if one.side == Side.CUSTOMER)

    def has(self, contact: Contact) -> bool:
        """Say whether a contact took part, by link or by address."""
        email = (contact.email or "").casefold()
        return any(
            one.contact_id == contact.id or (email and (one.email or "").casefold() == email)
            for one in self.people
        )

    @property
    def has_their_words(self) -> bool:
        """Say whether the customer may have spoken in it: any talk, or a mail of theirs."""
        return not self.is_mail or (self.sender is not None and self.sender.side == Side.CUSTOMER)


@dataclass(frozen=True)
class History:
    """Conversations of the scope, the newest first, and the thread of the mail to be answered.

    `thread` has the oldest first.
    """

    talks: tuple[Talk, ...]
    thread: tuple[Talk, ...] = ()

    def find(self, conversation_id: int) -> Talk | None:
        """Return the conversation, None if it was not read."""
        every = (*self.talks, *self.thread)
        return next((talk for talk in every if talk.row.id == conversation_id), None)


def read_history(scope: Scope, asker: Asker) -> History:
    """Return the newest conversations of a scope and its mail's thread, in five statements."""
    rows: list[Conversation] = []
    for wanted in _wanted(scope):
        rows = _conversations(wanted, asker, _TALKS)
        if rows:
            break
    thread = _thread(scope.mail, asker)
    people = people_of({row.id for row in (*rows, *thread)}, asker)
    return History(
        tuple(Talk(row, people.get(row.id, ())) for row in rows),
        tuple(Talk(row, people.get(row.id, ())) for row in thread),
    )


def _wanted(scope: Scope) -> list[ColumnElement[bool]]:
    """Return whose conversations to read: the deal's with loose ones, else the customer's."""
    deal, account, contact = scope.deal, scope.account, scope.contact
    found: list[ColumnElement[bool]] = []
    if deal is not None:
        loose = and_(
            Conversation.opportunity_id.is_(None),
            Conversation.account_id == (account.id if account else None),
        )
        found.append(or_(Conversation.opportunity_id == deal.id, loose))
    if account is not None:
        of_account = select(Opportunity.id).where(Opportunity.account_id == account.id)
        found.append(
            or_(Conversation.account_id == account.id, Conversation.opportunity_id.in_(of_account))
        )
    if contact is not None:
        same = [Participant.contact_id == contact.id]
        if contact.email:
            same.append(Participant.email == contact.email)
        with_them = select(Participant.conversation_id).where(or_(*same))
        found.append(Conversation.id.in_(with_them))
    return found


def _conversations(wanted: ColumnElement[bool], asker: Asker, limit: int) -> list[Conversation]:
    statement = (
        select(Conversation)
        .where(wanted, Conversation.started_at <= asker.as_of)
        .order_by(Conversation.started_at.desc(), Conversation.id.desc())
        .limit(limit)
    )
    return list(asker.session.scalars(visible(statement, Conversation, asker.principal)))


def _thread(mail: Conversation | None, asker: Asker) -> list[Conversation]:
    if mail is None:
        return []
    same: list[ColumnElement[bool]] = [Conversation.id == mail.id]
    if mail.thread_key:
        same.append(Conversation.thread_key == mail.thread_key)
    rows = _conversations(or_(*same), asker, _THREAD)
    if all(row.id != mail.id for row in rows):
        rows.append(mail)
    return sorted(rows, key=lambda row: (row.started_at, row.id))


def people_of(ids: Iterable[int], asker: Asker) -> dict[int, tuple[Participant, ...]]:
    """Return the people of conversations, by conversation, in their order."""
    statement = (
        select(Participant)
        .where(Participant.conversation_id.in_(sorted(ids)))
        .order_by(Participant.conversation_id, Participant.position)
    )
    found: dict[int, list[Participant]] = {}
    for one in withhold(asker.session.scalars(statement), asker.principal):
        found.setdefault(one.conversation_id, []).append(one)
    return {key: tuple(people) for key, people in found.items()}


def contacts_near(scope: Scope, history: History, asker: Asker) -> list[Contact]:
    """Return the contacts of the account and of the conversations, by id, at most 400."""
    taking_part = {
        one.contact_id for talk in (*history.talks, *history.thread) for one in talk.people
    } - {None}
    whose: list[ColumnElement[bool]] = [Contact.id.in_(taking_part)]
    if scope.account is not None:
        whose.append(Contact.account_id == scope.account.id)
    statement = select(Contact).where(or_(*whose)).order_by(Contact.id).limit(400)
    rows = asker.session.scalars(visible(statement, Contact, asker.principal))
    return withhold(rows, asker.principal)


def read_turns(talks: Sequence[Talk], asker: Asker) -> dict[int, list[Spoken]]:
    """Return what was said in conversations, by their ids, in two statements.

    Words that give orders to whoever writes are left out. In talks, runs of one speaker are joined
    while they are short; each paragraph of a mail stays by itself.
    """
    of_id = {talk.row.id: talk for talk in talks}
    unsure = _unsure_voices(of_id, asker)
    statement = (
        select(Segment)
        .where(Segment.conversation_id.in_(sorted(of_id)))
        .order_by(Segment.conversation_id, Segment.position)
    )
    turns: dict[int, list[Spoken]] = {number: [] for number in of_id}
    for segment in asker.session.scalars(statement):
        if not segment.text.strip() or orders_the_writer(segment.text):
            continue
        talk = of_id[segment.conversation_id]
        is_unsure = (segment.conversation_id, segment.voice) in unsure
        _append(turns[segment.conversation_id], _turn(segment, talk, is_unsure=is_unsure))
    return turns


def withheld_words(talk: Talk, asker: Asker) -> list[str]:
    """Return what people of the customer's side said in a talk that `read_turns` leaves out."""
    statement = (
        select(Segment).where(Segment.conversation_id == talk.row.id).order_by(Segment.position)
    )
    return [
        segment.text.strip()
        for segment in asker.session.scalars(statement)
        if orders_the_writer(segment.text) and side_of(segment.speaker, talk.people) != Side.OURS
    ]


def _unsure_voices(of_id: dict[int, Talk], asker: Asker) -> set[tuple[int, str | None]]:
    statement = select(VoiceName.conversation_id, VoiceName.voice).where(
        VoiceName.conversation_id.in_(sorted(of_id)), VoiceName.confidence < _SURE
    )
    return {(row[0], row[1]) for row in asker.session.execute(statement)}


def _turn(segment: Segment, talk: Talk, *, is_unsure: bool) -> Spoken:
    return Spoken(
        conversation_id=talk.row.id,
        title=talk.row.title,
        kind=talk.row.kind,
        started_at=talk.row.started_at,
        first=segment.position,
        last=segment.position,
        speaker=label_of(segment.speaker, talk.people),
        side=Side.UNKNOWN if is_unsure else side_of(segment.speaker, talk.people),
        start_ms=segment.start_ms,
        text=segment.text.strip(),
        before="",
    )


def label_of(speaker: str, people: Sequence[Participant]) -> str:
    """Return what a speaker is called: a display name that is no name gives way to the address."""
    if is_persons_name(speaker):
        return speaker
    addresses = [one.email for one in people if one.name == speaker and one.email]
    return addresses[0] if addresses else ""


def side_of(speaker: str, people: Sequence[Participant]) -> Side:
    """Return the side of a speaker by name or address; two sides under one name are unknown."""
    wanted = speaker.casefold()
    sides = {
        one.side for one in people if wanted in {one.name.casefold(), (one.email or "").casefold()}
    }
    return Side(sides.pop()) if len(sides) == 1 else Side.UNKNOWN


def _append(turns: list[Spoken], turn: Spoken) -> None:
    before = turns[-1] if turns else None
    is_same = before is not None and before.speaker == turn.speaker and before.side is turn.side
    if before is None or not is_same or turn.kind == ConversationKind.EMAIL:
        turns.append(turn)
        return
    is_next = before.last + 1 == turn.first
    if is_next and length_of(before.text) + length_of(turn.text) <= _RUN_LENGTH:
        turns[-1] = replace(before, last=turn.last, text=f"{before.text} {turn.text}")
    else:
        turns.append(turn)
