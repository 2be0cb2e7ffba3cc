"""The first sentence of a letter, by code: thanks for the talk, or what we come back to."""

import re
from collections.abc import Mapping
from datetime import date

from copilot.grounding.pack.asked import Channel, DraftKind
from copilot.grounding.pack.model import DraftEvidence, Piece, Role
from copilot.grounding.sentences import CitedSentence
from copilot.writers.letters.quoting import shown_day
from crm.models import ConversationKind
from tools.language import Language

_RECENT_DAYS = 21
_YEAR_IS_CLEAR_DAYS = 150
_THANKS: Mapping[Language, Mapping[ConversationKind, str]] = {
    "en": {
        ConversationKind.CALL: "Thank you for your time on our call on {day}.",
        ConversationKind.MEETING: "Thank you for your time at our meeting on {day}.",
        ConversationKind.EMAIL: "I am following up on our emails of {day}.",
        ConversationKind.CHAT: "I am following up on our chat of {day}.",
    },
    "zh": {
        ConversationKind.CALL: "感谢您{day}抽时间与我们通话。",
        ConversationKind.MEETING: "感谢您{day}抽时间与我们开会。",
        ConversationKind.EMAIL: "关于{day}的邮件，想跟您沟通几点。",
        ConversationKind.CHAT: "想跟您接着聊一下{day}的话题。",
    },
}
_BACK: Mapping[Language, Mapping[ConversationKind, str]] = {
    "en": {
        ConversationKind.CALL: "I am coming back to our call on {day}.",
        ConversationKind.MEETING: "I am coming back to our meeting on {day}.",
        ConversationKind.EMAIL: "I am coming back to our email of {day}.",
        ConversationKind.CHAT: "I am coming back to our chat of {day}.",
    },
    "zh": {
        ConversationKind.CALL: "想跟您接着聊一下{day}的通话内容。",
        ConversationKind.MEETING: "想跟您接着聊一下{day}的会议内容。",
        ConversationKind.EMAIL: "想跟您跟进一下{day}的邮件。",
        ConversationKind.CHAT: "想跟您接着聊一下{day}的话题。",
    },
}
_SHORT: Mapping[Language, Mapping[ConversationKind, str]] = {
    "en": {
        ConversationKind.CALL: "thanks again for the call on {day}.",
        ConversationKind.MEETING: "thanks again for the meeting on {day}.",
        ConversationKind.EMAIL: "coming back to our email of {day}.",
        ConversationKind.CHAT: "coming back to our chat of {day}.",
    },
    "zh": {
        ConversationKind.CALL: "谢谢您{day}的通话。",
        ConversationKind.MEETING: "谢谢您{day}抽空开会。",
        ConversationKind.EMAIL: "想跟您跟进一下{day}的邮件。",
        ConversationKind.CHAT: "接着{day}聊的说。",
    },
}
_THEIR_MAIL = {
    "en": ("Thank you for your email of {day}.", "thanks for your message of {day}."),
    "zh": ("感谢您{day}的邮件。", "谢谢您{day}的消息。"),
}
_MESSAGE = re.compile(r"voicemail|voice message|语音留言|语音信箱", re.IGNORECASE)
_LEFT_MESSAGE = {
    "en": ("Thank you for your message of {day}.", "thanks for your message of {day}."),
    "zh": ("感谢您{day}的留言。", "谢谢您{day}的留言。"),
}
_NOTED = re.compile(r"(?:Last contact: |最近一次联系：).*?(?P<day>20\d\d-\d\d-\d\d)")
_CONTACT = {
    "en": ("I am following up on our contact of {day}.", "following up on our contact of {day}."),
    "zh": ("我们最近一次联系是在{day}。", "我们最近一次联系是{day}。"),
}
_WHAT: Mapping[Language, Mapping[ConversationKind, str]] = {
    "en": {
        ConversationKind.CALL: "call",
        ConversationKind.MEETING: "meeting",
        ConversationKind.EMAIL: "email",
        ConversationKind.CHAT: "chat",
    },
    "zh": {
        ConversationKind.CALL: "通话",
        ConversationKind.MEETING: "会议",
        ConversationKind.EMAIL: "邮件",
        ConversationKind.CHAT: "沟通",
    },
}
_LAST_TALK = {
    "en": ("Our last {what} was on {day}.", "our last {what} was on {day}."),
    "zh": ("想跟您接着聊一下{day}的{what}。", "想跟您接着聊一下{day}的{what}。"),
}
_LAST = {
    "en": ("Our last exchange was on {day}.", "it has been a while since {day}."),
    "zh": ("我们上次联系是在{day}。", "我们上次联系是{day}。"),
}


