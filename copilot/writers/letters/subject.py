"""The subject of a letter: what it is about, as specific as the evidence allows."""

import re

from copilot.grounding.pack.asked import Channel, DraftKind
from copilot.grounding.pack.hostile import orders_the_writer
from copilot.grounding.pack.model import DraftEvidence, Role
from copilot.writers.letters.records import INTERNAL, offer_number
from crm.models import ConversationKind
from tools.language import Language

_ANSWERED = re.compile(r"^(?:(?:re|aw|sv|fwd?|回复|答复|转发)\s*[:：]\s*)+", re.IGNORECASE)
# A title that ends so has lost what followed.
_LOOSE = re.compile(r"^.*\b(?:from|for|with|to|of|by|about)$|^\W*$", re.IGNORECASE)
_MOST = 90
_NO_SUMMARY: dict[Language, str] = {"en": "{topic}: next steps", "zh": "{topic}：下一步"}
_PHRASES: dict[Language, dict[DraftKind, str]] = {
    "en": {
        DraftKind.FOLLOW_UP: "{topic}: summary and next steps",
        DraftKind.REPLY: "{topic}: your questions",
        DraftKind.NUDGE: "{topic}: a short question",
        DraftKind.MEETING_REQUEST: "{topic}: time for a short call?",
        DraftKind.RE_ENGAGEMENT: "{topic}: still of interest?",
        DraftKind.RENEWAL: "{topic}: your renewal",
        DraftKind.PROPOSAL_COVER: "{topic}: our proposal",
        DraftKind.COLD_OUTREACH: "A short question for {company}",
    },
    "zh": {
        DraftKind.FOLLOW_UP: "{topic}：沟通要点与下一步",
        DraftKind.REPLY: "{topic}：答复您的问题",
        DraftKind.NUDGE: "{topic}：想请教一个问题",
        DraftKind.MEETING_REQUEST: "{topic}：约个时间沟通",
        DraftKind.RE_ENGAGEMENT: "{topic}：近况如何",
        DraftKind.RENEWAL: "{topic}：续约",
        DraftKind.PROPOSAL_COVER: "{topic}：方案与报价",
        DraftKind.COLD_OUTREACH: "想向{company}请教一个问题",
    },
}


def subject_of(evidence: DraftEvidence) -> str:
    """Return the subject: a reply keeps its thread's, chat messages have none.

    Only names and numbers from records are in it.
    """
    if evidence.channel is not Channel.EMAIL:
        return ""
    language = evidence.language
    if evidence.answered is not None and _is_fit(_bare(evidence.answered.subject)):
        lead = "回复：" if language == "zh" else "Re: "
        return f"{lead}{_bare(evidence.answered.subject)}"
    company = evidence.recipient.company or evidence.subject_of
    topic = _topic(evidence)
    number = offer_number(evidence)
    if number and evidence.kind in {DraftKind.NUDGE, DraftKind.PROPOSAL_COVER}:
        topic = f"{topic} ({number})" if language == "en" else f"{topic}（{number}）"
    phrase = _PHRASES[language][evidence.kind]
    if evidence.kind is DraftKind.FOLLOW_UP and not _talk_title(evidence):
        phrase = _NO_SUMMARY[language]
    return phrase.format(topic=topic, company=" ".join(company.split())[:_MOST])


def _is_fit(subject: str) -> bool:
    return bool(subject) and not orders_the_writer(subject)


def _bare(subject: str) -> str:
    return _ANSWERED.sub("", " ".join(subject.split())).strip()


def _topic(evidence: DraftEvidence) -> str:
    """Return what the letter is about: their last mail's subject, else the deal without the name.

    The title of a call is a note of our own, which the customer has never seen.
    """
    company = (evidence.recipient.company or "").strip()
    is_seen = evidence.talk_kind in {ConversationKind.EMAIL.value, ConversationKind.MEETING.value}
    if is_seen and evidence.kind in {DraftKind.FOLLOW_UP, DraftKind.RE_ENGAGEMENT}:
        title = _talk_title(evidence)
        told = _without(title, company)
        # Titles are our own notes: some are not for the customer's eyes.
        if told and told != title and len(told) <= _MOST and not INTERNAL.search(told):
            return _capital(told)
    named = " ".join(evidence.subject_of.split())
    rest = _without(named, company)
    # A running number behind a deal's name is ours, not the customer's.
    topic = re.sub(r"\s+#?\d{1,6}$", "", rest or named).strip() or named
    return _capital(topic)[:_MOST]


def _talk_title(evidence: DraftEvidence) -> str:
    talk = next((piece for piece in evidence.pieces if piece.role is Role.TALK), None)
    found = re.search(r"《([^》]+)》|“([^”]+)”|\"([^\"]+)\"", talk.fact.text) if talk else None
    return next((group for group in found.groups() if group), "") if found else ""


def _without(title: str, company: str) -> str:
    """Return the title without the company and the sign in front or behind it."""
    named, rest = _split(title)
    if company and rest and (named in company or company in named):
        return rest
    if company and company in title:
        title = title.replace(company, "", 1)
    return _LOOSE.sub("", title.strip(" :：-–—|,，·/")).strip(" :：-–—|,，·/")


def _split(title: str) -> tuple[str, str]:
    parts = re.split(r"\s*[:：|]\s*|\s+[–—-]\s+", title, maxsplit=1)
    return (parts[0].strip(), parts[1].strip()) if len(parts) == 2 else (title, "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
