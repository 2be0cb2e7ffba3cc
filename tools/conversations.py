"""Tools that find and read what was said or written, one speaker's words a fact."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from crm.access import readable, visible
from crm.errors import BadInput, NotFound
from crm.facts import Fact, FactKind
from crm.index.conversations import ConversationIndex
from crm.index.filters import SearchFilters
from crm.index.speakers import is_called
from crm.index.terms import query_terms, terms_of
from crm.index.turns import Turn
from crm.models import Account, Conversation, ConversationKind, Participant, Segment, Side
from crm.principal import Principal
from tools.language import Language
from tools.spoken import (
    KIND_WORDS,
    SIDE_WORDS,
    Spoken,
    quote_fact,
    read_spoken,
    shorten,
)

_QUOTED_LENGTH = 60.0
_READ_LENGTH = 400.0
_READ_SEGMENTS = 80
_TURNS_A_HIT = 2
# A turn takes some 30 ms to embed, so a long conversation is narrowed by its passages first.
_TURNS_EMBEDDED_NOW = 24


class SearchArguments(BaseModel):
    """What to look for, and where; days are whole and both included."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: str = Field(min_length=1, max_length=1_000)
    account_id: int | None = None
    opportunity_id: int | None = None
    conversation_id: int | None = None
    kind: ConversationKind | None = None
    speaker: str | None = None
    since: date | None = None
    until: date | None = None
    language: str | None = None
    limit: int = Field(default=6, ge=1, le=20)


class TopicArguments(BaseModel):
    """A topic inside one conversation, on one side or by one speaker if given."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    conversation_id: int
    topic: str = Field(min_length=1, max_length=1_000)
    side: Side | None = None
    speaker: str | None = None
    limit: int = Field(default=5, ge=1, le=20)


class ReadArguments(BaseModel):
    """A stretch of one conversation by segment positions from 0, both included."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    conversation_id: int
    first_segment: int = Field(default=0, ge=0)
    last_segment: int | None = Field(default=None, ge=0)


