"""Who "you" and "we" are: the customer's words told back to them, each pronoun changed by code."""

import re
from collections.abc import Mapping

from tools.language import Language

_FIRST = {
    "en": re.compile(r"\b(?:I|we|us|me|my|our|ours|mine|myself|ourselves)\b", re.IGNORECASE),
    "zh": re.compile(r"我司|我方|我们|咱们|我"),
}
_SECOND = {
    "en": re.compile(r"\b(?:you|your|yours|yourself|yourselves)\b", re.IGNORECASE),
    "zh": re.compile(r"贵公司|贵司|贵方|你们|您们|您|你"),
}
_TURNED_ZH: Mapping[str, str] = {
    "我司": "贵司", "我方": "贵司", "我们": "贵司", "我": "您",
    "贵公司": "我们", "贵司": "我们", "贵方": "我们", "你们": "我们", "您们": "我们",
    "您": "我", "你": "我",
}  # fmt: skip
# What "we" agreed or talked about, both sides did: that "we" stays.
_TOGETHER_ZH = r"(?!(?:之前|上次|当时|已经)?(?:约好|约定|商量|谈好|谈的|沟通|说好|签))"
_PRONOUN_ZH = re.compile(
    "|".join(
        each + {"我们": _TOGETHER_ZH, "我": "(?!们)"}.get(each, "")
        for each in sorted(_TURNED_ZH, key=len, reverse=True)
    )
)
_TURNED_EN: Mapping[str, str] = {
    "i": "you", "we": "you", "me": "you", "us": "you", "my": "your", "our": "your",
    "mine": "yours", "ours": "yours", "myself": "yourself", "ourselves": "yourselves",
}  # fmt: skip
_TOGETHER = re.compile(
    r"\bwe (?:had |have |both |already )?(?:agreed|discussed|talked|spoke|met|signed)\b",
    re.IGNORECASE,
)
_HERE = re.compile(r"\bhere\b(?=[ ,.]|$)", re.IGNORECASE)
_PRONOUN_EN = re.compile(
    r"\b(?:(?P<am>I)(?P<be>['’]m| am| was)"
    r"|(?P<word>I|we|me|us|my|our|mine|ours|myself|ourselves))"
    r"(?P<end>['’](?:ve|d|ll|re))?\b",
    re.IGNORECASE,
)
_OBJECT_BEFORE = frozenset(
    """to for with from of at by about than on tell ask give send show see help let meet visit call
    reach thank need want pay choose trust""".split()  # noqa: SIM905  # a table of words
)
_YOU_EN = re.compile(
    r"(?:(?P<before>[A-Za-z]+)\s+)?\b(?P<you>you(?:['’](?:re|ve|ll|d))?|your|yours)\b(?P<after>[.,;?!]|$)?",
    re.IGNORECASE,
)
_OURS_EN = {
    "your": "our",
    "yours": "ours",
    "you're": "we are",
    "you've": "we have",
    "you'll": "we will",
    "you'd": "we would",
}
_ENDS = {"ve": " have", "d": " would", "ll": " will", "re": " are"}


def turned(words: str, language: Language) -> str | None:
    """Return the customer's words as told to them, None where only a person could turn them.

    In Chinese every pronoun changes hands and the grammar stays. In English what is said of "you"
    would need its case, and "we" may mean both sides: such words are left to a quotation.
    """
    if language == "zh":
        return _PRONOUN_ZH.sub(lambda match: _TURNED_ZH[match.group()], words)
    if speaks_of_us(words):
        return None
    return _PRONOUN_EN.sub(_turned_en, _HERE.sub("on your side", words))


def _turned_en(match: re.Match[str]) -> str:
    if match["am"]:
        return "you were" if match["be"].strip() == "was" else "you are"
    end = (match["end"] or "").lstrip("'’").casefold()
    return _TURNED_EN[match["word"].casefold()] + _ENDS.get(end, "")


def speaks_of_us(words: str) -> bool:
    """Say whether English words speak of "you", or of what both sides did together."""
    return bool(_SECOND["en"].search(words) or _TOGETHER.search(words))


def turned_roughly(words: str, language: Language) -> str:
    """Return the customer's words turned for the model, "you" by the word in front of it."""
    exact = turned(words, language)
    if exact is not None:
        return exact
    together = _TOGETHER.sub(
        lambda match: f"\x00{match.group()[0]}\u2060{match.group()[1:]}", words
    )
    marked = _YOU_EN.sub(_ours_en, together)
    theirs = _PRONOUN_EN.sub(_turned_en, marked)
    return theirs.replace("\x00", "").replace("\u2060", "")


def _ours_en(match: re.Match[str]) -> str:
    before, you = match["before"] or "", match["you"].casefold().replace("’", "'")
    ours = _OURS_EN.get(you)
    if ours is None:
        is_object = before.casefold() in _OBJECT_BEFORE or match["after"] is not None
        ours = "us" if is_object else "we"
    # Marked, so that the turn of "we" into "you" passes it by.
    hidden = "\x00" + "\u2060".join(ours) + "\x00"
    return (
        f"{before} {hidden}{match['after'] or ''}" if before else f"{hidden}{match['after'] or ''}"
    )


def keeps_persons(told: str, words: str, language: Language) -> bool:
    """Say whether a sentence has no more "we" and "you" than the turned words that it tells."""
    if language == "zh" and re.search(r"你|咱", told):
        return False
    spare = 1 if language == "zh" else 0
    return all(
        len(pattern[language].findall(told)) <= len(pattern[language].findall(words)) + spare
        for pattern, spare in ((_FIRST, 0), (_SECOND, spare))
    )
