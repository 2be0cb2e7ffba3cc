"""Checks that every part of a sentence has a basis: added parts of which no fact says a word."""

import re
from collections.abc import Sequence

from copilot.grounding.clauses import words_of
from copilot.grounding.names import find_names, fold, is_titled_as, stands_in
from copilot.grounding.quantities import find_quantities
from copilot.grounding.sentences import Problem, ProblemKind
from copilot.grounding.spoken import read_said
from crm.facts import Fact

_PARTS = re.compile(r"[,;:]\s+|[，；：]|\s[-–—]\s|\band\b(?! (?:a half|month|year)\b)|并且|并|而且")
_TALK = re.compile(
    r"\b(?:speak|talk\w*|know|knew|estimate|told|tell|said|say|wrote|write|explain\w*|mention\w*"
    r"|discuss\w*|call|meet\w*|thank\w*|hope|glad|happy|exact|question\w*|understand|see|reply"
    r"|answer|email|mail|message|conversation|words?|point|please|let me|let us|interest\w*"
    r"|sounds?|sense|appreciate\w*|look\w* forward|context|regard\w*|follow\w*|respectively)\b"
    r"|跟进|回顾|想跟|写信|来信|打扰|聊|讲|说|告诉|提|谢|理解|希望|期待|沟通|明白|欢迎|联系|回复|答复|交流|请|了解|清楚|介绍"
    r"|推后|提前|方便|谈|往来|如下|以下|对接|考虑|打算|鼓舞|开心|难怪|这样|看来|另一方面|一点|要求"
    r"|\b(?:on the other hand|afraid|doubt|therefore|this way|as well|accordingly|for that)\b",
    re.IGNORECASE,
)
_ENOUGH_WORDS = 3
_DAY_WORDS = re.compile(r"\d|[一二三四五六七八九十]月|周[一二三四五六日]|[A-Z][a-z]+day\b")


def check_basis(sentence: str, cited: Sequence[Fact]) -> list[Problem]:
    """Return a problem if a part of the sentence shares no word with the cited facts.

    Only later parts count, and only where facts and sentence are in one script: the first part is
    judged by the other checks. Parts that only speak of talking are free.
    """
    if not cited or sentence.rstrip().endswith(("?", "？")):
        return []
    if any(_is_han(fact.text) != _is_han(sentence) for fact in cited):
        return []
    known = frozenset[str]().union(*(words_of(fact.text) for fact in cited))
    for part in _PARTS.split(sentence)[1:]:
        words = words_of(part or "")
        if len(words) < _ENOUGH_WORDS or words & known or _TALK.search(part):
            continue
        if _shares_characters(part, cited):
            continue
        if not _DAY_WORDS.search(part) and not find_quantities(part)[0]:
            return [Problem(ProblemKind.CITATION, part.strip()[:60])]
    return []


_PLAIN = frozenset("不再后前之时间的了是在和与您我们你也都就会将要这那有没一个上下中为已还很")
_SHARED = 0.34


def _shares_characters(part: str, cited: Sequence[Fact]) -> bool:
    """Say whether a third of the Chinese characters that tell something stand in the facts."""
    told = set(re.findall(r"[\u4e00-\u9fff]", part)) - _PLAIN
    known = {char for fact in cited for char in fact.text}
    return bool(told) and len(told & known) >= _SHARED * len(told)


def _is_han(text: str) -> bool:
    return 2 * len(re.findall(r"[\u4e00-\u9fff]", text)) > len(re.findall(r"[A-Za-z]{2,}", text))


_VOCATIVE_BEFORE = re.compile(
    r"(?:^|[,，]|\b(?:hi|hello|dear|thanks?|thank you|you)|谢谢|感谢)\W*$", re.I
)
_VOCATIVE_AFTER = re.compile(r"\s*(?:[,，!！.。:：]|$|您|你)")


def check_persons_named(
    sentence: str, cited: Sequence[Fact], free_names: Sequence[str]
) -> list[Problem]:
    """Return a problem if sender or recipient is named where the facts name somebody else.

    They need no fact when they are addressed; told of like a third person, they need one.
    """
    if not cited:
        return []
    facts = fold(" ".join(fact.text for fact in cited))
    speakers = [said.who for fact in cited if (said := read_said(fact)) is not None]
    for name in free_names:
        for shown in {name, *name.split()} if " " in name else {name}:
            match = re.search(
                rf"(?<![\w]){re.escape(shown)}(?![\w])" if shown.isascii() else re.escape(shown),
                sentence,
            )
            if match is None or len(shown) < 2 or stands_in(shown, facts):
                continue
            is_vocative = _VOCATIVE_BEFORE.search(
                sentence[: match.start()]
            ) and _VOCATIVE_AFTER.match(sentence[match.end() :])
            if is_vocative or is_titled_as(shown, speakers):
                continue
            if _names_somebody(cited):
                return [Problem(ProblemKind.NAME, shown)]
    return _titled(sentence, facts, free_names, speakers, cited)


_TITLED = re.compile(
    r"[\u4e00-\u9fff](?:总|经理|先生|女士|主任|工)(?![\u4e00-\u9fff]{0,2}[，,：:]|您|监|价|额)"
)


def _titled(
    sentence: str,
    facts: str,
    free_names: Sequence[str],
    speakers: Sequence[str],
    cited: Sequence[Fact],
) -> list[Problem]:
    for match in _TITLED.finditer(sentence):
        name = match.group()
        is_free = is_titled_as(name, free_names) and match.start() > 0
        is_known = name[0] in facts or is_titled_as(name, speakers)
        if is_free and not is_known and _names_somebody(cited):
            return [Problem(ProblemKind.NAME, name)]
    return []


_PERSON = re.compile(
    r"\b(?:for|to|of|with|from) [A-Z][a-z]+ [A-Z][a-z]+|[给由向与][\u4e00-\u9fff]{2,3}"
)


def _names_somebody(cited: Sequence[Fact]) -> bool:
    return any(
        read_said(fact) is not None or _PERSON.search(fact.text) or find_names(fact.text, ())
        for fact in cited
    )
