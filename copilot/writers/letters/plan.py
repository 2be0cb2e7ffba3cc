"""Plans a letter before it is written: which sentences, on which facts, by code or by the model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from copilot.grounding.pack.asked import DraftKind
from copilot.grounding.pack.model import DraftEvidence, Piece, Role
from copilot.grounding.sentences import CitedSentence
from copilot.writers.company.guide import CompanyGuide
from copilot.writers.letters import products, records
from copilot.writers.letters.aim import aim_item, purpose_fact
from copilot.writers.letters.asking import closing_question
from copilot.writers.letters.exchanges import Exchange, exchanges, told_item, unanswered
from copilot.writers.letters.opening import opening_sentence
from copilot.writers.letters.outline import Move, Outline
from copilot.writers.letters.promised import is_theirs_to_do, kept_promises, owed_sentence
from copilot.writers.letters.references import reference_fact
from copilot.writers.scribe import Item
from crm.facts import Fact
from tools.language import Language

_TO_CHECK = {
    "en": (
        "Let me check this and come back to you.",
        "Let me check these points and come back to you.",
    ),
    "zh": ("请允许我核实后再答复您。", "请允许我核实这几点后再答复您。"),
}
# Calls of the embedded model take seconds each: what goes beyond, code tells.
MOST_ITEMS = 4


# Their products are named only where nothing that was said tells what the letter is about.
_IF_NOTHING_ELSE = frozenset({DraftKind.FOLLOW_UP, DraftKind.MEETING_REQUEST, DraftKind.NUDGE})
# A reference to the last contact and a question are a whole letter of these kinds.
_SHORT_KINDS = frozenset(
    {DraftKind.NUDGE, DraftKind.MEETING_REQUEST, DraftKind.RE_ENGAGEMENT, DraftKind.REPLY}
)


class Block(StrEnum):
    """The paragraphs of a letter, in their order."""

    OPENING = "opening"
    QUESTIONS = "questions"
    POINTS = "points"
    OFFER = "offer"
    OPEN = "open"
    STEPS = "steps"
    ASK = "ask"


@dataclass(frozen=True)
class Slot:
    """A place in the letter: an item for the model, then sentences by code.

    `weight` says how late it goes when the letter is too long.
    """

    move: Move
    block: Block
    item: Item | None = None
    said: tuple[CitedSentence, ...] = ()
    weight: float = 1.0


@dataclass(frozen=True)
class Material:
    """What a plan is made of: the evidence, the guide, and facts that neither holds yet."""

    evidence: DraftEvidence
    guide: CompanyGuide
    purpose: Fact | None
    reference: Fact | None
    holds: Callable[[CitedSentence], bool] = lambda _sentence: True

    @property
    def facts(self) -> tuple[Fact, ...]:
        """All facts that a sentence may cite."""
        more = [fact for fact in (self.purpose, self.reference) if fact is not None]
        known = {fact.id for fact in self.evidence.facts}
        return (*self.evidence.facts, *(fact for fact in more if fact.id not in known))


def material_of(evidence: DraftEvidence, guide: CompanyGuide) -> Material:
    """Return the evidence with the rep's purpose and the guide's reference as facts."""
    purpose = purpose_fact(evidence)
    taken = len(evidence.facts) + (1 if purpose and purpose.id not in _ids(evidence) else 0)
    wants_story = evidence.kind is DraftKind.COLD_OUTREACH
    story = reference_fact(evidence, guide, number=taken + 1) if wants_story else None
    return Material(evidence, guide, purpose, story)


def _ids(evidence: DraftEvidence) -> frozenset[str]:
    return frozenset(fact.id for fact in evidence.facts)


def plan_letter(material: Material, outline: Outline, *, words_all: bool = False) -> list[Slot]:
    """Return the slots of a letter in their order; what the evidence does not have is left out.

    With `words_all` no item is taken from the model to save its time.
    """
    slots: list[Slot] = []
    for part in outline.parts:
        slots += _PLANNERS[part.move](material, part.most, slots)
    return slots if words_all else _within_calls(slots)


def _within_calls(slots: Sequence[Slot]) -> list[Slot]:
    """Return the slots with the least weighty items beyond the limit told by code."""
    worded = sorted(
        (slot for slot in slots if slot.item and slot.item.fallback and not slot.item.is_settled),
        key=lambda slot: -slot.weight,
    )
    told = {id(slot) for slot in worded[MOST_ITEMS:]}
    return [_by_code(slot) if id(slot) in told else slot for slot in slots]


def _by_code(slot: Slot) -> Slot:
    fallback = slot.item.fallback if slot.item else None
    said = (fallback, *slot.said) if fallback else slot.said
    return replace(slot, item=None, said=said)


def has_substance(slots: Sequence[Slot], kind: DraftKind) -> bool:
    """Say whether a letter of these slots says anything beside thanks and a question."""
    if kind in _SHORT_KINDS:
        return any(slot.move is not Move.ASK for slot in slots)
    return any(slot.move not in {Move.THANKS, Move.REFER, Move.ASK, Move.COMPANY} for slot in slots)


def _one(
    move: Move, block: Block, sentence: CitedSentence | None, weight: float = 1.0
) -> list[Slot]:
    return [Slot(move, block, said=(sentence,), weight=weight)] if sentence else []


def _opening(material: Material, _most: int, _slots: Sequence[Slot]) -> list[Slot]:
    return _one(Move.THANKS, Block.OPENING, opening_sentence(material.evidence), 9.0)


def _aim(material: Material, _most: int, _slots: Sequence[Slot]) -> list[Slot]:
    item = aim_item(material.evidence, material.purpose)
    return [Slot(Move.AIM, Block.OPENING, item=item, weight=8.0)] if item else []


def _exchanges(material: Material, most: int, _slots: Sequence[Slot]) -> list[Slot]:
    found = exchanges(material.evidence, most, holds=material.holds)
    # Questions make the first paragraph, what they worry about and need the second.
    found.sort(key=lambda each: each.asked.role is not Role.THEIR_QUESTION)
    return [_exchange(each, rank) for rank, each in enumerate(found)]


def _exchange(exchange: Exchange, rank: int) -> Slot:
    is_question = exchange.asked.role is Role.THEIR_QUESTION
    return Slot(
        Move.EXCHANGES,
        Block.QUESTIONS if is_question else Block.POINTS,
        item=exchange.item,
        said=(exchange.answer,) if exchange.answer else (),
        weight=(5.0 if exchange.answer else 3.0) - 0.1 * rank,
    )


def _unanswered(material: Material, most: int, slots: Sequence[Slot]) -> list[Slot]:
    evidence = material.evidence
    told = {fact for slot in slots if slot.item for fact in slot.item.facts}
    found = unanswered(evidence, most, told=told)
    open_ones = [
        Slot(Move.UNANSWERED, Block.OPEN, item=each.item, weight=6.0 - 0.1 * rank)
        for rank, each in enumerate(found)
    ]
    if open_ones:
        words = _TO_CHECK[evidence.language][len(open_ones) > 1]
        last = CitedSentence(text=words, facts=_cited(evidence, found))
        open_ones[-1] = replace(open_ones[-1], said=(last,))
    return open_ones


def _cited(evidence: DraftEvidence, found: Sequence[Exchange]) -> tuple[str, ...]:
    # In English the sentence is a courtesy by its form and cites nothing.
    return () if evidence.language == "en" else tuple(each.asked.fact.id for each in found)


def to_check(language: Language, item: Item | None) -> CitedSentence:
    """Return the honest word on a question that the evidence does not answer."""
    facts = item.facts if item and language == "zh" else ()
    return CitedSentence(text=_TO_CHECK[language][False], facts=facts)


def _offer(material: Material, _most: int, _slots: Sequence[Slot]) -> list[Slot]:
    is_cover = material.evidence.kind is DraftKind.PROPOSAL_COVER
    sentence = records.offer_sentence(material.evidence)
    return _one(Move.OFFER, Block.OPENING if is_cover else Block.OFFER, sentence, 7.0)


def _product(material: Material, _most: int, slots: Sequence[Slot]) -> list[Slot]:
    is_told = any(slot.move is Move.EXCHANGES for slot in slots)
    if material.evidence.kind in _IF_NOTHING_ELSE and is_told:
        return []
    sentence = products.product_sentence(
        material.evidence, is_first=all(slot.block is not Block.OPENING for slot in slots)
    )
    return _one(Move.PRODUCT, Block.OPENING, sentence, 4.0)


def _service(material: Material, _most: int, _slots: Sequence[Slot]) -> list[Slot]:
    return _one(Move.SERVICE, Block.POINTS, products.service_sentence(material.evidence), 2.0)


def _company(material: Material, _most: int, _slots: Sequence[Slot]) -> list[Slot]:
    return _one(Move.COMPANY, Block.OPENING, products.role_sentence(material.evidence), 3.0)


def _reference(material: Material, _most: int, _slots: Sequence[Slot]) -> list[Slot]:
    story = material.reference
    if story is None:
        return []
    return _one(
        Move.REFERENCE, Block.POINTS, CitedSentence(text=story.text, facts=(story.id,)), 3.0
    )


def _ours(material: Material, most: int, slots: Sequence[Slot]) -> list[Slot]:
    said = [sentence for slot in slots for sentence in slot.said]
    told = kept_promises(
        material.evidence,
        {fact for sentence in said for fact in sentence.facts},
        told=" ".join(sentence.text for sentence in said),
        has_meeting=any(slot.move is Move.MEETING for slot in slots),
    )[:most]
    return [Slot(Move.OURS, Block.STEPS, said=(each,), weight=5.5) for each in told]


def _owed(material: Material, _most: int, _slots: Sequence[Slot]) -> list[Slot]:
    sentence = owed_sentence(material.evidence, holds=material.holds)
    return _one(Move.OWED, Block.STEPS, sentence, 8.5)


def _theirs(material: Material, most: int, _slots: Sequence[Slot]) -> list[Slot]:
    evidence = material.evidence
    slots: list[Slot] = []
    for piece in records.pieces_of(evidence, [Role.THEIR_PROMISE]):
        item = told_item(piece, evidence) if is_theirs_to_do(piece, evidence) else None
        if item is None or len(slots) >= most:
            continue
        said = (_news(piece, evidence),) if _is_over(piece, evidence.as_of.date()) else ()
        slots.append(Slot(Move.THEIRS, Block.STEPS, item=item, said=said, weight=2.5))
    return slots


def _is_over(piece: Piece, today: date) -> bool:
    return piece.due_on is not None and piece.due_on < today


def _news(_piece: Piece, evidence: DraftEvidence) -> CitedSentence:
    return CitedSentence(
        text="请问这件事有进展了吗？" if evidence.language == "zh" else "Is there any news on that?"
    )


def _meeting(material: Material, _most: int, _slots: Sequence[Slot]) -> list[Slot]:
    return _one(Move.MEETING, Block.STEPS, records.meeting_sentence(material.evidence), 7.0)


def _ask(material: Material, _most: int, slots: Sequence[Slot]) -> list[Slot]:
    has_meeting = any(slot.move is Move.MEETING for slot in slots)
    has_answered = any(slot.block is Block.QUESTIONS and slot.said for slot in slots)
    question = closing_question(
        material.evidence, has_meeting=has_meeting, has_answered=has_answered
    )
    return _one(Move.ASK, Block.ASK, question, 9.0)


def _nothing(_material: Material, _most: int, _slots: Sequence[Slot]) -> list[Slot]:
    return []


_PLANNERS: Mapping[Move, Callable[[Material, int, Sequence[Slot]], list[Slot]]] = {
    Move.THANKS: _opening,
    Move.REFER: _opening,
    Move.COMPANY: _company,
    Move.AIM: _aim,
    Move.EXCHANGES: _exchanges,
    Move.UNANSWERED: _unanswered,
    Move.SERVICE: _service,
    Move.EVENT: _nothing,
    Move.REFERENCE: _reference,
    Move.PRODUCT: _product,
    Move.OFFER: _offer,
    Move.POLICY: _nothing,
    Move.OURS: _ours,
    Move.OWED: _owed,
    Move.THEIRS: _theirs,
    Move.MEETING: _meeting,
    Move.ASK: _ask,
}
