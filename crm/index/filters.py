"""What a search may return: the asker's filters and the caller's scope, for SQL and for vectors."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from crm.access import visible
from crm.errors import BadInput
from crm.index.terms import MAX_TERM
from crm.models import Conversation, ConversationKind, Passage, Segment
from crm.period import Period
from crm.principal import Principal

MOST_NAMED = 2_000
"""So many conversations are named to the vector index; more are sifted afterwards."""

Label = str | int | bool | tuple[str, ...]


@dataclass(frozen=True)
class SearchFilters:
    """Limits of a search; `since` is included, `until` is not, both aware.

    `speaker` is a name as the asker gives it, `speakers` the labels it may mean, if they are known
    (`crm.index.speakers`). What was said in the `likely` days comes first, but not alone.
    """

    account_id: int | None = None
    opportunity_id: int | None = None
    conversation_id: int | None = None
    kind: ConversationKind | None = None
    speaker: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    language: str | None = None
    speakers: tuple[str, ...] = ()
    likely: Period | None = None

    def __post_init__(self) -> None:
        """Refuse naive times, which would mean different moments in different places."""
        for name in ("since", "until"):
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise BadInput(f"{name} is the naive time {moment!r}: attach a time zone")


@dataclass(frozen=True)
class Condition:
    """One comparison on a vector's labels."""

    label: str
    operator: Literal["=", "in", "not in", ">=", "<", "contains"]
    value: Label | tuple[Label, ...]


def allowed_passages(filters: SearchFilters, principal: Principal) -> Select[int]:
    """Return the ids of the passages that the caller may read and the filters let through."""
    statement = select(Passage.id).join(Conversation, Conversation.id == Passage.conversation_id)
    for column, wanted in (
        (Conversation.account_id, filters.account_id),
        (Conversation.opportunity_id, filters.opportunity_id),
        (Conversation.id, filters.conversation_id),
        (Conversation.kind, filters.kind),
        (Conversation.language, filters.language),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if filters.since is not None:
        statement = statement.where(Conversation.started_at >= filters.since)
    if filters.until is not None:
        statement = statement.where(Conversation.started_at < filters.until)
    if filters.speaker is not None:
        turn = aliased(Segment)
        speaks = exists().where(
            turn.conversation_id == Passage.conversation_id,
            turn.position.between(Passage.first_segment, Passage.last_segment),
            is_speaker(turn.speaker, filters),
        )
        statement = statement.where(speaks)
    return visible(statement, Conversation, principal)


def is_speaker(
    speaker: ColumnElement[str] | InstrumentedAttribute[str], filters: SearchFilters
) -> ColumnElement[bool]:
    """Return the condition that a speaker's label is one that the filters mean."""
    labels = filters.speakers or (filters.speaker or "",)
    # SQLite lowers the letters of ASCII only, so labels in other scripts are met as they are.
    return or_(speaker.in_(labels), func.lower(speaker).in_([label.lower() for label in labels]))


def vector_conditions(filters: SearchFilters) -> list[Condition]:
    """Return the same limits as conditions on labels."""
    wanted: list[tuple[str, Label | None]] = [
        ("account_id", filters.account_id),
        ("opportunity_id", filters.opportunity_id),
        ("conversation_id", filters.conversation_id),
        ("kind", filters.kind.value if filters.kind else None),
        ("language", filters.language),
    ]
    conditions = [Condition(name, "=", value) for name, value in wanted if value is not None]
    if filters.speaker is not None:
        conditions.append(Condition("speakers", "contains", speaker_label(filters.speaker)))
    if filters.since is not None:
        conditions.append(Condition("started", ">=", _milliseconds(filters.since)))
    if filters.until is not None:
        conditions.append(Condition("started", "<", _milliseconds(filters.until)))
    return conditions


def vector_scope(session: Session, principal: Principal) -> list[Condition] | None:
    """Return what the caller may read as conditions on labels, None if that takes too many.

    The vectors know nothing of policies: they are told the conversations that `visible` leaves
    out, or those that it leaves. Where both are thousands, SQL has to sift what was found.
    """
    if not isinstance(principal, Principal):
        raise TypeError(f"searching conversations needs a Principal, got {principal!r}")
    if not principal.scopes:
        return []
    readable = visible(select(Conversation.id), Conversation, principal)
    hidden = _few(session, select(Conversation.id).where(Conversation.id.not_in(readable)))
    if hidden is not None:
        return [Condition("conversation_id", "not in", hidden)] if hidden else []
    named = _few(session, readable)
    # No conversation has the id 0, and an empty list is no condition.
    return None if named is None else [Condition("conversation_id", "in", named or (0,))]


def _few(session: Session, ids: Select[int]) -> tuple[int, ...] | None:
    found = tuple(session.scalars(ids.limit(MOST_NAMED + 1)))
    return found if len(found) <= MOST_NAMED else None


def labels_of(conversation: Conversation, speakers: list[str]) -> dict[str, Label]:
    """Return the labels that a passage's vector carries, the same keys for every passage.

    A missing id is 0, so that re-labelling can also unset it.
    """
    labels: dict[str, Label] = {
        "conversation_id": conversation.id,
        "account_id": conversation.account_id or 0,
        "opportunity_id": conversation.opportunity_id or 0,
        "owner_id": conversation.owner_id or 0,
        "kind": conversation.kind,
        "language": conversation.language or "",
        "started": _milliseconds(conversation.started_at),
    }
    return labels | {"speakers": tuple(dict.fromkeys(map(speaker_label, speakers)))}


def speaker_label(speaker: str) -> str:
    """Return the speaker as the label `speakers` holds them."""
    return speaker.lower()[:MAX_TERM]


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
