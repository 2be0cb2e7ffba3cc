"""The chapters in the customer's terms: situation, goals, needs met, and the letter's own line."""

from collections.abc import Sequence
from functools import cached_property

from copilot.grounding.sentences import CitedSentence
from copilot.grounding.verifier import verify
from copilot.writers.documents.content import MappedNeed, Prose, Sentence, Situation
from copilot.writers.documents.wording import show_date
from copilot.writers.proposals import sections
from copilot.writers.proposals.cues import Voice
from copilot.writers.proposals.evidence import ProposalEvidence
from copilot.writers.proposals.mapping import NeedMatch, best_text, match_needs
from copilot.writers.proposals.notebook import Notebook
from copilot.writers.proposals.outsiders import described
from copilot.writers.proposals.proposal import ProposalStep
from copilot.writers.proposals.prose import Pen
from copilot.writers.proposals.restating import goal_of, lowered, restate
from copilot.writers.proposals.voices import Statement
from copilot.writers.proposals.wording import phrase
from copilot.writers.scribe import Item
from crm.index.terms import query_terms, terms_of
from crm.models import Product
from tools.language import detect_language

_MOST_PAINS = 3
_MOST_GOALS = 5


class Chapters:
    """Writes the chapters of one proposal; the model is asked once a sentence."""

    def __init__(
        self,
        evidence: ProposalEvidence,
        notebook: Notebook,
        pen: Pen,
        policies: Sequence[tuple[str, str]],
    ) -> None:
        self._evidence, self._notebook, self._pen = evidence, notebook, pen
        self._policies = policies
        self._statements = [
            each for each in evidence.statements if detect_language(each.words) == evidence.language
        ]

    def situation(self) -> Situation:
        """Return who told us what, our summary of their pains, and their own words."""
        if not self._statements:
            self._notebook.ask("situation", "open_no_voice")
            return Situation()
        quoted = sections.choose_quotations(self._statements)
        shown = {id(each) for group in quoted for each in group}
        pains = [
            each for each in self._statements if Voice.PAIN in each.voices and id(each) not in shown
        ][:_MOST_PAINS]
        told = [*(each for group in quoted for each in group), *pains]
        opening = sections.background(self._evidence, self._notebook, told)
        summary = self._summary(pains)
        prose = tuple(each for each in (opening, *summary) if each)
        return Situation(
            (prose,) if prose else (),
            tuple(sections.quotation(each, self._notebook, self._evidence) for each in quoted),
        )

    def goals(self) -> tuple[Prose, ...]:
        """Return what the customer wants to reach, told back to them."""
        wanted = [
            *(match.need for match in self._matches),
            *(each for each in self._statements if each.voices == {Voice.GOAL}),
        ][:_MOST_GOALS]
        return tuple((self._goal(each),) for each in wanted)

    def needs(self) -> tuple[MappedNeed, ...]:
        """Return the needs that a product of the deal or our own answer meets; others are open."""
        hows = self._hows(self._matches)
        found = []
        for match, how in zip(self._matches, hows, strict=True):
            if how is None:
                self._ask_about(match)
                continue
            product = match.product.name if match.product else ""
            found.append(MappedNeed(self._restated(match.need), product, (how,)))
        return tuple(found)

    def solution(self) -> tuple[Prose, ...]:
        """Return what we propose, in one sentence."""
        prose = sections.consists(self._evidence, self._notebook)
        return (prose,) if prose else ()

    def letter(self, purpose: str) -> Sentence | None:
        """Return the one sentence of the letter that says what matters to the customer."""
        if not self._statements:
            return None
        wanted = set(query_terms(purpose)) if purpose else set()
        ranked = sorted(
            self._statements,
            key=lambda each: (
                -len(wanted.intersection(terms_of(each.words))),
                Voice.NEED not in each.voices,
                -each.weight,
            ),
        )
        return self._attributed(ranked[0])

    @cached_property
    def _matches(self) -> list[NeedMatch]:
        return match_needs(self._statements, self._evidence.products, self._evidence.catalogue)

    def _summary(self, pains: Sequence[Statement]) -> list[Sentence]:
        """Return each pain in the model's words or, where they do not hold, told back by code."""
        items: dict[int, Item] = {}
        for pain in pains:
            source = self._notebook.cite(pain.fact, is_theirs=True)
            told = restate(pain.words, self._evidence.language)
            if told is not None:
                shown = self._pen.show("theirs", words=pain.words)
                fallback = CitedSentence(text=told, facts=(source,))
                items[id(pain)] = Item((source,), shown, fallback)
        written = self._pen.write(ProposalStep.SITUATION, "situation", list(items.values()))
        worded = dict(zip(items, written, strict=True))
        return [worded.get(id(pain)) or self._restated(pain) for pain in pains]

    def _restated(self, statement: Statement) -> Sentence:
        source = self._notebook.cite(statement.fact, is_theirs=True)
        language = self._evidence.language
        told = restate(statement.words, language)
        if told is None:
            day = show_date(statement.said_on, language)
            quoted = phrase(
                "said", language, name=statement.speaker, day=day, words=statement.words
            )
            return self._notebook.say(quoted, source)
        return self._notebook.say(told, source)

    def _goal(self, statement: Statement) -> Sentence:
        goal = goal_of(statement.words, self._evidence.language)
        if goal is None:
            return self._restated(statement)
        return self._notebook.say(goal, self._notebook.cite(statement.fact, is_theirs=True))

    def _attributed(self, statement: Statement) -> Sentence:
        """Return who told us what; it is "you" where the letter goes to whom has said it."""
        language, recipient = self._evidence.language, self._evidence.recipient
        told = restate(statement.words, language)
        if told is None:
            return self._restated(statement)
        source = self._notebook.cite(statement.fact, is_theirs=True)
        is_self = recipient is not None and recipient.name == statement.speaker
        name = "told_self" if is_self else "told_by"
        words = lowered(told) if language == "en" else told
        return self._notebook.say(
            phrase(name, language, name=statement.speaker, words=words), source
        )

    def _hows(self, matches: Sequence[NeedMatch]) -> list[Sentence | None]:
        """Return how each need is met, None where nothing is known that meets it.

        Our answer in the model's words comes first, then the product's description, a policy of
        the company, and our answer as it was given.
        """
        notebook, answered = self._notebook, [each for each in matches if each.need.answer_fact]
        items = []
        for match in answered:
            need = match.need
            theirs = notebook.cite(need.fact, is_theirs=True)
            ours = notebook.cite(need.answer_fact or need.fact)
            said = self._pen.show("theirs", words=need.words)
            replied = self._pen.show("ours", words=need.answer or "")
            fallback = CitedSentence(text=need.answer or "", facts=(theirs, ours))
            items.append(Item((theirs, ours), f"{said}\n{replied}", fallback))
        written = dict(
            zip(
                (id(each) for each in answered),
                self._pen.write(ProposalStep.SOLUTION, "how", items),
                strict=True,
            )
        )
        return [
            written.get(id(each))
            or self._described(each.product)
            or self._promised(each.need)
            or self._answered(each.need)
            for each in matches
        ]

    def _promised(self, need: Statement) -> Sentence | None:
        """Return the policy that speaks of the need, word for word."""
        place = best_text(need, [text for _, text in self._policies])
        if place is None:
            return None
        key, text = self._policies[place]
        return self._notebook.say(text, policy_fact(key, text, self._notebook))

    def _answered(self, need: Statement) -> Sentence | None:
        """Return our own words as they were said; what they commit us to has to be approved."""
        if need.answer is None or need.answer_fact is None:
            return None
        source = self._notebook.cite(need.answer_fact)
        said = CitedSentence(text=need.answer, facts=(source,))
        verified = verify([said], self._pen.checked_against())
        if verified.pending:
            return self._notebook.hold(ProposalStep.SOLUTION, verified.pending[0])
        self._notebook.dropped += verified.dropped
        return next((self._notebook.keep(each) for each in verified.kept), None)

    def _described(self, product: Product | None) -> Sentence | None:
        told = described(product) if product is not None else ""
        if product is None or not told:
            return None
        language = self._evidence.language
        text = phrase("fact_product", language, name=product.name, description=told)
        source = self._notebook.record(text, f"product:{product.id}")
        values = {"name": product.name, "description": told.rstrip(" .。")}
        return self._notebook.say(phrase("product", language, **values), source)

    def _ask_about(self, match: NeedMatch) -> None:
        if match.hint:
            name, need = match.hint.name, match.need.words
            self._notebook.ask("solution", "open_need_hint", need=need, product=name)
        else:
            self._notebook.ask("solution", "open_need", need=match.need.words)


def policy_fact(key: str, text: str, notebook: Notebook) -> str:
    """Return the id of a policy's fact, on which a commitment may rest."""
    said = phrase("fact_guide", notebook.language, text=text)
    return notebook.record(said, f"guide:policies[{key}]", is_approved=True)
