"""What one decision tells of its author's style: no names, no figures, no customer's words."""

from collections.abc import Collection
from typing import Literal

from pydantic import BaseModel, ConfigDict

from copilot.writers.draft import Draft
from copilot.writers.learning.phrases import Replaced, replaced_phrases
from copilot.writers.learning.templates import greeting_template, sign_off_template
from copilot.writers.learning.wording import paired_sentences
from tools.language import Language
from tools.letter_parts import LetterParts, count_words, formality_of, split_letter

_ENOUGH_WORDS = 8

Tone = Literal["formal", "neutral", "casual"]


class Observation(BaseModel):
    """Greeting and sign-off as templates ("" where there is none), lengths, phrases, formality.

    None says that nothing can be told. Lengths are those of the text between greeting and leave;
    what begins with `drafted` is the draft's, the rest what became of it.
    """

    model_config = ConfigDict(frozen=True)

    greeting: str | None
    sign_off: str | None
    drafted_words: int
    words: int
    drafted_formality: Tone
    formality: Tone
    replaced: tuple[tuple[str, str], ...] = ()

    @property
    def replacements(self) -> tuple[Replaced, ...]:
        """The phrases that were replaced."""
        return tuple(Replaced(*one) for one in self.replaced)


def observe(draft: Draft, final_body: str) -> Observation:
    """Return what the decided text tells; for an accepted draft that is the draft's own body."""
    recipient = draft.to[0].name if draft.to else ""
    before = split_letter(draft.body, sender=draft.sender)
    after = split_letter(final_body, sender=draft.sender)
    return Observation(
        greeting=_greeting(after, recipient),
        sign_off=_sign_off(after),
        drafted_words=count_words(before.text),
        words=count_words(after.text),
        drafted_formality=_formality(before, draft.language),
        formality=_formality(after, draft.language),
        replaced=tuple(
            (one.phrase, one.instead)
            for one in replaced_phrases(
                paired_sentences(before.text, after.text), names=_names(draft)
            )
        )
        if draft.body != final_body
        else (),
    )


def _formality(parts: LetterParts, language: Language) -> Tone:
    text = "\n".join([parts.greeting or "", parts.text, parts.sign_off or ""]).strip()
    found = formality_of([text], language) if count_words(text) >= _ENOUGH_WORDS else "neutral"
    return "formal" if found == "formal" else "casual" if found == "casual" else "neutral"


def _greeting(parts: LetterParts, recipient: str) -> str | None:
    return greeting_template(parts.greeting, recipient) if parts.greeting else ""


def _sign_off(parts: LetterParts) -> str | None:
    return sign_off_template(parts) if parts.sign_off else ""


def _names(draft: Draft) -> Collection[str]:
    """Return the names that the draft is about: a phrase with one of them is content."""
    people = [draft.sender, *(one.name for one in draft.to)]
    return [name for name in people if name]