def opening_sentence(evidence: DraftEvidence) -> CitedSentence | None:
    """Return the sentence that says what the letter refers to, None where nothing was said yet."""
    is_chat = evidence.channel is not Channel.EMAIL
    if evidence.kind is DraftKind.REPLY and evidence.answered is not None:
        return _thanks_for_mail(evidence, is_chat)
    talk = talk_of(evidence)
    if talk is None or talk.fact.as_of is None:
        return _last_contact(evidence, is_chat)
    on, today = talk.fact.as_of.date(), evidence.as_of.date()
    kind = _kind(evidence.talk_kind)
    age = (today - on).days
    if age < 0 or kind is None:
        return None
    language = evidence.language
    day = _day(on, today, language)
    if _MESSAGE.search(talk.fact.text) and age <= _RECENT_DAYS:
        text = _LEFT_MESSAGE[language][is_chat].format(day=day)
    elif evidence.kind is DraftKind.RE_ENGAGEMENT or age > _RECENT_DAYS:
        what = _WHAT[language][kind]
        text = _LAST_TALK[language][is_chat].format(day=day, what=what)
    elif is_chat:
        text = _SHORT[language][kind].format(day=day)
    else:
        table = _THANKS if evidence.kind is DraftKind.FOLLOW_UP else _BACK
        text = table[language][kind].format(day=day)
    return CitedSentence(text=text, facts=(talk.fact.id,))


def _last_contact(evidence: DraftEvidence, is_chat: bool) -> CitedSentence | None:
    """Return the last contact that the CRM has noted, where no words of it are there to read."""
    language, today = evidence.language, evidence.as_of.date()
    for piece in evidence.pieces:
        noted = _NOTED.match(piece.fact.text) if piece.role is Role.EVENT else None
        if noted is None:
            continue
        on = date.fromisoformat(noted.group("day"))
        if on > today:
            return None
        is_recent = (today - on).days <= _RECENT_DAYS
        table = _CONTACT if is_recent and evidence.kind is not DraftKind.RE_ENGAGEMENT else _LAST
        text = table[language][is_chat].format(day=_day(on, today, language))
        return CitedSentence(text=text, facts=(piece.fact.id,))
    return None


def talk_of(evidence: DraftEvidence) -> Piece | None:
    """Return the piece of the last conversation."""
    return next((piece for piece in evidence.pieces if piece.role is Role.TALK), None)


def _thanks_for_mail(evidence: DraftEvidence, is_chat: bool) -> CitedSentence | None:
    answered = evidence.answered
    assert answered is not None  # noqa: S101  # asked before
    mine = {evidence.sender.name.casefold(), (evidence.sender.email or "").casefold()} - {""}
    source = f"conversation:{answered.conversation_id}"
    facts = [
        piece.fact.id
        for piece in evidence.pieces
        if piece.fact.source == source or piece.fact.source.startswith(f"{source}#")
    ]
    if not facts or answered.author.casefold() in mine:
        return None
    day = _day(answered.sent_at.date(), evidence.as_of.date(), evidence.language)
    text = _THEIR_MAIL[evidence.language][is_chat].format(day=day)
    return CitedSentence(text=text, facts=(facts[0],))


def _day(on: date, today: date, language: Language) -> str:
    shown = shown_day(on, language)
    if on.year == today.year and (today - on).days <= _YEAR_IS_CLEAR_DAYS:
        return shown
    return f"{on.year}年{shown}" if language == "zh" else f"{shown} {on.year}"


def _kind(value: str | None) -> ConversationKind | None:
    return ConversationKind(value) if value in set(ConversationKind) else None
