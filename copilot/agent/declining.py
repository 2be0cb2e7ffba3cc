"""What is declined before any model sees it: for whom, on which words, and what is said then.

Access by code keeps the data back; this only makes a polite and useful answer of it. What is said
depends on the words of the question and the caller's role, never on what there is.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

import yaml

from copilot.agent.contract import Status
from crm.principal import Principal, Role
from tools.language import Language, detect_language


class Topic(StrEnum):
    """What a declined question asks for, in the order in which it is looked for."""

    ORDERS = "orders"
    OVERRIDES = "overrides"
    SECRETS = "secrets"
    COMPETITOR_TERMS = "competitor_terms"
    PRIVATE = "private"
    OTHERS = "others"
    PERSONAL = "personal"
    OPERATIONS = "operations"
    KNOWLEDGE = "knowledge"
    ANCHORED = "anchored"
    KEPT_BACK = "kept_back"
    ACTS = "acts"
    GENERAL = "general"


_FOR_ALL = (Topic.ORDERS, Topic.SECRETS, Topic.COMPETITOR_TERMS, Topic.PRIVATE)
_OUTSIDE = (
    *_FOR_ALL,
    Topic.OVERRIDES,
    Topic.OTHERS,
    Topic.PERSONAL,
    Topic.OPERATIONS,
    Topic.KNOWLEDGE,
)
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
# What is asked about a talk or a mail is answered from it, whatever it was about.
_SAID = re.compile(
    r"\b(?:sa(?:y|id|ys)|mention\w*|ask(?:ed|s)? (?:about|for|us)|discuss\w*|talk\w*|rais(?:e|ed)|"
    r"complain\w*|worr\w+|request\w*|call|calls|meeting|meetings|e-?mails?|transcript|write|wrote|"
    r"cases?|tickets?|deals?|opportunit\w+|objections?|concerns?)\b"
    r"|说|提到|谈|聊|讲|问到|反馈|顾虑|异议|担心|抱怨|要求|邮件|通话|会议|电话会|工单|商机",
    re.IGNORECASE,
)


def is_outside(principal: Principal) -> bool:
    """Say whether this is nobody of our company: a customer, a visitor or a partner."""
    return principal.is_customer or principal.role is Role.PARTNER


def plain_words(question: str) -> str:
    """Return the question as patterns read it: one form of every letter, one space, lower case."""
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", question)).replace("’", "'")
    return " ".join(folded.split()).lower()


def topic_of(
    question: str,
    principal: Principal,
    rivals: Iterable[str] = (),
    *,
    but_for: Collection[Topic] = (),
) -> Topic | None:
    """Return what makes the question one to decline to this caller, None if nothing does.

    To colleagues only what nobody gets is declined by words, and but for orders to the copilot
    itself not where they ask what somebody said or wrote of it. `rivals` are names that stand for
    "competitor"; topics in `but_for` are let through.
    """
    words = plain_words(question)
    topics: tuple[Topic, ...] = _OUTSIDE if is_outside(principal) else _FOR_ALL
    if not is_outside(principal) and _SAID.search(words):
        topics = (Topic.ORDERS,)
    named = next((rival for rival in rivals if rival and rival.lower() in words), None)
    if named is not None:
        words = words.replace(named.lower(), "competitor 竞争对手")
    looked_for = (topic for topic in topics if topic not in but_for)
    return next((topic for topic in looked_for if speaks_of(topic, words)), None)


def speaks_of(topic: Topic, words: str) -> bool:
    """Say whether plain words match the patterns of a topic, in either language."""
    return any(_pattern(topic, language).search(words) for language in ("en", "zh"))


def declined(topic: Topic, question: str, principal: Principal) -> dict[str, Any]:
    """Return the graph's state of a declined question: no fact, no name, no candidate."""
    language = detect_language(question)
    said = _words(language)["said"]
    first = said["sentences"].get(topic.value, said["sentences"]["general"])
    return {
        "status": Status.DECLINED.value,
        "language": language,
        "interpretation": "",
        "facts": [],
        "sentences": [{"text": one, "facts": []} for one in (first, instead(language, principal))],
        "dropped": [],
        "candidates": [],
        "needs_model": False,
        "relevant": [],
        "names": [],
        "draft": None,
    }


def instead(language: Language, principal: Principal) -> str:
    """Return what this caller can have, and whom to ask for the rest."""
    said: str = _words(language)["said"]["instead"][_audience(principal)]
    return said


def settled(state: dict[str, Any], principal: Principal) -> dict[str, Any]:
    """Return the end of a question as its caller may see it.

    To somebody outside, what does not exist, what he may not read and what was not understood are
    one and the same ending: nothing can be learned from which of them it was.
    """
    if state["status"] in {Status.ANSWERED, Status.DECLINED} or not is_outside(principal):
        return state
    topic = topic_of(state["question"], principal) or Topic.GENERAL
    return {**state, **declined(topic, state["question"], principal)}


def _audience(principal: Principal) -> str:
    if principal.is_customer:
        return "visitor" if principal.contact_id is None else "customer"
    return "partner" if principal.role is Role.PARTNER else "colleague"


@cache
def _pattern(topic: Topic, language: Language) -> re.Pattern[str]:
    # The lines of the file are joined by a space; the next alternative begins with a bar.
    return re.compile(re.sub(r"\s+\|", "|", _words(language)[topic.value]), re.IGNORECASE)


@cache
def _words(language: Language) -> dict[str, Any]:
    path = resources.files("copilot.agent") / "words" / f"declining.{language}.yaml"
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded
