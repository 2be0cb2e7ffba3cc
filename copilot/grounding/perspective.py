"""Checks who "our" and "your" are: in a letter the customer's "our team" becomes "your team"."""

import re
from collections.abc import Collection, Sequence

from copilot.grounding.sentences import Problem, ProblemKind
from crm.facts import Fact

_OWNED = re.compile(r"\b(our|my|your)\s+((?:[\w-]+\s+){0,2}?[\w-]+)", re.IGNORECASE)
_OWNED_ZH = re.compile(r"(我们|我司|我方|贵司|贵公司|你们|您们)(?:的)?(?=([\u4e00-\u9fff]{2}))")
_ASKED = re.compile(
    r"\byou (?:asked(?! (?:for|us to|me to|that))|wanted to know)\b|您(?:问|想知道)", re.IGNORECASE
)
_QUESTION = re.compile(
    r"[?？]|\b(?:ask|asks|asked|asking|wonder|question|need to know|want to know|whether"
    r"|tell (?:me|us)|can you|could you|please|send)\b"
    r"|吗|什么|怎么|多少|是否|能不能|有没有|请|想知道|问",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"“[^”]*”")
_OURS = frozenset({"our", "my", "我们", "我司", "我方"})


def check_perspective(
    sentence: str, cited: Sequence[Fact], outside: Collection[str]
) -> list[Problem]:
    """Return a problem if a thing changes hands: their "our report" told as "our report".

    "You asked" needs a question of theirs. A thing is compared by the word behind the pronoun;
    things that the quotes call both ours and yours are left alone.
    """
    asked = _ASKED.search(sentence)
    theirs = [fact.text for fact in cited if fact.id in outside]
    if asked and theirs and not any(_QUESTION.search(text) for text in theirs):
        return [Problem(ProblemKind.SPEAKER, asked.group())]
    owners: dict[str, set[bool]] = {}
    for fact in cited:
        is_theirs = fact.id in outside
        for pronoun, thing in _owned(fact.text):
            is_ours = (pronoun in _OURS) != is_theirs
            owners.setdefault(thing, set()).add(is_ours)
    for pronoun, thing in _owned(_QUOTED.sub("", sentence)):
        known = owners.get(thing, set())
        if len(known) == 1 and (pronoun in _OURS) not in known:
            return [Problem(ProblemKind.SPEAKER, f"{pronoun} {thing}")]
    return []


def _owned(text: str) -> list[tuple[str, str]]:
    found = [
        (match.group(1).lower(), match.group(2).split()[0].lower())
        for match in _OWNED.finditer(text)
    ]
    return found + [(match.group(1), match.group(2)) for match in _OWNED_ZH.finditer(text)]
