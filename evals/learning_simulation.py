"""Simulated reps who edit drafts with habits of their own, changes of content, and whims."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from copilot.grounding.pack.asked import Channel, DraftKind
from copilot.grounding.pack.model import DraftEvidence, Party
from copilot.grounding.sentences import CitedSentence
from copilot.writers.company.guide import CompanyGuide
from copilot.writers.draft import Addressee, Draft
from copilot.writers.learning.phrases import swap
from copilot.writers.learning.sent import SentMail
from copilot.writers.letters.salutation import address_zh, first_name, greeting_of, sign_off_of
from copilot.writers.style import Style
from tools.language import HAN, Language, detect_language
from tools.letter_parts import count_words

# How surely a habit is kept, and how often something else is changed.
_KEPT, _CONTENT, _WHIM, _UNREAD = 0.9, 0.5, 0.08, 0.08
_ADDED: Mapping[Language, Sequence[str]] = {
    "en": (
        "Our engineer Paula Reyes will join us.",
        "The pilot could begin on 4 May.",
        "I spoke with your colleague this morning.",
        "We have 35 units in stock.",
    ),
    "zh": (
        "我们的工程师李强也会参加。",
        "试点可以在5月4日开始。",
        "今天上午我跟您的同事沟通过。",
        "目前有35台现货。",
    ),
}
_WHIMS: Mapping[Language, Sequence[str]] = {
    "en": ("Hey there,", "Greetings,", "Happy new year!"),
    "zh": ("新年好！", "早上好！", "您好！"),
}


@dataclass(frozen=True)
class SimulatedRep:
    """What one rep does to each draft; empty values and 0 words are no habit."""

    language: Language
    greeting: str
    sign_off: str
    words: int
    swaps: Mapping[str, str]

    @property
    def has_habits(self) -> bool:
        """Say whether the rep changes anything but content."""
        return bool(self.greeting or self.sign_off or self.words or self.swaps)


@dataclass(frozen=True)
class Occasion:
    """A mail of the history as an occasion to draft: to whom, when, and what there was to say."""

    evidence: DraftEvidence
    paragraphs: tuple[str, ...]


def occasion_of(
    mail: SentMail, sender: Party, recipient: Party, stock: Mapping[str, Any]
) -> Occasion:
    """Return the mail's content between stock sentences, chosen by the mail's own number."""
    language: Language = detect_language(mail.parts.text)
    random = Random(f"stock-{mail.conversation_id}")
    said = stock[language]
    evidence = DraftEvidence(
        kind=DraftKind.FOLLOW_UP,
        channel=Channel.EMAIL,
        language=language,
        as_of=mail.sent_at,
        purpose="",
        subject_of=recipient.company or "",
        sender=sender,
        recipient=recipient,
        pieces=(),
    )
    parts = (random.choice(said["opening"]), *mail.parts.paragraphs, random.choice(said["closing"]))
    return Occasion(evidence, parts)


def scripted_draft(occasion: Occasion, style: Style, account_id: int | None) -> Draft:
    """Return the draft that code writes on an occasion in this style, without a model."""
    evidence, guide = occasion.evidence, CompanyGuide()
    texts = list(occasion.paragraphs)
    for each in style.swaps:
        texts = [swap(text, each.phrase, each.instead) for text in texts]
    texts = _within([text for text in texts if text.strip()], style.most_words)
    greeting = greeting_of(evidence, style, guide)
    closing = f"{sign_off_of(evidence, style, guide)}\n{evidence.sender.name}"
    return Draft(
        kind=evidence.kind,
        channel=evidence.channel,
        language=evidence.language,
        to=(Addressee(name=evidence.recipient.name, email=evidence.recipient.email),),
        sender=evidence.sender.name,
        subject=evidence.subject_of,
        greeting=greeting,
        paragraphs=tuple((CitedSentence(text=text, facts=()),) for text in texts),
        closing=closing,
        body="\n\n".join([greeting, *texts, closing]),
        facts=(),
        account_id=account_id,
        contact_id=evidence.recipient.contact_id,
    )


def edited_body(rep: SimulatedRep, draft: Draft, occasion: Occasion, random: Random) -> str:
    """Return what the rep sends; the same `random` makes the same choices on another draft."""
    chances = [random.random() for _ in range(8)]
    picks = [random.randrange(1_000) for _ in range(3)]
    if chances[0] < _UNREAD:
        return draft.body
    person = occasion.evidence.recipient
    texts = [paragraph[0].text for paragraph in draft.paragraphs]
    for place, (phrase, instead) in enumerate(rep.swaps.items()):
        if Random(f"{picks[0]}-{place}").random() < _KEPT:
            texts = [_swapped(text, phrase, instead) for text in texts]
    texts = [text for text in texts if text.strip()]
    if rep.words and chances[1] < _KEPT:
        texts = _within(texts, rep.words)
    if chances[2] < _CONTENT:
        texts.insert(min(1, len(texts)), _ADDED[rep.language][picks[1] % 4])
    if chances[3] < _CONTENT:
        texts = [re.sub(r"\d+", lambda m: str(int(m.group()) + picks[2] % 7 + 1), t) for t in texts]
    greeting, closing = draft.greeting, draft.closing
    if rep.greeting and chances[4] < _KEPT:
        greeting = _greet(rep.greeting, person)
    if chances[5] < _WHIM:
        greeting = _WHIMS[rep.language][picks[1] % 3]
    if rep.sign_off and chances[6] < _KEPT:
        closing = f"{rep.sign_off}\n{draft.sender}"
    return "\n\n".join([greeting, *texts, closing])


def _greet(greeting: str, person: Party) -> str:
    name = address_zh(person) if _is_chinese(person.name) else person.name
    return greeting.format(first=first_name(person.name), name=name)


def _is_chinese(name: str) -> bool:
    return re.match(f"[{HAN}]", name) is not None


def _swapped(text: str, phrase: str, instead: str) -> str:
    """Replace as a person does, whatever the product's own way of doing it."""
    at = text.casefold().find(phrase.casefold())
    if at < 0:
        return text
    put = instead
    if put and text[at].isupper():
        put = put[0].upper() + put[1:]
    done = (text[:at] + put + text[at + len(phrase) :]).strip()
    return done[:1].upper() + done[1:] if not put else done


def _within(texts: Sequence[str], most_words: int | None) -> list[str]:
    """Return the first paragraphs that fit the length, one at least."""
    kept: list[str] = []
    for text in texts:
        if most_words and kept and count_words(" ".join([*kept, text])) > most_words:
            break
        kept.append(text)
    return kept
