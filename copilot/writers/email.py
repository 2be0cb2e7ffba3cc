"""Drafts an email about a deal: the model proposes sentences, the verifier keeps the true ones."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from copilot.grounding.sentences import CitedSentence, Dropped
from copilot.grounding.verifier import Ground, Verified, verify, verify_with_rewrite
from copilot.llm.client import LanguageModel, Message, Usage
from copilot.writers import letter
from copilot.writers.evidence import DraftEvidence, Recipient
from copilot.writers.plan import is_quotable, plan_items, quoted_words, show_item
from crm.errors import BadInput, NotFound
from crm.facts import Fact
from prompts.library import Language, load_prompt, quote_outside

MAX_PURPOSE = 500
_SENTENCE_TOKENS = 110


class ProposedSentence(BaseModel):
    """What the model fills in for one item."""

    sentence: str = Field(min_length=1, max_length=260)


class Addressee(BaseModel):
    """Who receives the letter."""

    model_config = ConfigDict(frozen=True)

    name: str
    email: str | None


class Draft(BaseModel):
    """A letter that a person may send: every sentence cites facts, what failed is listed."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["email"] = "email"
    language: str
    to: list[Addressee]
    subject: str
    sentences: list[CitedSentence]
    facts: list[Fact]
    open_questions: list[str]
    dropped: list[Dropped]
    body: str
    tokens_in: int
    tokens_out: int


def draft_email(
    model: LanguageModel,
    evidence: DraftEvidence,
    *,
    purpose: str,
    language: Language,
    today: date,
) -> Draft:
    """Return a draft for the purpose: a short model call a sentence, one more if it fails a check.

    Raises:
        BadInput: there is no purpose, or it is far too long.
        NotFound: no sentence could be proved; the message lists the facts there are.
        TransientError, PermanentError: the model failed.
    """
    if not purpose.strip() or len(purpose) > MAX_PURPOSE:
        raise BadInput(f"purpose {purpose[:80]!r}: say in 1 to {MAX_PURPOSE} characters what for")
    session = _Session(model, evidence, purpose, language, today)
    proposed = session.propose()
    verified = verify_with_rewrite(session.rewrite, proposed, session.ground)
    written = session.with_quotes(verified)
    if not written:
        raise NotFound(_nothing_proved(evidence, verified.dropped))
    first = letter.opening(evidence, language=language, today=today)
    sentences = [*([first] if first else []), *written]
    return Draft(
        language=language,
        to=_addressees(evidence.recipient),
        subject=letter.subject_line(evidence, language),
        sentences=sentences,
        facts=list(evidence.facts),
        open_questions=list(evidence.questions),
        dropped=verified.dropped,
        body=letter.body(evidence, sentences, language),
        tokens_in=session.usage.tokens_in,
        tokens_out=session.usage.tokens_out,
    )


class _Session:
    """One draft's dialogue with the model."""

    def __init__(
        self,
        model: LanguageModel,
        evidence: DraftEvidence,
        purpose: str,
        language: Language,
        today: date,
    ) -> None:
        self.usage = Usage()
        self.ground = Ground(
            facts={fact.id: fact for fact in evidence.facts},
            today=today,
            language=language,
            known_names=evidence.known_names,
            free_names=[name for name in (evidence.sender, evidence.recipient.name) if name],
            outside=evidence.outside,
        )
        self._model, self._language = model, language
        self._evidence = evidence
        self._items = plan_items(evidence, purpose)
        self._rules = load_prompt("draft_email_rules", language).render()
        self._facts_of: dict[str, tuple[str, ...]] = {}

    def propose(self) -> list[CitedSentence]:
        """Return one sentence for each item of the plan, citing that item's facts.

        Each item is a short call of its own on the same rules, which servers keep ready: shown
        all items at once, a small model writes the same one several times.
        """
        return [self._written(item, self._messages(item)) for item in self._items]

    def rewrite(self, failed: Sequence[Dropped]) -> list[CitedSentence]:
        """Return a new version of each failed sentence, in the same order, on the same facts."""
        renewed = []
        for each in failed:
            item = self._facts_of[each.text]
            plea = load_prompt("draft_email_rewrite", self._language).render(
                failed=quote_outside(each.text), reason=each.reason
            )
            turn = Message(role="user", content=plea)
            renewed.append(self._written(item, [*self._messages(item), turn]))
        return renewed

    def with_quotes(self, verified: Verified) -> list[CitedSentence]:
        """Return the sentences in the plan's order; what could not be told is quoted instead."""
        kept = {sentence.facts: sentence for sentence in verified.kept}
        quotes = [
            quoted_words(item, self._evidence, self._language)
            for item in self._items
            if item not in kept and is_quotable(item, self._evidence)
        ]
        kept |= {one.facts: one for one in verify(quotes, self.ground).kept}
        return [kept[item] for item in self._items if item in kept]

    def _messages(self, item: tuple[str, ...]) -> list[Message]:
        shown = quote_outside(show_item(item, self._evidence, self._language))
        task = load_prompt("draft_email", self._language).render(item=shown)
        return [
            Message(role="system", content=self._rules),
            Message(role="user", content=task),
        ]

    def _written(self, item: tuple[str, ...], messages: Sequence[Message]) -> CitedSentence:
        reply = self._ask(messages)
        sentence = CitedSentence(text=_tidy(reply.sentence), facts=item)
        self._facts_of[sentence.text] = item
        return sentence

    def _ask(self, messages: Sequence[Message]) -> ProposedSentence:
        reply = self._model.structured(messages, ProposedSentence, max_tokens=_SENTENCE_TOKENS)
        self.usage += reply.usage
        return reply.value


def _tidy(text: str) -> str:
    """Return the text on one line, with Chinese punctuation between Chinese characters."""
    marks = {",": "，", ":": "：", ";": "；", "?": "？"}
    flat = " ".join(text.split())
    return re.sub(r"(?<=[\u4e00-\u9fff])[,:;?]", lambda match: marks[match.group()], flat)


def _addressees(recipient: Recipient) -> list[Addressee]:
    return [Addressee(name=recipient.name, email=recipient.email)] if recipient.name else []


def _nothing_proved(evidence: DraftEvidence, dropped: Sequence[Dropped]) -> str:
    facts = "\n".join(f"  {fact.id} {fact.text}" for fact in evidence.facts)
    reasons = "\n".join(f"  {each.text!r}: {each.reason}" for each in dropped)
    return (
        f"nothing could be proved for this email, so there is no draft. Dropped:\n{reasons}\n"
        f"The facts there are:\n{facts}\nAdd a conversation or a note to the deal, or name "
        "another purpose"
    )