class LastArguments(BaseModel):
    """Whose last conversation, of which kind; without any id, the latest of all."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    account_id: int | None = None
    opportunity_id: int | None = None
    owner_id: int | None = None
    kind: ConversationKind | None = None


class SearchResult(BaseModel):
    """Quoted facts, best first.

    `unmatched_terms` are words of the question that stand in none of the facts; when nothing
    matched, the facts are merely the nearest in meaning and may well not answer.
    """

    model_config = ConfigDict(frozen=True)
    facts: list[Fact]
    matched_terms: list[str] = []
    unmatched_terms: list[str] = []


class ConversationStretch(BaseModel):
    """Turns as facts, in order; `next_segment` is where to read on, None at the end."""

    model_config = ConfigDict(frozen=True)
    facts: list[Fact]
    next_segment: int | None


class ConversationCard(BaseModel):
    """One conversation in brief, with one fact that says it in words."""

    model_config = ConfigDict(frozen=True)
    conversation_id: int
    external_id: str
    kind: str
    title: str
    started_at: datetime
    account_id: int | None
    opportunity_id: int | None
    segments: int
    participants: list[str]
    facts: list[Fact]


def search_conversations(
    session: Session,
    index: ConversationIndex,
    arguments: SearchArguments,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> SearchResult:
    """Search everything customers and colleagues said or wrote, in calls, meetings and emails.

    Use it for "who mentioned…", "what do customers say about…". Give the topic in a few words of
    the question's own language, and ids or days only if the question names them.
    """
    hits = index.search(
        session,
        arguments.text,
        principal=principal,
        filters=_filters(arguments, as_of),
        limit=arguments.limit,
    )
    ranges = [(hit.conversation_id, hit.first_segment, hit.last_segment) for hit in hits]
    spoken = read_spoken(session, ranges, principal)
    if arguments.speaker is not None:
        spoken = [turn for turn in spoken if is_called(turn.speaker, arguments.speaker)]
    of_hit: dict[int, list[Spoken]] = defaultdict(list)
    for turn in spoken:
        of_hit[_hit_of(turn, ranges)].append(turn)
    # Embedding turns takes a second, so it is done only where no words tell which turn it is.
    best = {
        place: _ranked(index, arguments.text, turns, by_words_only=True)
        or _ranked(index, arguments.text, turns)
        for place, turns in of_hit.items()
    }
    # One turn of every hit comes before the second turn of any.
    chosen = [
        best[place][depth]
        for depth in range(_TURNS_A_HIT)
        for place in range(len(ranges))
        if depth < len(best.get(place, ()))
    ][: arguments.limit]
    return _result(chosen, arguments.text, as_of=as_of, language=language)


def find_in_conversation(
    session: Session,
    index: ConversationIndex,
    arguments: TopicArguments,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> SearchResult:
    """Find what was said about a topic inside one known conversation.

    Use it when the question names the conversation ("the last call with Acme") and a topic. Set
    `side` to "customer" for what the customer said, "ours" for what our people said.
    """
    spoken = read_spoken(session, [(arguments.conversation_id, 0, None)], principal)
    if not spoken:
        raise NotFound(f"there is no conversation {arguments.conversation_id!r} with any words")
    if arguments.side is not None:
        spoken = [turn for turn in spoken if turn.side == arguments.side]
    if arguments.speaker is not None:
        spoken = [turn for turn in spoken if is_called(turn.speaker, arguments.speaker)]
    if len(spoken) > _TURNS_EMBEDDED_NOW:
        spoken = _near_topic_first(session, index, arguments, spoken, principal)
    chosen = _ranked(index, arguments.topic, spoken)[: arguments.limit]
    return _result(chosen, arguments.topic, as_of=as_of, language=language)


def read_conversation(
    session: Session,
    arguments: ReadArguments,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> ConversationStretch:
    """Read a stretch of one conversation word for word, turn by turn.

    Use it to see what was said around a quoted moment. At most 80 segments come at once.
    """
    first = arguments.first_segment
    cap = first + _READ_SEGMENTS - 1
    last = cap if arguments.last_segment is None else min(arguments.last_segment, cap)
    if last < first:
        raise BadInput(f"segments {first}-{last} end before they start: give the smaller first")
    spoken = read_spoken(session, [(arguments.conversation_id, first, last + 1)], principal)
    if not spoken:
        raise NotFound(f"conversation {arguments.conversation_id!r} has no segments {first}-{last}")
    has_more = any(turn.last > last for turn in spoken)
    shown = [turn for turn in spoken if turn.first <= last]
    facts = [
        quote_fact(turn, shorten(turn.text, (), _READ_LENGTH), as_of=as_of, language=language)
        for turn in shown
    ]
    return ConversationStretch(facts=facts, next_segment=last + 1 if has_more else None)


def last_conversation(
    session: Session,
    arguments: LastArguments,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> ConversationCard:
    """Find the latest call, meeting, email or chat of an account, a deal or one of our people.

    Use it first when a question says "the last call". Raises NotFound if there is none.
    """
    wanted = arguments.model_dump(exclude_none=True)
    statement = (
        select(Conversation, Account.name)
        .select_from(Conversation)
        .outerjoin(
            Account, and_(Account.id == Conversation.account_id, readable(Account, principal))
        )
    )
    for name, value in wanted.items():
        statement = statement.where(getattr(Conversation, name) == value)
    statement = (
        statement.where(Conversation.started_at <= as_of)
        .order_by(Conversation.started_at.desc(), Conversation.id.desc())
        .limit(1)
    )
    row = session.execute(visible(statement, Conversation, principal)).first()
    if row is None:
        named = ", ".join(f"{name} {value!r}" for name, value in wanted.items())
        scope = f" with {named}" if named else ""
        raise NotFound(f"no conversation found{scope} up to {as_of:%Y-%m-%d}")
    return _card(session, row[0], row[1], as_of=as_of, language=language)


def _filters(arguments: SearchArguments, as_of: datetime) -> SearchFilters:
    now = as_of + timedelta(microseconds=1)
    end = now if arguments.until is None else _midnight(arguments.until + timedelta(days=1))
    return SearchFilters(
        account_id=arguments.account_id,
        opportunity_id=arguments.opportunity_id,
        conversation_id=arguments.conversation_id,
        kind=arguments.kind,
        speaker=arguments.speaker,
        since=None if arguments.since is None else _midnight(arguments.since),
        until=min(end, now),
        language=arguments.language,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _hit_of(turn: Spoken, ranges: Sequence[tuple[int, int, int | None]]) -> int:
    for place, (conversation_id, first, last) in enumerate(ranges):
        is_inside = turn.first >= first and (last is None or turn.first <= last)
        if conversation_id == turn.conversation_id and is_inside:
            return place
    raise ValueError(f"{turn!r} lies outside of all ranges")


def _near_topic_first(
    session: Session,
    index: ConversationIndex,
    arguments: TopicArguments,
    spoken: list[Spoken],
    principal: Principal,
) -> list[Spoken]:
    """Keep the turns near the topic, by the index, so that few have to be embedded now."""
    hits = index.search(
        session,
        arguments.topic,
        principal=principal,
        filters=SearchFilters(conversation_id=arguments.conversation_id),
        limit=3,
    )
    near = [
        turn
        for turn in spoken
        if any(hit.first_segment - 1 <= turn.first <= hit.last_segment + 1 for hit in hits)
    ]
    return near or spoken


def _ranked(
    index: ConversationIndex, query: str, spoken: Sequence[Spoken], *, by_words_only: bool = False
) -> list[Spoken]:
    turns = [Turn(turn.text, turn.before) for turn in spoken]
    ranked = index.turns.rank(query, turns, by_words_only=by_words_only)
    return [spoken[turn.place] for turn in ranked]


def _result(
    chosen: Sequence[Spoken], query: str, *, as_of: datetime, language: Language
) -> SearchResult:
    wanted = query_terms(query)
    found = {term for turn in chosen for term in terms_of(turn.text)}
    facts = [
        quote_fact(turn, shorten(turn.text, wanted, _QUOTED_LENGTH), as_of=as_of, language=language)
        for turn in chosen
    ]
    return SearchResult(
        facts=facts,
        matched_terms=[term for term in wanted if term in found],
        unmatched_terms=[term for term in wanted if term not in found],
    )


def _card(
    session: Session,
    conversation: Conversation,
    account: str | None,
    *,
    as_of: datetime,
    language: Language,
) -> ConversationCard:
    people = session.execute(
        select(Participant.name, Participant.side)
        .where(Participant.conversation_id == conversation.id)
        .order_by(Participant.position)
    ).all()
    segments = session.scalar(
        select(func.count()).select_from(Segment).where(Segment.conversation_id == conversation.id)
    )
    kind = KIND_WORDS[language].get(conversation.kind, conversation.kind)
    day = f"{conversation.started_at:%Y-%m-%d}"
    named = [(name, SIDE_WORDS[language].get(Side(side))) for name, side in people]
    if language == "zh":
        with_ = "、".join(f"{name}（{side}）" if side else name for name, side in named)
        text = f"最近一次{kind}" + (f"（{account}）" if account else "")
        text += f"：《{conversation.title}》，{day}" + (f"，参与者：{with_}" if with_ else "")
    else:
        with_ = ", ".join(f"{name} ({side})" if side else name for name, side in named)
        text = f"The last {kind}" + (f" with {account}" if account else "")
        text += f': "{conversation.title}" on {day}' + (f", with {with_}" if with_ else "")
    return ConversationCard(
        conversation_id=conversation.id,
        external_id=conversation.external_id,
        kind=conversation.kind,
        title=conversation.title,
        started_at=conversation.started_at,
        account_id=conversation.account_id,
        opportunity_id=conversation.opportunity_id,
        segments=segments or 0,
        participants=[name for name, _ in people],
        facts=[
            Fact(
                kind=FactKind.RECORD,
                text=text,
                value=conversation.started_at.date().isoformat(),
                as_of=as_of,
                source=f"conversation:{conversation.id}",
            )
        ],
    )
