"""The model's one task in notes: a quote told as a short sentence, used only where it holds."""

import re
from typing import Protocol

from pydantic import BaseModel, Field

from copilot.grounding.promises import content_words
from copilot.llm.client import LanguageModel, Message, Usage
from copilot.writers.calls.checking import Checker
from prompts.library import Language, load_prompt, quote_outside

MAX_TOKENS = 90
MAX_CALLS = 4
_QUOTED_CHARS = 500
_OWN_WORDS = 0.55
_FIRST_PERSON = re.compile(r"\b(?:I|we|our|my|you|your)\b|[我您你咱]", re.IGNORECASE)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Only a verb of speaking says no more than that: "Li requires …" may be what Li's boss requires.
_REPORTS = re.compile(
    r"^\s*(?:also )?(?:said|says|mentioned|explained|noted|reported)\b"
    r"|^(?:还|也)?(?:说|表示|提到|认为|觉得|指出|反映)"
)
_QUESTIONING = re.compile(r"[?？]\s*$")
_NEGATED = re.compile(
    r"\b(?:not|no|never|nobody|without|cannot)\b|n['’]t\b|不|没|未|无", re.IGNORECASE
)


class ToldPoint(BaseModel):
    """What the model fills in for one quote."""

    sentence: str = Field(min_length=1, max_length=220)


class Wording(Protocol):
    """Tells what somebody said in one sentence, or declines."""

    def sentence(
        self, quote: str, who: str, segments: tuple[int, ...], checker: Checker
    ) -> str | None:
        """Return a sentence that holds against the segments, None where the quote has to do."""


class QuotesOnly:
    """Declines every time: without a model a summary quotes."""

    usage = Usage()

    def sentence(
        self, quote: str, who: str, segments: tuple[int, ...], checker: Checker
    ) -> str | None:
        """Return None."""
        return None


class ModelWording:
    """Asks the model, at most `MAX_CALLS` times a conversation however long it is.

    Raises what the model raises: notes of half a model would not be the same the next time.
    """

    def __init__(self, model: LanguageModel, language: Language) -> None:
        self.usage = Usage()
        self._model, self._language = model, language
        self._rules = load_prompt("call_point_rules", language).render()
        self._calls = 0

    def sentence(
        self, quote: str, who: str, segments: tuple[int, ...], checker: Checker
    ) -> str | None:
        """Return the model's sentence if every check passes, else None."""
        if self._calls >= MAX_CALLS:
            return None
        self._calls += 1
        shown = quote_outside(f"{who}: {quote[:_QUOTED_CHARS]}")
        task = load_prompt("call_point", self._language).render(quote=shown)
        messages = [
            Message(role="system", content=self._rules),
            Message(role="user", content=task),
        ]
        reply = self._model.structured(messages, ToldPoint, max_tokens=MAX_TOKENS)
        self.usage += reply.usage
        told = " ".join(reply.value.sentence.split())
        return told if self._is_fit(told, quote, who, segments, checker) else None

    def _is_fit(
        self, told: str, quote: str, who: str, segments: tuple[int, ...], checker: Checker
    ) -> bool:
        if bool(_CHINESE.search(told)) != (self._language == "zh") or _QUESTIONING.search(told):
            return False
        if _FIRST_PERSON.search(told.replace(who, "")) or bool(_NEGATED.search(quote)) != bool(
            _NEGATED.search(told)
        ):
            return False
        _, named, after = told.partition(who)
        if not named or not _REPORTS.search(after):
            return False
        words = content_words(after)
        own = words & content_words(quote)
        if not words or len(own) < _OWN_WORDS * len(words):
            return False
        return checker.is_sound(told, segments)
