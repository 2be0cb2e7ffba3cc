"""The question a letter ends with, by code: one that is easy to answer and states nothing."""

from collections.abc import Mapping

from copilot.grounding.pack.asked import Channel, DraftKind
from copilot.grounding.pack.model import DraftEvidence, Role
from copilot.grounding.sentences import CitedSentence
from tools.language import Language

_ASKS: Mapping[Language, Mapping[DraftKind, str]] = {
    "en": {
        DraftKind.FOLLOW_UP: "Would a short call next week suit you to go through the open points?",
        DraftKind.REPLY: "Does this answer your questions, or shall we go through it on a "
        "short call?",
        DraftKind.NUDGE: "Is anything from our side still missing for your decision?",
        DraftKind.MEETING_REQUEST: "Would a short call next week suit you, and on which day?",
        DraftKind.RE_ENGAGEMENT: "Is this still a topic for you, or should I ask again later?",
        DraftKind.RENEWAL: "Is there anything you would like to change in what you use before we "
        "renew, and when would suit you for a short call about it?",
        DraftKind.PROPOSAL_COVER: "When would suit you to go through it together?",
        DraftKind.COLD_OUTREACH: "Would a short call be worth your time, to see whether this is "
        "relevant for you?",
    },
    "zh": {
        DraftKind.FOLLOW_UP: "您看下周方便通个电话，把剩下的问题过一遍吗？",
        DraftKind.REPLY: "不知以上是否解答了您的问题？如果还有疑问，您看什么时候方便通个电话？",
        DraftKind.NUDGE: "为了方便您做决定，还有什么要我们补充的吗？",
        DraftKind.MEETING_REQUEST: "您看下周哪天方便，我们约个简短的电话？",
        DraftKind.RE_ENGAGEMENT: "请问这件事您现在还在考虑吗，还是过段时间再联系您比较合适？",
        DraftKind.RENEWAL: "续约之前，目前用下来有没有希望调整的地方？"
        "您看什么时候方便，我们通个电话聊聊？",
        DraftKind.PROPOSAL_COVER: "您看什么时候方便，我们一起过一遍？",
        DraftKind.COLD_OUTREACH: "不知您是否愿意抽时间通个简短的电话，看看对贵司有没有帮助？",
    },
}
_CHAT: Mapping[Language, Mapping[DraftKind, str]] = {
    "en": {
        DraftKind.FOLLOW_UP: "Shall we have a quick call next week?",
        DraftKind.REPLY: "Does that help?",
        DraftKind.NUDGE: "Is anything still missing from our side?",
        DraftKind.MEETING_REQUEST: "Would a quick call next week work for you?",
        DraftKind.RE_ENGAGEMENT: "Is this still a topic for you?",
        DraftKind.RENEWAL: "When could we have a quick call about the renewal?",
        DraftKind.PROPOSAL_COVER: "When shall we go through it?",
        DraftKind.COLD_OUTREACH: "Would a quick call be worth your time?",
    },
    "zh": {
        DraftKind.FOLLOW_UP: "您看下周方便通个电话吗？",
        DraftKind.REPLY: "您看这样清楚吗？",
        DraftKind.NUDGE: "还有什么要我补充的吗？",
        DraftKind.MEETING_REQUEST: "您看下周哪天方便通个电话？",
        DraftKind.RE_ENGAGEMENT: "请问这件事您现在还在考虑吗？",
        DraftKind.RENEWAL: "您看什么时候方便聊聊续约的事？",
        DraftKind.PROPOSAL_COVER: "您看什么时候方便一起过一遍？",
        DraftKind.COLD_OUTREACH: "不知您是否方便通个简短的电话？",
    },
}
_ABOUT_OFFER = {
    "en": "Do you have any questions about the quote?",
    "zh": "报价方面，您还有什么疑问吗？",
}


_NOTHING_ANSWERED = {
    "en": "Would anything else help you in the meantime?",
    "zh": "在此期间，还有什么要我们补充的吗？",
}


def closing_question(
    evidence: DraftEvidence, *, has_meeting: bool, has_answered: bool
) -> CitedSentence | None:
    """Return the letter's question; none where the next meeting is agreed already."""
    if has_meeting and evidence.kind in {DraftKind.FOLLOW_UP, DraftKind.REPLY}:
        return None
    language = evidence.language
    has_offer = any(piece.role is Role.OFFER for piece in evidence.pieces)
    if evidence.kind is DraftKind.NUDGE and has_offer:
        return CitedSentence(text=_ABOUT_OFFER[language])
    if evidence.kind is DraftKind.REPLY and not has_answered:
        return CitedSentence(text=_NOTHING_ANSWERED[language])
    table = _ASKS if evidence.channel is Channel.EMAIL else _CHAT
    return CitedSentence(text=table[language][evidence.kind])
