"""Tells a wish for a draft from a question about drafts, and what it says of the draft."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from copilot.agent.phrases import overlaps
from copilot.agent.recipients import HONOURED
from copilot.agent.wish_heads import Head
from copilot.agent.wish_words import NAME, alternation, meaning, pattern, words
from copilot.agent.wishes_chinese import find_chinese
from copilot.agent.wishes_english import find_english
from copilot.grounding.pack.asked import Channel, DraftKind
from tools.language import Language, has_han
from tools.names import NamedThing, NameIndex, NameMention, find_names, unknown_names

MOST_PURPOSE = 500
PROPOSAL = "proposal"
_ADDRESSED = ("contact", "account", "opportunity", "owner")
_BY_ID = re.compile(r"\bcontact:\d{1,9}\b", re.IGNORECASE)
_LATIN_HONOURED = re.compile(r"\b(?:Mrs?|Ms|Miss|Dr|Prof)\.?\s+$")
_EDGES = " \t\n,.;:!?，。；：！？、-–—\"'“”"
_JOINED = re.compile(r"^\s*(?:and|&|,|和|及|与|、|跟)\s*$", re.IGNORECASE)
_LEADING = re.compile(
    r"^(?:(?:and|or|on|to|for|with|about|regarding|re|concerning|that|in which|please|pls"
    r"|know|me|us|her|him|them|it|one|the same|up|'s)(?![\w-])|关于|就|的|是|，|一下|来)[\s,:]*",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    r"(?:[\s,]+(?:please|pls|thanks|thank you|to|for|with|on|and|can you|could you))$"
    r"|(?:的|给|好吗|吧|谢谢)$",
    re.IGNORECASE,
)
_PREPOSITION = (
    r"(?:(?<![\w-])(?:back\s+to|to|for|with|on|at|from)\s+(?:the\s+|our\s+|my\s+)?|[给向跟对为替])?"
)
_POSSESSIVE = re.compile(
    r"(?:['’]s?)?(?:\s+(?:(?:last|latest|most\s+recent|newest|recent|open|unanswered)\s+)?"
    r"(?:e-?mail|mail|message)(?![\w-]))?|的(?:上一封|最近的?|最新的?|那封)?(?:邮件|信|微信|消息)",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"^(?:在吗|在么|你好|您好|hi|hello|hey)(?![\w-])[\s,，。.!！?？]*", re.IGNORECASE
)


@dataclass(frozen=True)
class Named:
    """A name in the wish: what was typed, where, and what it may stand for, best first.

    王总 and contact:12 are people, whoever they are; a name that nobody has stands for nothing.
    """

    text: str
    span: tuple[int, int]
    things: tuple[NamedThing, ...] = ()
    is_ambiguous: bool = False
    is_person: bool = False

    @property
    def is_known(self) -> bool:
        """Say whether it can stand for anything."""
        return self.is_person or bool(self.things)

    @property
    def is_contact(self) -> bool:
        """Say whether a person at a customer may be meant."""
        return self.is_person or any(one.dimension == "contact" for one in self.things)

    @property
    def is_colleague(self) -> bool:
        """Say whether only somebody of ours is meant."""
        return bool(self.things) and all(one.dimension == "owner" for one in self.things)


@dataclass(frozen=True)
class Wish:
    """What a wish says of the draft; what it leaves open is None or empty.

    `names` are the addressees in their order: contacts first as far as they are known to be.
    `said_channel` is False where mail is only the usual way.
    """

    kind: DraftKind | None
    channel: Channel
    said_channel: bool
    is_proposal: bool
    language: Language | None
    purpose: str
    names: tuple[Named, ...]
    is_joint: bool = False


def read_wish(
    text: str, index: NameIndex, *, periods: Sequence[tuple[int, int]] = ()
) -> Wish | None:
    """Return the wish for a draft that the text is, None for anything else.

    A request to send with nothing to say is none: that is declined as before. `periods` are the
    character spans of times, which are no names.
    """
    names = _names(text, index, periods)
    masked = _masked(text, [one.span for one in names])
    languages: tuple[Language, ...] = ("zh", "en") if has_han(masked) else ("en",)
    for known in languages:
        head = find_chinese(masked) if known == "zh" else find_english(masked)
        if head is not None:
            return _Described(text, masked, head, names, known).wish()
    return None


def may_be_wish(text: str) -> bool:
    """Say whether any word of a wish is in the text at all; most questions hold none."""
    return any(
        pattern(language, "make", "act", "send", "thing").search(text)
        for language in (("zh", "en") if has_han(text) else ("en",))
    )


def _names(text: str, index: NameIndex, periods: Sequence[tuple[int, int]]) -> list[Named]:
    linked = find_names(text, index, exclude_spans=periods)
    found = [_named(text, mention) for mention in linked.mentions if _may_be_addressed(mention)]
    taken = [one.span for one in found]
    for match in (*HONOURED.finditer(text), *_BY_ID.finditer(text)):
        if not overlaps(*match.span(), taken):
            found.append(Named(match[0], match.span(), is_person=True))
    taken = [*(one.span for one in found), *periods]
    for unknown in unknown_names(text, linked, taken):
        at = text.find(unknown)
        if at >= 0 and not overlaps(at, at + len(unknown), taken):
            found.append(Named(unknown, (at, at + len(unknown))))
    return sorted(found, key=lambda one: one.span)


def _may_be_addressed(mention: NameMention) -> bool:
    return any(one.dimension in _ADDRESSED for one in mention.candidates)


def _named(text: str, mention: NameMention) -> Named:
    things = tuple(one for one in mention.candidates if one.dimension in _ADDRESSED)
    polite = _LATIN_HONOURED.search(text[: mention.span[0]])
    span = (polite.start() if polite else mention.span[0], mention.span[1])
    return Named(text[slice(*span)], span, things, mention.ambiguous)


def _masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + NAME * (end - start) + text[end:]
    return text


@dataclass(frozen=True)
class _Described:
    """A wish whose head was found, being read for everything else that it says."""

    original: str
    text: str
    head: Head
    names: Sequence[Named]
    language: Language

    def wish(self) -> Wish:
        addressed = self._addressed()
        channel, said = self._channel()
        is_proposal = self.head.meaning == PROPOSAL
        return Wish(
            kind=None if is_proposal else self._kind(),
            channel=channel,
            said_channel=said,
            is_proposal=is_proposal,
            language=self._language_wanted(),
            purpose=self._purpose(addressed),
            names=tuple(addressed),
            is_joint=self._is_joint(addressed),
        )

    @property
    def _tail_at(self) -> int:
        """Where the wish stops saying what is wanted and begins to say what about."""
        found = pattern(self.language, "about").search(self.text, self.head.end)
        while found is not None and self._only_addresses(found):
            found = pattern(self.language, "about").search(self.text, found.end())
        return found.start() if found else len(self.text)

    def _only_addresses(self, found: re.Match[str]) -> bool:
        """Say whether "to", "with" or 向 only leads to a name, or names the way."""
        rest = self.text[found.end() :].lstrip()
        ways = pattern(self.language, "channels", "languages")
        return rest.startswith(NAME) or ways.match(rest) is not None

    def _addressed(self) -> list[Named]:
        tail = self._tail_at
        known = [one for one in self.names if one.is_known]
        early = [one for one in self.names if one.span[0] < tail]
        people = [one for one in known if one.is_contact]
        first = [one for one in people if one.span[0] < tail] or people
        rest = [one for one in known if one not in first]
        if first:
            return [*first, *(one for one in rest if not one.is_colleague)]
        return [*early, *(one for one in rest if one not in early)]

    def _is_joint(self, addressed: Sequence[Named]) -> bool:
        people = sorted((one for one in addressed if one.is_contact), key=lambda one: one.span)
        pairs = pairwise(people)
        return any(_JOINED.match(self.text[a.span[1] : b.span[0]]) for a, b in pairs)

    def _kind(self) -> DraftKind | None:
        if self.head.meaning in set(DraftKind):
            return DraftKind(self.head.meaning)
        for part in (self.text[: self._tail_at], self.text):
            for key in words(self.language)["kinds"]:
                if pattern(self.language, "kinds", key=key).search(part):
                    return DraftKind(key)
        return None

    def _channel(self) -> tuple[Channel, bool]:
        head = self.text[: self._tail_at]
        for known in dict.fromkeys([self.language, "en"]):
            found = pattern(known, "channels").search(head)
            if found is None and known == "en":
                found = re.search(r"\b(?:on|via|by|over)\s+(slack|wechat|email)\b", self.text, re.I)
                if found:
                    return Channel(found[1].lower()), True
            if found is not None:
                return Channel(meaning(known, "channels", found[0])), True
        return Channel.EMAIL, False

    def _language_wanted(self) -> Language | None:
        for known in dict.fromkeys([self.language, "en"]):
            explicit = re.compile(
                r"\b(?:in|into)\s+(?:simplified\s+)?(chinese|mandarin|english)\b", re.IGNORECASE
            )
            found = explicit.search(self.text) if known == "en" else None
            if found is not None:
                return "en" if found[1].lower() == "english" else "zh"
            found = pattern(known, "languages").search(self.text[: self._tail_at])
            if found is not None:
                return "en" if meaning(known, "languages", found[0]) == "en" else "zh"
        return None

    def _purpose(self, addressed: Sequence[Named]) -> str:
        spans = [(self.head.start, self.head.end)]
        for one in addressed:
            lead = re.search(_PREPOSITION + "$", self.text[: one.span[0]], re.IGNORECASE)
            end = _POSSESSIVE.match(self.text, one.span[1])
            spans.append((lead.start() if lead else one.span[0], end.end() if end else one.span[1]))
        ways = re.compile(
            r"\b(?:in|into)\s+(?:simplified\s+)?(?:chinese|mandarin|english)\b"
            r"|\b(?:on|via|by|over)\s+(?:slack|wechat|e-?mail)\b|用(?:中文|英文|英语)",
            re.IGNORECASE,
        )
        spans += [match.span() for match in ways.finditer(self.text)]
        kept = "".join(
            " " if any(start <= at < end for start, end in spans) else char
            for at, char in enumerate(self.original)
        )
        return _trimmed(kept)


def _trimmed(text: str) -> str:
    """Return what is left as a phrase: one line, without words that only led to a name."""
    openers = re.compile(
        rf"^(?:{alternation('en', 'openers')}|{alternation('zh', 'openers')})[\s,，]*",
        re.IGNORECASE,
    )
    text = re.sub(r"\s*[，,；;。.]\s*(?=[，,；;。.]|$)", "", " ".join(text.split()))
    before = None
    while before != text:
        before = text
        text = _GREETING.sub("", text.strip(_EDGES))
        text = _TRAILING.sub("", _LEADING.sub("", openers.sub("", text)))
    return text[:MOST_PURPOSE] if len(text) > 1 else ""
