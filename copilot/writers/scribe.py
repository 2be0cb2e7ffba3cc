"""Writes one sentence for each item by short calls of the model; what fails twice code quotes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from copilot.grounding.sentences import CitedSentence, Dropped
from copilot.grounding.verifier import Ground, Pending, verify, verify_with_rewrite
from copilot.llm.client import LanguageModel, Message, Usage
from prompts.library import load_prompt, quote_outside
from tools.language import Language

_SENTENCE_TOKENS = 110


class ProposedSentence(BaseModel):
    """What the model fills in for one item."""

    sentence: str = Field(min_length=1, max_length=260)


@dataclass(frozen=True)
class Item:
    """One sentence to be written: the facts it cites, and what the model is shown of them.

    `fallback` is what code says where the model's sentence fails its checks twice.
    """

    facts: tuple[str, ...]
    shown: str
    fallback: CitedSentence | None = None


@dataclass(frozen=True)
class Written:
    """What came of the items: `sentences` has one entry an item, None where nothing held."""

    sentences: list[CitedSentence | None]
    dropped: list[Dropped]
    pending: list[Pending]
    usage: Usage


@dataclass
class Scribe:
    """One draft's dialogue with the model on one set of rules, which servers keep ready.

    Each item is a call of its own: shown all items at once, a small model writes the same
    sentence several times. `prompts` names the three prompts: rules, item, rewrite.
    """

    model: LanguageModel
    ground: Ground
    language: Language
    prompts: tuple[str, str, str]
    progress: Callable[[int, int], None] = lambda _done, _total: None
    _usage: Usage = field(default_factory=Usage)

    def write(self, items: Sequence[Item]) -> Written:
        """Return a checked sentence for each item; one that fails is rewritten once.

        Raises:
            TransientError, PermanentError: the model failed.
        """
        self._usage = Usage()
        proposed: list[CitedSentence] = []
        for number, item in enumerate(items):
            self.progress(number, len(items))
            proposed.append(self._written(item, self._messages(item)))
        item_of = dict(zip((sentence.text for sentence in proposed), items, strict=True))

        def rewrite(failed: Sequence[Dropped]) -> list[CitedSentence]:
            return [self._rewritten(item_of[each.text], each) for each in failed]

        verified = verify_with_rewrite(rewrite, proposed, self.ground)
        self.progress(len(items), len(items))
        found = {sentence.facts: sentence for sentence in verified.kept}
        return Written(
            sentences=[found.get(item.facts) or self._fallback(item) for item in items],
            dropped=verified.dropped,
            pending=verified.pending,
            usage=self._usage,
        )

    def _fallback(self, item: Item) -> CitedSentence | None:
        if item.fallback is None:
            return None
        return next(iter(verify([item.fallback], self.ground).kept), None)

    def _rewritten(self, item: Item, failed: Dropped) -> CitedSentence:
        plea = load_prompt(self.prompts[2], self.language).render(
            failed=quote_outside(failed.text), reason=failed.reason
        )
        return self._written(item, [*self._messages(item), Message(role="user", content=plea)])

    def _messages(self, item: Item) -> list[Message]:
        rules, task, _ = self.prompts
        shown = quote_outside(item.shown)
        return [
            Message(role="system", content=load_prompt(rules, self.language).render()),
            Message(role="user", content=load_prompt(task, self.language).render(item=shown)),
        ]

    def _written(self, item: Item, messages: Sequence[Message]) -> CitedSentence:
        reply = self.model.structured(messages, ProposedSentence, max_tokens=_SENTENCE_TOKENS)
        self._usage += reply.usage
        return CitedSentence(text=_tidy(reply.value.sentence), facts=item.facts)


def _tidy(text: str) -> str:
    """Return the text on one line, with Chinese punctuation between Chinese characters."""
    marks = {",": "，", ":": "：", ";": "；", "?": "？"}
    flat = " ".join(text.split())
    return re.sub(r"(?<=[\u4e00-\u9fff])[,:;?]", lambda match: marks[match.group()], flat)
