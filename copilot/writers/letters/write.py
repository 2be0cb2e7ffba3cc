"""Writes a letter or message: gathers its evidence, plans it, words it and checks it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.orm import Session

from copilot.grounding.entailment import Entailment
from copilot.grounding.pack.asked import Channel, DraftRequest
from copilot.grounding.pack.gather import gather_evidence
from copilot.grounding.pack.model import DraftEvidence
from copilot.grounding.sentences import CitedSentence, Dropped
from copilot.grounding.verifier import Ground, Pending, verify
from copilot.llm.allowance import in_words
from copilot.llm.client import LanguageModel, Usage
from copilot.writers.company.guide import CompanyGuide
from copilot.writers.draft import Addressee, Approval, Draft, OpenPoint, Threading
from copilot.writers.letters.body import Written, assembled, fitted, written_words
from copilot.writers.letters.house import avoided_in, in_house_words, swaps_of
from copilot.writers.letters.outline import Move, outline_of
from copilot.writers.letters.plan import (
    Block,
    Material,
    Slot,
    has_substance,
    material_of,
    plan_letter,
    to_check,
)
from copilot.writers.letters.promised import late_promises
from copilot.writers.letters.records import tasks_for_rep
from copilot.writers.letters.salutation import greeting_of, sign_off_of
from copilot.writers.letters.subject import subject_of
from copilot.writers.letters.weaving import vary, without_repeats
from copilot.writers.scribe import Scribe
from copilot.writers.style import Style
from crm.errors import BadInput, CopilotError, NotFound
from crm.index.conversations import ConversationIndex
from crm.principal import Principal
from tools.language import Language

MAX_PURPOSE = 500
PROMPTS = ("draft_sentence_rules", "draft_sentence", "draft_sentence_rewrite")
_CONFIRM = {
    "en": "[Confirm before sending: {what}]",
    "zh": "【发送前请确认：{what}】",
}
_AVOIDED = {
    "en": "it still has a phrase to avoid: {phrase}",
    "zh": "仍含有应避免的说法:{phrase}",
}
_PLACEHOLDER_CHARS = 140


def _silent(_done: int, _total: int) -> None:
    """Tell nobody how far it is."""


def write_draft(  # noqa: PLR0913  # what every surface has to give
    session: Session,
    model: LanguageModel,
    index: ConversationIndex | None,
    request: DraftRequest,
    *,
    guide: CompanyGuide,
    style: Callable[[DraftEvidence], Style],
    principal: Principal,
    as_of: datetime,
    progress: Callable[[int, int], None] = _silent,
    entailment: Entailment | None = None,
    words_all: bool = False,
) -> Draft:
    """Return a draft of what the request asks for, from what its caller may read.

    `progress` hears how many of the model's sentences are written, of how many. `words_all` is for
    a strong model behind an endpoint: it words the customer's words that code could tell exactly.

    Raises:
        BadInput: the request names nothing, contradicts itself, or its purpose is far too long.
        NotFound: a record is missing, or there is nothing to say; the message says what to add.
        TransientError, PermanentError: the model failed, and without it there is nothing to say.
    """
    if len(request.purpose) > MAX_PURPOSE:
        raise BadInput(
            f"purpose {request.purpose[:60]!r}… has {len(request.purpose)} characters: say in at "
            f"most {MAX_PURPOSE} what the draft is for"
        )
    evidence = gather_evidence(
        session,
        index,
        request,
        policies=lambda language: policies_of(guide, language),
        principal=principal,
        as_of=as_of,
    )
    return write_from(
        evidence,
        model,
        guide=guide,
        style=style(evidence),
        progress=progress,
        entailment=entailment,
        words_all=words_all,
    )


def policies_of(guide: CompanyGuide, language: Language) -> list[tuple[str, str]]:
    """Return the guide's policies in a language, those without words in it left out."""
    told = ((policy.id, policy.text.in_language(language)) for policy in guide.policies)
    return [(name, text) for name, text in told if text]


