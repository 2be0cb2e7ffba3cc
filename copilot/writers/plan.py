"""Plans a letter before it is written: which facts each of its sentences rests on."""

import re
from collections.abc import Mapping, Sequence

from copilot.grounding.dates import find_dates
from copilot.grounding.sentences import CitedSentence
from copilot.writers.evidence import DraftEvidence
from copilot.writers.turns import is_commitment
from crm.facts import Fact, FactKind
from crm.index.terms import query_terms, terms_of
from prompts.library import Language

MAX_ITEMS = 5
_ENOUGH = 2
_RELATIVE = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|this|next|last|coming)\b|[今明昨后前][天日晚]|^[上下本这]",
    re.IGNORECASE,
)
# Never quoted back by code: orders to us, and terms that only a person may repeat.
_UNQUOTABLE = re.compile(
    r"ignore|instruction|\brules?\b|prompt|discount|free of charge|price list|%"
    r"|忽略|指令|规则|折扣|免费",
    re.IGNORECASE,
)
_QUOTING = {
    "en": {True: "You said: “{words}.”", False: "Our answer: “{words}.”"},
    "zh": {True: "您谈到：“{words}。”", False: "我方答复：“{words}。”"},
}
_LABELS = {
    "en": ("THE CUSTOMER SAID", "WE SAID", "OUR RECORDS"),
    "zh": ("客户说", "我方说", "我方记录"),
}


def plan_items(evidence: DraftEvidence, purpose: str) -> list[tuple[str, ...]]:
    """Return the ids of the facts of each sentence: a customer's words with our answer to them.

    A quote makes a sentence where the purpose asks for it, any record where the conversation
    gives less than two.
    """
    items = _exchanges(evidence)
    if len(items) > MAX_ITEMS:
        # Our remarks that answer nobody are the first to go.
        items = sorted(items, key=lambda item: item[0] not in evidence.outside)[:MAX_ITEMS]
        items.sort(key=lambda item: int(item[0][1:]))
    wanted = set(query_terms(purpose))
    talk_id = evidence.talk.id if evidence.talk else ""
    for fact in _records(evidence.facts):
        # Our tasks are not for the customer's eyes; a quote is, where the purpose names it.
        is_quote = fact.source.startswith("quote:")
        is_wanted = is_quote and bool(wanted.intersection(terms_of(fact.text)))
        if fact.id != talk_id and (is_wanted or len(items) < _ENOUGH) and len(items) < MAX_ITEMS:
            items.append((fact.id,))
    return items


def show_item(item: tuple[str, ...], evidence: DraftEvidence, language: Language) -> str:
    """Return an item as the model sees it: one line for each fact, with who said it."""
    facts = {fact.id: fact for fact in evidence.facts}
    return "\n".join(_shown(each, facts, evidence, language) for each in item)


def is_quotable(item: tuple[str, ...], evidence: DraftEvidence) -> bool:
    """Say whether code may quote an item: it opens with the customer's words and orders nothing."""
    texts = [fact.text for fact in evidence.facts if fact.id in item]
    return item[0] in evidence.outside and not any(map(_UNQUOTABLE.search, texts))


def quoted_words(
    item: tuple[str, ...], evidence: DraftEvidence, language: Language
) -> CitedSentence:
    """Return an item as a sentence that quotes it, relative days resolved or left out."""
    facts = {fact.id: fact for fact in evidence.facts}
    parts = []
    for each in item:
        words = _shown(each, facts, evidence, language).partition(": ")[2].rstrip(" .。")
        theirs = each in evidence.outside
        parts.append(_QUOTING[language][theirs].format(words=words))
    return CitedSentence(text=("" if language == "zh" else " ").join(parts), facts=item)


def _exchanges(evidence: DraftEvidence) -> list[tuple[str, ...]]:
    items: list[tuple[str, ...]] = []
    for fact in evidence.facts:
        if fact.kind not in {FactKind.SEGMENT, FactKind.EMAIL}:
            continue
        is_ours = fact.id not in evidence.outside
        if is_ours and items and len(items[-1]) == 1 and items[-1][0] in evidence.outside:
            items[-1] = (*items[-1], fact.id)
        else:
            items.append((fact.id,))
    texts = {fact.id: fact.text for fact in evidence.facts}
    return [item for item in items if item[0] in evidence.outside or is_commitment(texts[item[0]])]


def _records(facts: Sequence[Fact]) -> list[Fact]:
    records = [fact for fact in facts if fact.kind not in {FactKind.SEGMENT, FactKind.EMAIL}]
    return [*records[1:], *records[:1]]  # the deal itself comes last: least for the customer's eyes


def _dated(words: str, fact: Fact, language: Language) -> str:
    """Put the day for "tomorrow" and 下周四: by the time of the letter they mean another one."""
    if fact.as_of is None:
        return words
    mentions, _ = find_dates(words, fact.as_of.date())
    for mention in reversed(mentions):
        day = mention.stated[0].start
        if not _RELATIVE.search(mention.raw):
            continue
        shown = f"{day.month}月{day.day}日" if language == "zh" else f"on {day.day} {day:%B}"
        # "this week" of a past talk cannot be put into one day; without it the promise still holds.
        shown = "" if mention.is_vague else shown
        words = words[: mention.start] + shown + words[mention.end :]
    return re.sub(r"\s+([.,;!?])", r"\1", re.sub(r"\bon on\b", "on", " ".join(words.split())))


def _shown(
    fact_id: str, facts: Mapping[str, Fact], evidence: DraftEvidence, language: Language
) -> str:
    fact = facts[fact_id]
    customer, ours, record = _LABELS[language]
    text = " ".join(fact.text.split())
    if fact.kind not in {FactKind.SEGMENT, FactKind.EMAIL}:
        return f"{record}: {text}"
    _, _, quote = text.partition("“" if language == "zh" else ': "')
    words = _dated((quote or text).rstrip("”" + '"'), fact, language)
    return f"{customer if fact_id in evidence.outside else ours}: {words}"
