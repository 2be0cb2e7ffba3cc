"""Writes a proposal: code gathers, chooses and adds up; the model words a few checked sentences."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from copilot.grounding.entailment import Entailment
from copilot.grounding.ground import Ground
from copilot.grounding.sentences import CitedSentence
from copilot.llm.allowance import in_words
from copilot.llm.client import LanguageModel
from copilot.writers.company.guide import CompanyGuide
from copilot.writers.documents.content import (
    Milestone,
    Person,
    ProposalContent,
    Prose,
    Sentence,
    Situation,
    Source,
)
from copilot.writers.draft import Approval
from copilot.writers.letters.house import in_house_words, swaps_of
from copilot.writers.proposals import sections
from copilot.writers.proposals.chapters import Chapters, policy_fact
from copilot.writers.proposals.evidence import ProposalEvidence, gather
from copilot.writers.proposals.notebook import Notebook
from copilot.writers.proposals.plan import plan_steps
from copilot.writers.proposals.pricing import Offer, price_offer
from copilot.writers.proposals.proposal import Proposal, ProposalRequest, ProposalStep
from copilot.writers.proposals.prose import Pen
from copilot.writers.proposals.unread import unread_talks
from copilot.writers.proposals.wording import phrase
from copilot.writers.style import Style
from crm.index.conversations import ConversationIndex
from crm.principal import Principal


def write_proposal(  # noqa: PLR0913 (one argument a port)
    session: Session,
    model: LanguageModel,
    index: ConversationIndex | None,  # noqa: ARG001 (all talks of the deal are read)
    request: ProposalRequest,
    *,
    guide: CompanyGuide,
    principal: Principal,
    as_of: datetime,
    progress: Callable[[str, int, int], None] = lambda _step, _done, _total: None,
    entailment: Entailment | None = None,
) -> Proposal:
    """Return a proposal for one deal; nothing unproved is in it, what is missing is open.

    Tables, dates, names and prices are code's; the model words at most some fifteen sentences,
    each checked. `index` is not needed: all of the deal's talks are read. `progress` is told the
    step (a `ProposalStep`) and how many of its sentences are done.

    Raises:
        NotFound: there is no such deal or contact, or the caller may not read it.
        PermanentError: the model refuses to work; out of reach it is done without.
    """
    progress(ProposalStep.EVIDENCE, 0, 1)
    evidence = gather(session, request, principal=principal, as_of=as_of)
    notebook = Notebook(evidence.language, as_of, in_house=_house_words(guide, evidence))
    unread = unread_talks(session, evidence.deal.id, principal=principal, as_of=as_of)
    if unread:
        notebook.ask("situation", "open_unread", count=len(unread))
    progress(ProposalStep.EVIDENCE, 1, 1)
    company = _company(guide, evidence, notebook)
    ground = _ground(evidence, company, entailment)
    policies = guide.policies_in(evidence.language)
    for key, text in policies:
        policy_fact(key, text, notebook)
    chapters = Chapters(evidence, notebook, Pen(model, notebook, ground, progress), policies)
    proposal = _Writer(request, guide, evidence, notebook, chapters, company).proposal()
    progress(ProposalStep.DOCUMENT, 1, 1)
    return proposal


def _house_words(guide: CompanyGuide, evidence: ProposalEvidence) -> Callable[[str], str]:
    """Return what puts the company's words for those it bans, in all but names and quotations."""
    names = [evidence.customer, evidence.deal.name, *(each.name for each in evidence.catalogue)]
    known = " ".join(names).casefold()
    swaps = [each for each in swaps_of(Style(), guide) if each.phrase.casefold() not in known]

    def put(text: str) -> str:
        said = CitedSentence(text=text)
        return in_house_words(said, swaps, evidence.language, holds=lambda _each: True).text

    return put