def write_from(
    evidence: DraftEvidence,
    model: LanguageModel,
    *,
    guide: CompanyGuide,
    style: Style,
    progress: Callable[[int, int], None] = _silent,
    entailment: Entailment | None = None,
    words_all: bool = False,
) -> Draft:
    """Return the draft that this evidence gives: the same for the same evidence and replies.

    Raises:
        NotFound: there is nothing to say; the message lists the facts there are.
        TransientError, PermanentError: the model failed, and without it there is nothing to say.
    """
    material = material_of(evidence, guide)
    outline = outline_of(evidence.kind, evidence.channel, evidence.language)
    ground = ground_of(material, entailment)
    material = replace(material, holds=lambda sentence: bool(verify([sentence], ground).kept))
    slots = plan_letter(material, outline, words_all=words_all)
    if not has_substance(slots, evidence.kind):
        raise NotFound(_nothing_to_say(evidence))
    desk = _Desk(material, style, model, progress, ground, words_all)
    written = desk.write(slots)
    said = [each.slot for each in written if each.sentences]
    if desk.outage is not None and not has_substance(said, evidence.kind):
        raise desk.outage
    most = style.most_words or guide.house.most_words or outline.words
    written = fitted(written, most, evidence.language)
    if not any(each.sentences for each in written if each.slot.move is not Move.ASK):
        raise NotFound(_nothing_to_say(evidence, desk.dropped))
    return desk.draft(written)


def ground_of(material: Material, entailment: Entailment | None) -> Ground:
    """Return what a letter's sentences are checked against."""
    evidence = material.evidence
    approved = set(evidence.approved)
    if material.reference is not None:
        approved.add(material.reference.id)
    return Ground(
        facts={fact.id: fact for fact in material.facts},
        today=evidence.as_of.date(),
        language=evidence.language,
        known_names=evidence.known_names,
        free_names=[name for name in _parties(evidence) if name],
        outside=evidence.outside,
        approved=approved,
        entailment=entailment,
    )


def _parties(evidence: DraftEvidence) -> list[str | None]:
    sender, recipient = evidence.sender, evidence.recipient
    return [sender.name, recipient.name, sender.email, recipient.email]


