"""Builds the generated company of the access matrix, its conversations included."""

from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from crm.models import (
    Account,
    Contact,
    Conversation,
    FieldProposal,
    IdentityDecision,
    IdentityQuestion,
    Note,
    NoteKind,
    NoteSet,
    Opportunity,
    Participant,
    ProposalStatus,
    QuestionStatus,
    Segment,
    Side,
    User,
)
from evals.access_world import (
    NOW,
    SHARED,
    World,
    add_account,
    add_actions,
    add_around,
    add_catalogue,
    add_deal,
    add_drafts,
    add_grants,
    add_organisation,
    field_mark,
    mark_of,
)


def build_world(session: Session, *, seed: int, size: int = 8) -> World:
    """Fill an empty store with a company: `size` accounts, other records in proportion."""
    world = World(session, Random(seed), size)
    add_organisation(world)
    add_catalogue(world)
    for _ in range(size):
        add_account(world)
    for _ in range(size):
        add_deal(world)
    for _ in range(size):
        add_around(world)
    for _ in range(size + size // 2):
        add_conversation(world)
    add_drafts(world)
    add_actions(world)
    add_grants(world)
    session.flush()
    return world


def add_conversation(world: World) -> None:
    """Add a conversation with its people, words, notes, proposals and an open question."""
    mark = world.mark(Conversation)
    deal = world.any(Opportunity)
    digest = "d" * 64
    number = world.add(
        Conversation,
        kind=world.chance.choice(["call", "email", "meeting", "email"]),
        title=f"Talk {mark}",
        started_at=NOW - timedelta(days=world.chance.randint(1, 60)),
        language="en",
        account_id=world.any(Account),
        opportunity_id=deal,
        owner_id=world.any(User),
        content_sha256=digest,
        is_private=world.chance.random() < 0.35,
    )
    theirs, ours = f"Speaker {mark}", f"Seller {mark}"
    for position, (name, side) in enumerate(((theirs, Side.CUSTOMER), (ours, Side.OURS))):
        world.session.add(
            Participant(
                conversation_id=number, position=position, name=name, side=side.value,
                email=_kept_back(world, number, "email", position) + "@part.example",
                phone=_kept_back(world, number, "phone", position),
                contact_id=world.any(Contact) if side is Side.CUSTOMER else None,
                user_id=world.any(User, empty=0.4) if side is Side.OURS else None,
            )
        )  # fmt: skip
    for position, speaker in enumerate((theirs, ours, theirs)):
        world.session.add(
            Segment(
                conversation_id=number, position=position, speaker=speaker, start_ms=position * 9,
                end_ms=position * 9 + 8, voice=None, confidence=None,
                text=f"We need the {SHARED} of {mark} next week, what does it cost?",
            )
        )  # fmt: skip
    _understood(world, number, deal, mark, digest)


def _kept_back(world: World, conversation: int, column: str, position: int) -> str:
    made = field_mark(f"P{column}{position}", conversation)
    world.masks[made] = ("Participant", conversation, column)
    return made


def _understood(world: World, conversation: int, deal: int | None, mark: str, digest: str) -> None:
    world.session.add(
        NoteSet(
            conversation_id=conversation, content_digest=digest[:16], maker="rules",
            language="en", made_at=NOW,
        )
    )  # fmt: skip
    kinds = (NoteKind.SUMMARY, NoteKind.COMMITMENT, NoteKind.OBJECTION, NoteKind.QUESTION)
    for position, kind in enumerate(kinds):
        world.session.add(
            Note(
                conversation_id=conversation, position=position, kind=kind.value,
                text=f"note {mark}", speaker=f"Speaker {mark}", side=Side.CUSTOMER.value,
                due_on=date(2026, 11, 20) if kind is NoteKind.COMMITMENT else None,
                start_ms=0, end_ms=8, segments=[0],
            )
        )  # fmt: skip
    world.session.add(
        IdentityQuestion(
            key=f"q{conversation}", name=f"Who {mark}", email=None, phone=None,
            conversation_id=conversation, status=QuestionStatus.OPEN.value, asked_at=NOW,
            candidates=[_candidate(world)],
        )
    )  # fmt: skip
    world.session.add(
        IdentityDecision(
            key=f"name:conversation:{conversation}:who {mark}", entity="contact",
            entity_id=world.one(Contact), basis=f"said {mark}", confidence=0.9,
            decided_by="somebody", decided_at=NOW,
        )
    )  # fmt: skip
    if deal is not None:
        _proposals(world, conversation, deal, mark)


def _candidate(world: World) -> dict[str, Any]:
    contact = world.one(Contact)
    name = f"Person {mark_of('Contact', contact)}"
    return {"entity": "contact", "id": contact, "name": name, "company": None, "score": 0.5,
            "reasons": ["name"]}  # fmt: skip


def _proposals(world: World, conversation: int, deal: int, mark: str) -> None:
    held = f"Step {mark_of('Opportunity', deal)}"
    for name, status in (
        ("next_step", ProposalStatus.PROPOSED),
        ("meddicc.champion", ProposalStatus.ACCEPTED),
    ):
        world.session.add(
            FieldProposal(
                conversation_id=conversation, entity="opportunity", entity_id=deal, field=name,
                old_value=held, new_value=f"new {mark}", detail=None, reason=f"said {mark}",
                segments=[0], confidence=0.9, status=status.value, made_at=NOW,
            )
        )  # fmt: skip
