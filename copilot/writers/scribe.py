"""Writes one sentence for each item by short calls of the model; what fails code says instead."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from pydantic import BaseModel, Field, create_model

from copilot.grounding.promises import content_words
from copilot.grounding.sentences import CitedSentence, Dropped
from copilot.grounding.verifier import Ground, Pending, verify
from copilot.llm.client import LanguageModel, Message, UnusableReply, Usage
from copilot.writers.letters.persons import keeps_persons
from crm.errors import CopilotError, PermanentError, TransientError
from prompts.library import load_prompt, quote_outside
from tools.language import Language, has_han

_SENTENCE_TOKENS = 110
_OWN_WORDS = {"en": 0.55, "zh": 0.62}
_REPORTING = content_words(
    "asked mentioned wanted needed would like expect offered concerned whether about because "
    "kindly planned know possible wondering while also "
    "您问到提希望想了解需要求担心答应是否会以及并且关于能有没我们贵司的在把给让"
)
_SAYS_MORE = {
    "en": "it says more than the notes: {words}",
    "zh": "句中有记录里没有的内容:{words}",
}
_WRONG_PERSONS = {
    "en": "it mixes up who is meant by you and we",
    "zh": "“您”和“我们”所指有误",
}
_ABOUT_WHAT = re.compile(r"^You asked about (?=(?:what|how|who|when|where|which|whether|why|if)\b)")
_UNUSABLE = {"en": "the model gave no usable sentence", "zh": "模型没有给出可用的句子"}
_AWAY = {
    "en": "the model was not available, and rules cannot word it",
    "zh": "模型不可用，而规则无法表述",
}


class ProposedSentence(BaseModel):
    """What the model fills in for one item."""

    sentence: str = Field(min_length=1, max_length=260)


@dataclass(frozen=True)
class Item:
    """One sentence to be written: the facts it cites, and what the model is shown of them.

    `fallback` is what code says where the model's sentence fails, `quoted` where that fails too;
    with one that holds nothing is rewritten. `openings` are the words with which the sentence may
    begin, any if there are none.
    Where it `is_settled`, code says it exactly and the model is not asked, unless the scribe is to
    word all.
    `words` are the customer's words, already turned to "you", where it tells them back.
    """

    facts: tuple[str, ...]
    shown: str
    fallback: CitedSentence | None = None
    openings: tuple[str, ...] = ()
    words: str | None = None
    is_settled: bool = False
    quoted: CitedSentence | None = None

    @property
    def by_code(self) -> tuple[CitedSentence, ...]:
        """What code says instead of the model, in the order in which it is tried."""
        return tuple(each for each in (self.fallback, self.quoted) if each is not None)


@dataclass(frozen=True)
class Written:
    """What came of the items: `sentences` has one entry an item, None where nothing held.

    `outage` is why the model was not asked for the rest, or gave nothing of use.
    """

    sentences: list[CitedSentence | None]
    dropped: list[Dropped]
    pending: list[Pending]
    usage: Usage
    outage: CopilotError | None = None


@dataclass
class Scribe:
    """One draft's dialogue with the model on one set of rules, which servers keep ready.

    Each item is a call of its own: shown all items at once, a small model writes the same
    sentence several times. `prompts` names the three prompts: rules, item, rewrite. With
    `words_all` a model that can be trusted with it words also what code could say exactly. Once the
    model is out of reach it is not asked again (with `outage`, not at all): code says what it can.
    """

    model: LanguageModel
    ground: Ground
    language: Language
    prompts: tuple[str, str, str]
    progress: Callable[[int, int], None] = lambda _done, _total: None
    words_all: bool = False
    outage: CopilotError | None = None
    _usage: Usage = field(default_factory=Usage)
    _dropped: list[Dropped] = field(default_factory=list)
    _pending: list[Pending] = field(default_factory=list)

    def write(self, items: Sequence[Item]) -> Written:
        """Return a checked sentence for each item; one that fails and has no fallback is rewritten.

        A sentence that only lacks approval is in `pending` and nowhere else.

        Raises PermanentError where the model refuses to work, for an item that code cannot say, or
        for all: the set-up has to be mended.
        """
        self._usage, self._dropped, self._pending = Usage(), [], []
        sentences: list[CitedSentence | None] = []
        unusable: list[PermanentError] = []
        for number, item in enumerate(items):
            self.progress(number, len(items))
            try:
                sentences.append(self._sentence(item))
            except TransientError as error:
                self.outage = error
                sentences.append(self._without_model(item))
            except PermanentError as error:
                unusable.append(error)
                if item.fallback is None and not isinstance(error, UnusableReply):
                    raise
                reason = _UNUSABLE[self.language]
                self._dropped.append(Dropped(text=item.shown, reason=reason))
                sentences.append(self._fallback(item))
        # Not one reply of any use is no accident of one sentence.
        if unusable and not self._usage.tokens_out:
            self.outage = self.outage or unusable[0]
            if not isinstance(unusable[0], UnusableReply):
                raise unusable[0]
        self.progress(len(items), len(items))
        return Written(sentences, self._dropped, self._pending, self._usage, self.outage)

    def _sentence(self, item: Item) -> CitedSentence | None:
        if item.is_settled and item.by_code and not (self.words_all and item.openings):
            return self._settled(item)
        if self.outage is not None:
            return self._without_model(item)
        messages = self._messages(item)
        first = self._written(item, messages)
        failed = self._fault(first, item)
        if failed is None:
            return first
        if isinstance(failed, Pending):
            self._pending.append(failed)
            return None
        fallback = self._fallback(item)
        if fallback is not None:
            self._dropped.append(failed)
            return fallback
        again = self._written(item, [*messages, self._plea(failed)])
        failed_again = self._fault(again, item)
        if failed_again is None:
            return again
        if isinstance(failed_again, Pending):
            self._pending.append(failed_again)
            return None
        self._dropped.append(failed_again)
        return None

    def _without_model(self, item: Item) -> CitedSentence | None:
        if not item.by_code:
            self._dropped.append(Dropped(text=item.shown, reason=_AWAY[self.language]))
        return self._settled(item)

    def _settled(self, item: Item) -> CitedSentence | None:
        for sentence in item.by_code:
            verified = verify([sentence], self.ground)
            if verified.kept:
                return verified.kept[0]
            self._dropped += verified.dropped
            if verified.pending:
                self._pending += verified.pending
                return None
        return None

    def _fault(self, sentence: CitedSentence, item: Item) -> Dropped | Pending | None:
        """Return why a sentence may not stand: beyond its facts, or beyond the words shown."""
        verified = verify([sentence], self.ground)
        if verified.dropped:
            return verified.dropped[0]
        if item.words is not None:
            told = _strip_opening(sentence.text, item)
            if not keeps_persons(told, item.words, self.language):
                return Dropped(text=sentence.text, reason=_WRONG_PERSONS[self.language])
        beyond = words_beyond(sentence.text, item.shown, self.language)
        if beyond:
            reason = _SAYS_MORE[self.language].format(words=", ".join(sorted(beyond)[:6]))
            return Dropped(text=sentence.text, reason=reason)
        return verified.pending[0] if verified.pending else None

    def _fallback(self, item: Item) -> CitedSentence | None:
        told = (verify([each], self.ground).kept for each in item.by_code)
        return next((kept[0] for kept in told if kept), None)

    def _plea(self, failed: Dropped) -> Message:
        plea = load_prompt(self.prompts[2], self.language).render(
            failed=quote_outside(failed.text), reason=quote_outside(failed.reason)
        )
        return Message(role="user", content=plea)

    def _messages(self, item: Item) -> list[Message]:
        rules, task, _ = self.prompts
        shown = quote_outside(item.shown)
        return [
            Message(role="system", content=load_prompt(rules, self.language).render()),
            Message(role="user", content=load_prompt(task, self.language).render(item=shown)),
        ]

    def _written(self, item: Item, messages: Sequence[Message]) -> CitedSentence:
        wanted = _opened(item.openings) if item.openings else ProposedSentence
        reply = self.model.structured(messages, wanted, max_tokens=_SENTENCE_TOKENS)
        self._usage += reply.usage
        return CitedSentence(text=_tidy(reply.value.sentence), facts=item.facts)


def words_beyond(sentence: str, shown: str, language: Language) -> frozenset[str]:
    """Return the words of a sentence that what was shown does not have, if they are too many.

    Empty too where the two are in different scripts: a translation has no word of its source.
    """
    if has_han(sentence) != has_han(shown):
        return frozenset()
    words = content_words(sentence) - _REPORTING
    known = content_words(shown)
    if not words or len(words & known) >= _OWN_WORDS[language] * len(words):
        return frozenset()
    return frozenset(words - known)


@cache
def _opened(openings: tuple[str, ...]) -> type[ProposedSentence]:
    """Return the result type whose sentence begins in one of these ways and is one sentence."""
    heads = "|".join(re.escape(each).replace("\\ ", " ") for each in openings)
    # No colon but in a time of day: behind one, small models answer the question themselves.
    pattern = f"^({heads})([^:：;；“”]|[0-9][:：][0-9]){{3,220}}[.。?？]$"
    return create_model(
        "ProposedSentence", __base__=ProposedSentence, sentence=(str, Field(pattern=pattern))
    )


def _strip_opening(text: str, item: Item) -> str:
    for opening in sorted(item.openings, key=len, reverse=True):
        if text.startswith(opening.strip()):
            return text[len(opening.strip()) :]
    return text


def _tidy(text: str) -> str:
    """Return the text on one line, with Chinese punctuation between Chinese characters."""
    marks = {",": "，", ":": "：", ";": "；", "?": "？"}
    flat = _ABOUT_WHAT.sub("You asked ", " ".join(text.split()))
    return re.sub(r"(?<=[\u4e00-\u9fff])[,:;?]", lambda match: marks[match.group()], flat)
