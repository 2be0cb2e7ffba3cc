"""Checks that praise of ourselves stands in a fact of our own."""

import re
from functools import cache

from copilot.grounding.commitments import REPORTED
from copilot.grounding.ground import Ground
from copilot.grounding.sentences import Problem, ProblemKind
from copilot.grounding.spoken import read_said
from copilot.grounding.wordlist import blank_words, load_table, pattern_of

_PRAISE_PARTS = re.compile(r"[;；。!！]|\.(?!\d)|[,，]")


def check_praise(sentence: str, ground: Ground) -> list[Problem]:
    """Return a problem if we praise ourselves in words that no fact of ours bears out."""
    table = _praise()
    bare = blank_words(sentence, table["except"])
    bare = re.sub(r"“[^”]*”|\"[^\"]*\"", " ", bare)
    outside = ground.outside_ids()
    for part in _PRAISE_PARTS.split(bare):
        if re.search(
            r"\b(?:you|your|they|their)\b|您|贵|客户", part, re.IGNORECASE
        ) and REPORTED.search(part):
            continue
        for name in ("praise", "most", "than"):
            match = table[name].search(part)
            if match is None or (name != "praise" and not _of_ours(part, sentence)):
                continue
            word = match.group().strip()
            ours = [
                fact
                for key, fact in ground.facts.items()
                if key not in outside and not read_said(fact)
            ]
            if not any(word.casefold() in fact.text.casefold() for fact in ours):
                return [Problem(ProblemKind.PRAISE, word)]
    return []


def _of_ours(part: str, sentence: str) -> bool:
    about_us = re.search(
        r"\b(?:we|our|ours|us)\b|我们|我司|我方|本公司|\b(?:product|solution|platform|system"
        r"|service"
        r"|support|team|software|price)s?\b|产品|方案|平台|系统|服务|软件|价格|团队",
        sentence,
        re.IGNORECASE,
    )
    return bool(about_us) and not re.search(r"\byour\b|您的|贵司", part, re.IGNORECASE)


@cache
def _praise() -> dict[str, re.Pattern[str]]:
    return {name: pattern_of(words) for name, words in load_table("boasts").items()}
