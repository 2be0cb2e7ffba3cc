"""Private mailboxes and folders: what comes from them is shown to those who were in it alone."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, exists, func, insert, literal, select, update
from sqlalchemy.orm import Session

from crm.errors import BadInput
from crm.models import Conversation, ConversationOrigin, SourceState, User

_BATCH = 400


@dataclass(frozen=True)
class Privacy:
    """Whether a source is private, and the email of the user whose it is; None for nobody's."""

    is_private: bool = False
    owner: str | None = None


def take_privacy(session: Session, state: SourceState, privacy: Privacy) -> None:
    """Note how private a source is now; if that is new, mark all that ever came from it anew.

    Raises BadInput if its owner is no user.
    """
    owner_id = _user_id(session, state.name, privacy.owner)
    if (state.is_private, state.owner_id) == (privacy.is_private, owner_id):
        return
    state.is_private, state.owner_id = privacy.is_private, owner_id
    session.flush()
    brought = select(ConversationOrigin.conversation_id).where(
        ConversationOrigin.source == state.name
    )
    _mark(session, state, Conversation.id.in_(brought))


def note_origin(session: Session, name: str, conversation_ids: Iterable[int]) -> None:
    """Note that a source brought these conversations, and mark them as it is marked."""
    state = session.get_one(SourceState, name)
    has_private = session.scalar(select(exists().where(SourceState.is_private.is_(True))))
    wanted = sorted(set(conversation_ids))
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        known = set(
            session.scalars(
                select(ConversationOrigin.conversation_id).where(
                    ConversationOrigin.source == name,
                    ConversationOrigin.conversation_id.in_(part),
                )
            )
        )
        new = [{"conversation_id": one, "source": name} for one in part if one not in known]
        if new:
            session.execute(insert(ConversationOrigin), new)
        if has_private:
            _mark(session, state, Conversation.id.in_(part))


def _mark(session: Session, state: SourceState, which: ColumnElement[bool]) -> None:
    """Mark conversations private that no open source brought; people's word comes first."""
    is_open = (
        exists(select(literal(1)).select_from(ConversationOrigin))
        .where(
            ConversationOrigin.conversation_id == Conversation.id,
            SourceState.name == ConversationOrigin.source,
            SourceState.is_private.is_(False),
        )
        .correlate(Conversation)
    )
    kept = Conversation.kept_private
    marked = update(Conversation).where(which).execution_options(synchronize_session=False)
    session.execute(marked.values(is_private=case((kept.is_not(None), kept), else_=~is_open)))
    if state.is_private and state.owner_id is not None:
        session.execute(
            marked.where(Conversation.is_private.is_(True)).values(owner_id=state.owner_id)
        )


def _user_id(session: Session, name: str, owner: str | None) -> int | None:
    if owner is None:
        return None
    wanted = select(User.id).where(func.lower(User.email) == owner.strip().lower())
    found = list(session.scalars(wanted.where(User.deleted_at.is_(None)).limit(2)))
    if len(found) != 1:
        raise BadInput(
            f"the owner {owner!r} of the source {name!r} is no user: give the email of one"
        )
    return found[0]
