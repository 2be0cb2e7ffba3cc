"""The words a company or a rep avoids, put right by code after the facts were checked."""

import re
from collections.abc import Callable, Sequence

from copilot.grounding.sentences import CitedSentence
from copilot.writers.company.guide import CompanyGuide
from copilot.writers.style import Style, Swap
from tools.language import Language

_FILLER = (
    re.compile(r"\bI hope (?:that )?(?:this|my) (?:e?mail|message|letter)[^.!]*[.!]\s*", re.I),
    re.compile(r"\bI hope you(?:['’]re| are) (?:doing )?well[^.!]*[.!]\s*", re.IGNORECASE),
    re.compile(r"\bplease do not hesitate to\b", re.IGNORECASE),
    re.compile(r"希望(?:您|你)(?:一切都?好|收到此邮件时一切安好)[。！，]\s*"),
)
_FILLER_INSTEAD = ("", "", "please", "")
_QUOTED = re.compile(r"(“[^”]*”)")


def swaps_of(style: Style, guide: CompanyGuide) -> tuple[Swap, ...]:
    """Return what is to be replaced: the house's banned phrases, then the rep's own."""
    banned = [Swap(each.phrase, each.instead) for each in guide.banned]
    return tuple(each for each in (*banned, *style.swaps) if each.phrase.strip())


def in_house_words(
    sentence: CitedSentence,
    swaps: Sequence[Swap],
    language: Language,
    *,
    holds: Callable[[CitedSentence], bool],
) -> CitedSentence:
    """Return the sentence without what is avoided; as it was where it would no longer hold.

    Words in quotation marks are somebody's own and stay.
    """
    parts = _QUOTED.split(sentence.text)
    changed = "".join(
        part if part.startswith("“") else _changed(part, swaps, language) for part in parts
    )
    text = _settled(changed)
    if text == sentence.text or not text:
        return sentence
    renewed = CitedSentence(text=text, facts=sentence.facts)
    return renewed if holds(renewed) else sentence


def avoided_in(text: str, swaps: Sequence[Swap]) -> list[str]:
    """Return the avoided phrases that a text still has."""
    return [swap.phrase for swap in swaps if _pattern(swap.phrase).search(_QUOTED.sub("", text))]


def _changed(text: str, swaps: Sequence[Swap], language: Language) -> str:
    for pattern, instead in zip(_FILLER, _FILLER_INSTEAD, strict=True):
        text = pattern.sub(instead, text)
    text = re.sub(r"!+", ".", text) if language == "en" else re.sub(r"[!！]+", "。", text)
    for swap in swaps:
        text = _pattern(swap.phrase).sub(_in_case(swap.instead), text)
    return text


def _pattern(phrase: str) -> re.Pattern[str]:
    edges = (r"(?<!\w)", r"(?!\w)") if phrase.isascii() else ("", "")
    return re.compile(edges[0] + re.escape(phrase) + edges[1], re.IGNORECASE)


def _in_case(instead: str) -> Callable[[re.Match[str]], str]:
    def put(match: re.Match[str]) -> str:
        is_first = match.group()[:1].isupper() and match.start() == 0
        return instead[:1].upper() + instead[1:] if is_first else instead

    return put


def _settled(text: str) -> str:
    text = re.sub(r"\s+([.,;?])", r"\1", re.sub(r" {2,}", " ", text)).strip()
    text = re.sub(r"^[,，、;；\s]+", "", text)
    return text[:1].upper() + text[1:]