class _Writer:
    """One proposal on its way."""

    def __init__(
        self,
        request: ProposalRequest,
        guide: CompanyGuide,
        evidence: ProposalEvidence,
        notebook: Notebook,
        chapters: Chapters,
        company: str,
    ) -> None:
        self._request, self._guide, self._evidence = request, guide, evidence
        self._notebook, self._chapters, self._company = notebook, chapters, company

    def proposal(self) -> Proposal:
        """Return the proposal, its sections written in the order in which they are read."""
        evidence, notebook, chapters = self._evidence, self._notebook, self._chapters
        # First, since what the model writes may only commit us to what stands in quote and prices.
        offer = price_offer(evidence, notebook, self._request.valid_days)
        situation = chapters.situation()
        goals = chapters.goals()
        needs, solution = chapters.needs(), chapters.solution()
        timeline = plan_steps(evidence, notebook)
        references = sections.references(self._guide, evidence, notebook)
        terms = sections.terms(self._guide, evidence, notebook, offer.valid_until)
        parts = _parts(situation, needs or solution, offer, timeline)
        content = ProposalContent(
            language=evidence.language,
            title=sections.cover_title(evidence),
            subtitle=phrase("subtitle", evidence.language, customer=evidence.customer),
            customer=evidence.customer,
            company=self._company,
            dated=evidence.today,
            prepared_for=tuple(filter(None, [self._recipient()])),
            prepared_by=sections.owner_person(evidence, self._company),
            cover_letter=self._letter(parts),
            situation=situation,
            goals=goals,
            needs=needs,
            solution=solution,
            prices=offer.tables,
            timeline=timeline,
            references=references,
            terms=terms,
            signatories=self._signatories(),
            open_points=tuple(notebook.sorted_points()),
            sources=tuple(_source(notebook)),
        )
        return self._finished(content, offer)

    def _finished(self, content: ProposalContent, offer: Offer) -> Proposal:
        notebook = self._notebook
        outage = notebook.outage
        is_elevated = notebook.is_elevated or not offer.is_binding
        return Proposal(
            opportunity_id=self._evidence.deal.id,
            language=self._evidence.language,
            content=content,
            sentences=tuple(notebook.sentences),
            facts=tuple(notebook.pack.facts),
            dropped=tuple(notebook.dropped),
            open_points=(*notebook.sorted_points(), *notebook.placeholders),
            approval=Approval.ELEVATED if is_elevated else Approval.REP,
            without_model=in_words(outage, notebook.language) if outage else None,
            tokens_in=notebook.usage.tokens_in,
            tokens_out=notebook.usage.tokens_out,
        )

    def _letter(self, parts: Sequence[str]) -> tuple[Prose, ...]:
        evidence, notebook = self._evidence, self._notebook
        told = self._chapters.letter(self._request.purpose)
        opening = [each for each in (sections.thanks(evidence, notebook), told) if each]
        house = self._guide.house.sign_off.in_language(evidence.language) or ""
        lines = [house.replace("{sender}", "").strip() or phrase("closing", evidence.language)]
        owner = sections.owner_person(evidence, self._company)
        lines += [line for line in (owner.name, owner.title) if line] if owner else []
        lines += [self._company] if self._company else []
        paragraphs: list[Prose] = [(Sentence(sections.greeting(evidence)),)]
        paragraphs += [tuple(opening)] if opening else []
        paragraphs += [(sections.overview(evidence, parts),)] if parts else []
        return (*paragraphs, (Sentence("\n".join(lines)),))

    def _recipient(self) -> Person | None:
        evidence = self._evidence
        if evidence.recipient is None:
            self._notebook.ask("cover", "open_recipient")
        return sections.contact_person(evidence.recipient, evidence.customer)

    def _signatories(self) -> tuple[Person, ...]:
        evidence = self._evidence
        theirs = sections.contact_person(evidence.signatory, evidence.customer)
        if theirs is None:
            self._notebook.ask("signatures", "open_signatory")
        ours = sections.owner_person(evidence, self._company)
        return (
            theirs or Person("", "", evidence.customer),
            ours or Person("", "", self._company),
        )


def _company(guide: CompanyGuide, evidence: ProposalEvidence, notebook: Notebook) -> str:
    name = guide.name.in_language(evidence.language) or guide.name.en or guide.name.zh or ""
    if not name:
        notebook.ask("cover", "open_company")
    return name


def _ground(evidence: ProposalEvidence, company: str, entailment: Entailment | None) -> Ground:
    people = {person.name for person in evidence.profile.people}
    owner = evidence.owner.name if evidence.owner else ""
    # "You" is the company here, whoever of its people has said it.
    free = {evidence.customer, company, owner, *people}
    return Ground(
        facts={},
        today=evidence.today,
        language=evidence.language,
        known_names={*people, *(product.name for product in evidence.catalogue)},
        free_names=frozenset(name for name in free if name),
        outside=frozenset(),
        approved=frozenset(),
        entailment=entailment,
    )


def _parts(
    situation: Situation, solution: object, offer: Offer, timeline: tuple[Milestone, ...]
) -> list[str]:
    is_told = bool(situation.quotations or situation.paragraphs)
    held = {
        "situation": is_told,
        "solution": bool(solution),
        "prices": bool(offer.tables),
        "timeline": bool(timeline),
    }
    return [part for part, is_there in held.items() if is_there]


def _source(notebook: Notebook) -> list[Source]:
    return [
        Source(
            fact.id,
            fact.text,
            fact.source,
            fact.as_of.date() if fact.as_of and fact.id in notebook.outside else None,
        )
        for fact in notebook.pack.facts
    ]
