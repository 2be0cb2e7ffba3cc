"""Keeps one machine's vectors in line with the database, which other machines write as well."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.index.filters import Label, labels_of
from crm.index.vector_names import digest_of, passage_of, without_chunk
from crm.index.vectors import Labels, VectorIndex
from crm.models import Conversation, Passage, Segment
from crm.store import Store

_AT_ONCE = 200


def tidy(store: Store, vectors: VectorIndex, conversation_ids: Sequence[int]) -> None:
    """Drop the conversations' vectors of text that is no more, and relabel those that need it."""
    # Vectors first: what is added from here on has a passage that is read below.
    present = vectors.ids_of(conversation_ids)
    if not present:
        return
    with store.session() as session:
        rows = session.execute(
            select(Passage.id, Passage.text).where(Passage.conversation_id.in_(conversation_ids))
        )
        kept = {f"{passage_id}:{digest_of(text)}": passage_id for passage_id, text in rows}
        wanted = passage_labels(session, list(kept.values()))
    vectors.delete([one for one in present if without_chunk(one) not in kept])
    true = [one for one in present if without_chunk(one) in kept]
    held = vectors.labels(true)
    moved = [one for one in true if _is_other(held.get(one), wanted[passage_of(one)])]
    vectors.relabel(moved, [wanted[passage_of(one)] for one in moved])


def tidy_all(store: Store, vectors: VectorIndex) -> None:
    """Tidy every conversation, and take out what is left of those that were forgotten.

    Where only one machine writes it has done so at once, and nothing is left to do.
    """
    present = vectors.ids()
    with store.session() as session:
        alive = set(session.scalars(select(Passage.id)))
        talks = list(session.scalars(select(Conversation.id).order_by(Conversation.id)))
    strange = vectors.labels([one for one in present if passage_of(one) not in alive])
    gone = {labels["conversation_id"] for labels in strange.values()} - set(talks)
    vectors.forget(sorted(int(str(number)) for number in gone))
    vectors.delete(
        [one for one, labels in strange.items() if labels["conversation_id"] not in gone]
    )
    for start in range(0, len(talks), _AT_ONCE):
        tidy(store, vectors, talks[start : start + _AT_ONCE])


def passages_elsewhere(store: Store, vectors: VectorIndex, model: str) -> list[int]:
    """Return ids of passages that count as embedded by the model and have no vector here.

    Another machine embedded them, or vectors were lost; those of the newest conversations first.
    """
    here = set(map(passage_of, vectors.ids()))
    statement = (
        select(Passage.id)
        .join(Conversation, Conversation.id == Passage.conversation_id)
        .where(Passage.embedding_model == model)
        .order_by(Conversation.started_at.desc(), Passage.id)
    )
    with store.session() as session:
        return [number for number in session.scalars(statement) if number not in here]


def passage_labels(session: Session, passage_ids: Sequence[int]) -> dict[int, dict[str, Label]]:
    """Return the labels that the passages' vectors have to carry, by passage."""
    rows = session.execute(
        select(Passage.id, Conversation, Segment.speaker)
        .join(Conversation, Conversation.id == Passage.conversation_id)
        .outerjoin(
            Segment,
            (Segment.conversation_id == Passage.conversation_id)
            & Segment.position.between(Passage.first_segment, Passage.last_segment),
        )
        .where(Passage.id.in_(passage_ids))
        .distinct()
    ).all()
    speakers: dict[int, list[str]] = defaultdict(list)
    for passage_id, _, speaker in rows:
        if speaker is not None:  # the segments may be gone while re-indexing is still to come
            speakers[passage_id].append(speaker)
    return {
        passage_id: labels_of(conversation, speakers[passage_id])
        for passage_id, conversation, _ in rows
    }


def _is_other(held: Labels | None, wanted: Labels) -> bool:
    return held is None or dict(_comparable(held)) != dict(_comparable(wanted))


def _comparable(labels: Labels) -> Iterator[tuple[str, object]]:
    # The index keeps no empty lists, and no order in those that it keeps.
    for name, value in labels.items():
        if value != ():
            yield name, frozenset(value) if isinstance(value, tuple) else value
