"""What the rep's own purpose adds to a letter: a sentence of hers, on her word alone."""

import re
from collections.abc import Mapping

from copilot.grounding.dates import find_dates, find_times
from copilot.grounding.pack.asked import DraftKind
from copilot.grounding.pack.model import DraftEvidence
from copilot.grounding.promises import content_words
from copilot.grounding.sentences import CitedSentence
from copilot.writers.scribe import Item
from crm.facts import Fact, FactKind
from tools.language import Language, detect_language

PURPOSE_SOURCE = "request:purpose"
_LABEL: Mapping[Language, str] = {"en": "AIM", "zh": "目的"}
_OPENINGS: Mapping[Language, tuple[str, ...]] = {
    "en": (
        "Could I ask ", "Could you ", "Could we ", "Would ", "Do you ", "Have you ", "Shall we ",
        "I would like to ",
    ),
    "zh": ("想请问您", "请问", "您看", "想跟您", "想告诉您", "想请您", "不知"),
}  # fmt: skip
# What only names the occasion: the letter's kind says it already.
_OCCASION = re.compile(
    r"\b(?:follow(?:ing)?[- ]?up|repl(?:y|ies)|answer(?:ing)?|nudge|remind(?:er)?"
    r"|check(?:ing)? in|touch base|write|draft|e?mails?|messages?|letter|note|calls?|meetings?"
    r"|talks?|yesterday['’]?s?|today['’]?s?|last week['’]?s?"
    r"|(?:mon|tues|wednes|thurs|fri)day['’]?s?|on|the|to|our|my|his|her|their|about|after|with|and|of|for|an?|last"
    r"|politely|kindly|please|short(?:ly)?|thank(?:s|ing)?|you|customer|client|from|in|renew(?:al)?|proposal|cover"
    r"|request|re-?engage(?:ment)?|introduc\w+|outreach|cold|send|again|get|back|him|them|questions?|this|that)\b"
    r"|跟进|回复|答复|回信|提醒|写|一封|一下|邮件|信|消息|微信|电话|会议|沟通|通话|昨天|今天|上周|周[一二三四五]"
    r"|的|了|请|给|客户|他们|他|她|并|和|关于|感谢|续约|方案|介绍|问题|封面|约|个|这|那|就",
    re.IGNORECASE,
)
# Only what asks or tells something is worded: the rest is for us, not for the customer.
_WISH = re.compile(
    r"\b(?:ask|propose|suggest|offer|invite|tell|inform|announce|request|find out|arrange"
    r"|let (?:him|her|them) know|(?:see|check) (?:if|whether)|mention|point out)\b"
    r"|问|请(?:他|她|您|对方|客户)|约|邀请|提议|建议|告诉|告知|介绍|说明",
    re.IGNORECASE,
)
_ABOUT_US = re.compile(
    r"\b(?:sum(?:marise|marize)?(?: up)?|recap|thank|answer|reply|what was agreed)\b"
    r"|总结|汇总|感谢|答复|回答|约定",
    re.IGNORECASE,
)
_FOR_A_TALK = re.compile(
    r"\b(?:calls?|meetings?|talk|chat|conversation|introduc\w+)\b|约|交流|会议|拜访|通话|介绍",
    re.IGNORECASE,
)
_LEAST_WORDS: Mapping[Language, int] = {"en": 2, "zh": 3}


def purpose_fact(evidence: DraftEvidence) -> Fact | None:
    """Return the rep's purpose as a fact of her own word, None where there is none."""
    text = " ".join(evidence.purpose.split())
    if not text:
        return None
    known = next((fact for fact in evidence.facts if fact.source == PURPOSE_SOURCE), None)
    return known or Fact(
        id=f"F{len(evidence.facts) + 1}",
        kind=FactKind.SETTING,
        text=text,
        as_of=evidence.as_of,
        source=PURPOSE_SOURCE,
    )


def aim_item(evidence: DraftEvidence, fact: Fact | None) -> Item | None:
    """Return the purpose as an item, None where it only names the occasion or another language."""
    if fact is None or detect_language(fact.text) != evidence.language:
        return None
    if not _WISH.search(fact.text) or _ABOUT_US.search(fact.text):
        return None
    # The closing question of such a letter asks for the talk already, and reads better.
    if evidence.kind is DraftKind.COLD_OUTREACH and _FOR_A_TALK.search(fact.text):
        return None
    rest = _OCCASION.sub(" ", fact.text)
    if len(content_words(rest)) < _LEAST_WORDS[evidence.language]:
        return None
    return Item(
        facts=(fact.id,),
        fallback=_proposal(fact, evidence),
        shown=f"{_LABEL[evidence.language]}: {fact.text}",
        openings=_OPENINGS[evidence.language],
    )


def _proposal(fact: Fact, evidence: DraftEvidence) -> CitedSentence | None:
    """Return the day and time in the purpose as a question, None where it names no day."""
    today = evidence.as_of.date()
    mentions, rest = find_dates(fact.text, today)
    days = [one for one in mentions if not one.is_vague and one.stated[0].start >= today]
    if len(days) != 1:
        return None
    times, _ = find_times(rest)
    at = times[0].raw if len(times) == 1 else ""
    if evidence.language == "zh":
        return CitedSentence(text=f"您看{days[0].raw}{at}方便吗？", facts=(fact.id,))
    text = f"Would {days[0].raw}{f' at {at}' if at else ''} suit you?"
    return CitedSentence(text=text, facts=(fact.id,))