@dataclass
class _Desk:
    """One draft in the making."""

    material: Material
    style: Style
    model: LanguageModel
    progress: Callable[[int, int], None]
    ground: Ground
    words_all: bool
    usage: Usage = field(default_factory=Usage)
    dropped: list[Dropped] = field(default_factory=list)
    points: list[OpenPoint] = field(default_factory=list)
    outage: CopilotError | None = None

    @property
    def language(self) -> Language:
        return self.material.evidence.language

    def write(self, slots: Sequence[Slot]) -> list[Written]:
        """Return the slots with the sentences that hold, placeholders for those that must wait."""
        items = [slot.item for slot in slots if slot.item is not None]
        told: dict[tuple[str, ...], CitedSentence | None] = {}
        if items:
            scribe = Scribe(
                self.model, self.ground, self.language, PROMPTS, self.progress, self.words_all
            )
            result = scribe.write(items)
            self.usage += result.usage
            self.dropped += result.dropped
            self.outage = result.outage
            told = {item.facts: one for item, one in zip(items, result.sentences, strict=True)}
            for waiting in result.pending:
                told[waiting.sentence.facts] = self._placeholder(waiting)
        return self._woven([self._slot(slot, told) for slot in slots])

    def _slot(self, slot: Slot, told: dict[tuple[str, ...], CitedSentence | None]) -> Written:
        first = told.get(slot.item.facts) if slot.item else None
        if slot.item is not None and first is None:
            return Written(slot, ())
        said = [self._checked(each) for each in slot.said]
        if said and not any(said) and slot.block is Block.QUESTIONS:
            said = [self._checked(to_check(self.language, slot.item))]
        return Written(slot, tuple(each for each in (first, *said) if each is not None))

    def _checked(self, sentence: CitedSentence) -> CitedSentence | None:
        """Return a sentence of code's own if it holds: what code says is checked like the rest."""
        verified = verify([sentence], self.ground)
        self.dropped += verified.dropped
        if verified.pending:
            return self._placeholder(verified.pending[0])
        return next(iter(verified.kept), None)

    def _placeholder(self, pending: Pending) -> CitedSentence:
        words = " ".join(pending.sentence.text.split()).rstrip(".。")
        what = words if len(words) <= _PLACEHOLDER_CHARS else pending.what
        text = _CONFIRM[self.language].format(what=what)
        self.points.append(OpenPoint(placeholder=text, reason=pending.reason))
        return CitedSentence(text=text)

    def _woven(self, written: Sequence[Written]) -> list[Written]:
        fresh = without_repeats([each.sentences for each in written])
        flat = [sentence for group in fresh for sentence in group]
        swaps = swaps_of(self.style, self.material.guide)
        varied = [
            in_house_words(each, swaps, self.language, holds=self._holds)
            for each in vary(flat, self.language)
        ]
        renewed = iter(varied)
        woven = [
            Written(each.slot, tuple(next(renewed) for _ in group))
            for each, group in zip(written, fresh, strict=True)
        ]
        return [self._without_avoided(each, [swap.phrase for swap in swaps]) for each in woven]

    def _holds(self, sentence: CitedSentence) -> bool:
        return bool(verify([sentence], self.ground).kept)

    def _without_avoided(self, written: Written, phrases: Sequence[str]) -> Written:
        """Drop sentences in which a banned phrase could not be replaced without breaking them."""
        swaps = [
            each for each in swaps_of(self.style, self.material.guide) if each.phrase in phrases
        ]
        kept = []
        for sentence in written.sentences:
            found = avoided_in(sentence.text, swaps)
            if found:
                reason = _AVOIDED[self.language].format(phrase=", ".join(found))
                self.dropped.append(Dropped(text=sentence.text, reason=reason))
            else:
                kept.append(sentence)
        return Written(written.slot, tuple(kept))

    def draft(self, written: Sequence[Written]) -> Draft:
        """Return the finished draft."""
        evidence, guide = self.material.evidence, self.material.guide
        paragraphs = written_words(written)
        greeting = greeting_of(evidence, self.style, guide)
        closing = sign_off_of(evidence, self.style, guide)
        points = [
            each
            for each in self.points
            if any(each.placeholder in one.text for part in paragraphs for one in part)
        ]
        return Draft(
            kind=evidence.kind,
            channel=evidence.channel,
            language=self.language,
            to=_addressees(evidence),
            sender=evidence.sender.name,
            subject=subject_of(evidence),
            greeting=greeting,
            paragraphs=paragraphs,
            closing=closing,
            body=assembled(evidence, greeting, paragraphs, closing),
            facts=self.material.facts,
            open_questions=self._for_rep(),
            open_points=tuple(dict.fromkeys(points)),
            approval=Approval.ELEVATED if points else Approval.REP,
            dropped=tuple(self.dropped),
            style_sources=self.style.sources,
            without_model=in_words(self.outage, self.language) if self.outage else None,
            thread=_thread(evidence),
            opportunity_id=evidence.opportunity_id,
            account_id=evidence.account_id,
            contact_id=evidence.recipient.contact_id,
            tokens_in=self.usage.tokens_in,
            tokens_out=self.usage.tokens_out,
        )

    def _for_rep(self) -> tuple[str, ...]:
        """Return what the letter leaves open, each once."""
        evidence = self.material.evidence
        every = [*evidence.questions, *late_promises(evidence), *tasks_for_rep(evidence)]
        return tuple(dict.fromkeys(every))


def _addressees(evidence: DraftEvidence) -> tuple[Addressee, ...]:
    person = evidence.recipient
    if not person.name and not person.email:
        return ()
    return (Addressee(name=person.name, email=person.email),)


def _thread(evidence: DraftEvidence) -> Threading | None:
    answered = evidence.answered
    if answered is None or not answered.message_id or evidence.channel is not Channel.EMAIL:
        return None
    return Threading(
        in_reply_to=answered.message_id,
        references=answered.references,
        author=answered.author,
        sent_at=answered.sent_at,
        text=answered.text,
    )


def _nothing_to_say(evidence: DraftEvidence, dropped: Sequence[Dropped] = ()) -> str:
    facts = "\n".join(f"  {fact.id} {fact.text}" for fact in evidence.facts) or "  none"
    cut = "".join(f"\n  {each.text!r}: {each.reason}" for each in dropped)
    reasons = f"\nWhat was cut:{cut}" if cut else ""
    return (
        f"there is nothing to write about {evidence.subject_of!r} as {evidence.kind.value!r}, so "
        f"there is no draft. The facts there are:\n{facts}{reasons}\nImport a conversation with "
        "this customer, add a note or task, or say in the purpose what to write"
    )
