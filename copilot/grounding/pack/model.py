"""An evidence pack: the facts that bear on one draft, and what each of them is for."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from copilot.grounding.pack.asked import Channel, DraftKind
from crm.facts import Fact
from tools.language import Language
from tools.profile.model import WritingStyle


class Role(StrEnum):
    """What a fact is for in a draft; the words of people are told apart from our records."""

    TALK = "talk"
    THEIR_QUESTION = "their_question"
    THEIR_CONCERN = "their_concern"
    THEIR_NEED = "their_need"
    THEIR_WORDS = "their_words"
    THEIR_PROMISE = "their_promise"
    OUR_ANSWER = "our_answer"
    OUR_PROMISE = "our_promise"
    OUR_WORDS = "our_words"
    OUR_TASK = "our_task"
    MEETING = "meeting"
    OFFER = "offer"
    PRICE = "price"
    PRODUCT = "product"
    POLICY = "policy"
    DEAL = "deal"
    COMPANY = "company"
    SERVICE = "service"
    EVENT = "event"


THEIRS = frozenset(
    {Role.THEIR_QUESTION, Role.THEIR_CONCERN, Role.THEIR_NEED, Role.THEIR_WORDS, Role.THEIR_PROMISE}
)
"""Words of the customer: they can ask and tell, never promise for us."""

APPROVED = frozenset({Role.OFFER, Role.PRICE, Role.POLICY})
"""What a commitment on price, discount, delivery, terms or roadmap may rest on."""


@dataclass(frozen=True)
class Piece:
    """One fact of the pack with its role.

    `quote` are the bare words where somebody said or wrote them; `answers` is the id of the
    customer's fact that this one of ours answers; `is_open` says that a question is unanswered or
    a promise unkept; `due_on` is the day promised.
    """

    fact: Fact
    role: Role
    who: str | None = None
    quote: str | None = None
    answers: str | None = None
    is_open: bool = False
    due_on: date | None = None


@dataclass(frozen=True)
class Party:
    """Sender or recipient of a draft; what is unknown is None, an unknown recipient has no name."""

    name: str
    email: str | None = None
    title: str | None = None
    company: str | None = None
    phone: str | None = None
    contact_id: int | None = None
    user_id: int | None = None


@dataclass(frozen=True)
class Answered:
    """The mail that a reply answers; ids are as in its headers, angle brackets included."""

    conversation_id: int
    message_id: str | None
    references: tuple[str, ...]
    subject: str
    author: str
    sent_at: datetime
    text: str


@dataclass(frozen=True)
class DraftEvidence:
    """Everything that one draft may rest on, as its caller may read it, ids F1…Fn in stable order.

    `subject_of` is the deal's name, else the account's. `questions` are the customer's questions
    that nobody answered, for the rep. `known_names` are names that a sentence could wrongly use.
    """

    kind: DraftKind
    channel: Channel
    language: Language
    as_of: datetime
    purpose: str
    subject_of: str
    sender: Party
    recipient: Party
    pieces: tuple[Piece, ...]
    opportunity_id: int | None = None
    account_id: int | None = None
    answered: Answered | None = None
    talk_kind: str | None = None
    style: WritingStyle | None = None
    questions: tuple[str, ...] = ()
    known_names: frozenset[str] = field(default_factory=frozenset)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts in the order of their ids."""
        return tuple(piece.fact for piece in self.pieces)

    @property
    def outside(self) -> frozenset[str]:
        """The ids of the facts in the customer's words."""
        return frozenset(piece.fact.id for piece in self.pieces if piece.role in THEIRS)

    @property
    def approved(self) -> frozenset[str]:
        """The ids of the facts that a commitment may rest on."""
        return frozenset(piece.fact.id for piece in self.pieces if piece.role in APPROVED)
