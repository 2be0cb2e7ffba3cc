"""The soft criteria of the rubric: faults that a rep mends with a quick edit."""

import re
from collections.abc import Callable

from evals.drafting_case import HAN, Case, sentences_of
from evals.drafting_days import days
from evals.drafting_figures import flat
from evals.drafting_ground import content, words

_GREETED_BY_TITLE = re.compile(r"总|经理|工|主任|先生|女士|老师|您好|你好")


def _salutation(case: Case) -> str:
    """A Chinese letter greets by title: 王经理, not the bare name."""
    draft = case.draft
    if case.language != "zh" or case.is_chat or not draft.to or draft.to[0].name.isascii():
        return ""
    return "" if _GREETED_BY_TITLE.search(draft.greeting) else f"{draft.greeting!r} is a bare name"


def _length(case: Case) -> str:
    kind = (case.resolved.task.kind or case.draft.kind).value
    low, high = words()["length"][kind]["chat" if case.is_chat else "email"]
    text = case.text
    length = len(re.findall(HAN, text)) * 0.6 + len(re.findall(r"[A-Za-z0-9][\w'’.,-]*", text))
    floor = low * (0.6 if case.resolved.task.evidence == "thin" else 1)
    return "" if floor <= length <= high else f"{length:.0f} words, not {floor:.0f} to {high}"


def _no_repeats(case: Case) -> str:
    said = [content(one) for one in sentences_of(case.text)]
    for place, one in enumerate(said):
        for other in said[:place]:
            both = len(one & other) / max(1, min(len(one), len(other)))
            if min(len(one), len(other)) >= 4 and both > 0.8:
                return f"says twice {' '.join(sorted(one & other)[:6])!r}"
    return ""


def _no_filler(case: Case) -> str:
    folded = case.draft.body.casefold()
    found = [one for one in words()["banned"][case.language] if one.casefold() in folded]
    return f"filler {found[0]!r}" if found else ""


def _no_stale_days(case: Case) -> str:
    if case.draft.open_points and not case.own.strip():
        return ""
    pattern = words()["relative_day"][case.language]
    for sentence in sentences_of(case.own):
        found = re.search(pattern, sentence, re.IGNORECASE)
        if found and not sentence.rstrip().endswith(("?", "？")):
            return f"{found[0]!r} depends on the day it is sent"
    past = [
        span
        for span in days(case.own, case.today)
        if not span.is_relative and (case.today - span.last).days > 365
    ]
    return f"{past[0].text!r} is more than a year ago" if past else ""


def _well_formed(case: Case) -> str:
    for sentence in (one.text.strip() for one in case.draft.sentences):
        if not re.search(r"[.!?。！？…:：)）\"”」\]】]$", sentence):
            return f"no end: {sentence[-30:]!r}"
        if case.language == "en" and re.match(r"[a-z]", sentence):
            return f"small start: {sentence[:30]!r}"
        broken = re.search(
            r"\b(?:mentioned|told us|said) that [^,.:]{0,14}:"
            r"|[“\"](?:Send|Please|Call|Keep|Copy)\b[^”\"]*"
            r"[”\"] (?:Let me check|Is there)|[，,]\S{0,6}好[:：]",
            sentence,
        )
        if broken:
            return f"broken: {broken[0]!r}"
        doubled = re.search(r"\b(\w{2,}) \1\b|[，。,;:]{2,}|\(\s*\)|\s[,.;](?!\d)", sentence)
        if doubled:
            return f"{doubled[0]!r} in {sentence[:40]!r}"
    return ""


def _no_dangling(case: Case) -> str:
    pattern = re.sub(r"\s+\|", "|", words()["dangling"][case.language])
    for paragraph in case.draft.paragraphs:
        before = ""
        for sentence in paragraph:
            found = re.search(pattern, sentence.text, re.IGNORECASE)
            if found and not _gives_ground(before, pattern):
                return f"{found[0]!r} points at nothing"
            before = sentence.text
    return ""


def _no_catalogue(case: Case) -> str:
    """Records belong into sentences: "Gateway: Edge gateway for up to 64 sensors." is none."""
    records = [
        _bare(fact.text)
        for fact in case.draft.facts
        if not fact.source.startswith(("conversation:", "request:", "policy:", "activity:"))
    ]
    for sentence in case.draft.sentences:
        _, _, after = sentence.text.partition(": ")
        after = after or sentence.text.partition("：")[2]
        piece = _bare(after)
        if len(piece) > 12 and "“" not in after and any(piece[:24] in one for one in records):
            return f"a line of a catalogue: {sentence.text[:50]!r}"
    return ""


def _no_odd_question(case: Case) -> str:
    """A report is no question: 您想了解是否能试用吗？ and "You asked how long it takes?"."""
    for sentence in sentences_of(case.own):
        found = re.search(
            r"^您(?:还|也)?(?:想了解|想知道|需要|提到|问到?)[^？：]*吗[？?]$"
            r"|^You(?: also)? (?:asked|mentioned|told|said)[^?]*\?$",
            sentence,
        )
        if found:
            return f"a report as a question: {found[0][:50]!r}"
    return ""


def _good_subject(case: Case) -> str:
    subject = case.draft.subject.strip()
    if case.is_chat:
        return ""
    if not subject:
        return "no subject"
    if len(subject) > 90:
        return f"{len(subject)} characters long"
    bare = re.sub(r"^(?:re|fwd|回复|答复)\s*[:：]\s*", "", subject, flags=re.IGNORECASE)
    vague = {
        "follow up",
        "follow-up",
        "hello",
        "update",
        "跟进",
        "您好",
        "你好",
        "关于",
        "next steps",
    }
    if bare.casefold() in vague and bare == subject:
        return f"{subject!r} says nothing"
    wants_zh = case.language == "zh" and bare == subject
    return f"{subject!r} is not Chinese" if wants_zh and not re.search(HAN, subject) else ""


def _gives_ground(before: str, pattern: str) -> bool:
    return len(content(before)) >= 3 and not re.search(pattern, before, re.IGNORECASE)


def _bare(words_of: str) -> str:
    return re.sub(r"[\W_]+", "", flat(words_of)).casefold()


SOFT: dict[str, Callable[[Case], str]] = {
    "salutation": _salutation,
    "length": _length,
    "repeats": _no_repeats,
    "filler": _no_filler,
    "stale_days": _no_stale_days,
    "form": _well_formed,
    "dangling": _no_dangling,
    "catalogue": _no_catalogue,
    "odd_question": _no_odd_question,
    "subject": _good_subject,
}
