"""The parts of a letter that code writes: subject, greeting, opening, sign-off, and the body."""

import re
from collections.abc import Sequence
from datetime import date

from copilot.grounding import lexicon
from copilot.grounding.sentences import CitedSentence
from copilot.writers.evidence import DraftEvidence, Recipient
from crm.models import ConversationKind
from prompts.library import Language

_RECENT_DAYS = 21
_PARAGRAPH = 3
_CHINESE_NAME = re.compile(r"[\u4e00-\u9fff]{2,4}")
_SENIOR = re.compile(
    r"总监|总经理|总裁|董事长|CEO|CTO|CFO|CIO|COO|VP|副总|首席|创始人|负责人|director|head|chief",
    re.I,
)
_COMPOUND = ("欧阳", "司马", "诸葛", "上官")
_THANKS = {
    "en": {
        ConversationKind.CALL: "Thank you for your time on our call on {day}.",
        ConversationKind.MEETING: "Thank you for your time at our meeting on {day}.",
        ConversationKind.EMAIL: "I am following up on our email exchange of {day}.",
        ConversationKind.CHAT: "I am following up on our chat of {day}.",
    },
    "zh": {
        ConversationKind.CALL: "感谢您{day}抽时间与我们通话。",
        ConversationKind.MEETING: "感谢您{day}抽时间与我们开会。",
        ConversationKind.EMAIL: "就{day}的往来邮件跟进如下。",
        ConversationKind.CHAT: "就{day}的沟通跟进如下。",
    },
}
_CLOSING = {
    "en": "Please let me know if I have missed anything.",
    "zh": "如有遗漏或需要补充的地方，请随时告诉我。",
}


def subject_line(evidence: DraftEvidence, language: Language) -> str:
    """Return the subject: the deal's name as the CRM has it, marked as a follow-up."""
    return (
        f"{evidence.subject_of}：后续跟进"
        if language == "zh"
        else f"{evidence.subject_of}: follow-up"
    )


def greeting(recipient: Recipient, language: Language) -> str:
    """Return the salutation: "Hi Priya," or 「王总，您好：」 where surname and title are known."""
    name = recipient.name.strip()
    if language == "zh":
        return f"{_addressed(name, recipient.title or '')}，您好：" if name else "您好："
    if not name or "@" in name:
        return "Hello,"
    return f"Hi {name}," if _CHINESE_NAME.fullmatch(name) else f"Hi {_first_name(name)},"


def _first_name(name: str) -> str:
    # "Raman, Priya" is written family name first.
    parts = [part.strip() for part in name.split(",")]
    words = (parts[1] if len(parts) == 2 and parts[1] else parts[0]).split()
    words = [word for word in words if word.rstrip(".").casefold() not in {"mr", "ms", "mrs", "dr"}]
    return words[0] if words else name


def _addressed(name: str, title: str) -> str:
    if not _CHINESE_NAME.fullmatch(name) or name[0] not in lexicon.SURNAMES:
        return name
    surname = name[:2] if name.startswith(_COMPOUND) else name[0]
    if _SENIOR.search(title):
        return f"{surname}总"
    return f"{surname}经理" if "经理" in title or "manager" in title.casefold() else name


def opening(evidence: DraftEvidence, *, language: Language, today: date) -> CitedSentence | None:
    """Return thanks for the last conversation if it was in the last three weeks."""
    talk, kind = evidence.talk, evidence.talk_kind
    if talk is None or talk.as_of is None or kind not in set(ConversationKind):
        return None
    day = talk.as_of.date()
    if not 0 <= (today - day).days <= _RECENT_DAYS:
        return None
    shown = f"{day.month}月{day.day}日" if language == "zh" else f"{day.day} {day:%B}"
    text = _THANKS[language][ConversationKind(kind)].format(day=shown)
    return CitedSentence(text=text, facts=(talk.id,))


def body(evidence: DraftEvidence, sentences: Sequence[CitedSentence], language: Language) -> str:
    """Return the whole letter: greeting, paragraphs of up to three sentences, closing, name."""
    gap = "" if language == "zh" else " "
    texts = [sentence.text for sentence in sentences]
    paragraphs = [
        gap.join(texts[start : start + _PARAGRAPH]) for start in range(0, len(texts), _PARAGRAPH)
    ]
    regards = "祝商祺" if language == "zh" else "Best regards,"
    return "\n\n".join(
        [
            greeting(evidence.recipient, language),
            *paragraphs,
            _CLOSING[language],
            f"{regards}\n{evidence.sender}",
        ]
    )
