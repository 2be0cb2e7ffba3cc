"""Who speaks in a subtitle cue: voice tags, or names written before the words."""

import html
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]{1,300})>", re.I)
_TAG = re.compile(r"</?(?:v|c|b|i|u|ruby|rt|lang|font)\b[^<>]{0,300}>|<\d[\d:.]{1,20}>", re.I)
_PREFIX = re.compile(r"\s*(?:[-–]\s*|>>\s*)?\[?([^:：\[\]<>]{1,60}?)\]?\s*[:：]\s*(.*)", re.S)
_LATIN_NAME = re.compile(r"[^\W\d_][\w.'’\-]*(?: [\w.'’()\-]+){0,4}")
_HAN_NAME = re.compile("[\u3400-\u9fff·]{2,8}[0-9一二三四五六]?")
_ASIDE = re.compile(r"\([^()]{0,60}\)|（[^（）]{0,60}）")
_NO_NAME = re.compile(r"[?!;\"。！？，；：…<>=*#]|\.$|\. ")
_EAST_ASIAN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_PARTICLE_WORDS = "van von der den de da di del della dos das la le el al bin ibn zu zum ten ter y"
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
_COMMON = """
note notes time date agenda question answer today tomorrow total summary at from until
monday tuesday wednesday thursday friday saturday sunday 时间 日期 议程 问题 备注 总结 时长
"""
_NO_NAMES = frozenset(_COMMON.split())


@dataclass(frozen=True)
class Turn:
    """Words with their speaker, None where the cue names nobody."""

    speaker: str | None
    text: str


def split_voices(payload: str) -> list[Turn]:
    """Return the turns in a cue by its `<v Name>` tags, other tags and entities resolved."""
    pieces = _VOICE.split(payload)
    turns = [Turn(None, pieces[0])] if pieces[0].strip() else []
    turns += [
        Turn(html.unescape(name).strip(), text)
        for name, text in zip(pieces[1::2], pieces[2::2], strict=True)
    ]
    return [Turn(turn.speaker, html.unescape(_TAG.sub("", turn.text))) for turn in turns]


def find_prefix_names(turns: Sequence[Turn], known: Collection[str]) -> frozenset[str]:
    """Return the names that the file writes before their words, as in `Name: words`.

    A prefix counts as a name if a participant has it, or if it looks like one and either comes
    up again or begins a cue where most cues begin so: `Question: …` once in a call is no speaker.
    """
    named = {name.casefold() for name in known}
    cues = [turn.text.strip().split("\n") for turn in turns if turn.speaker is None]
    first = [prefix for lines in cues if (prefix := _prefix(lines[0]))]
    every = Counter(prefix for lines in cues for line in lines if (prefix := _prefix(line)))
    usual = set(first) if len(first) * 2 >= len(cues) else set()
    return frozenset(
        prefix
        for prefix, count in every.items()
        if prefix.casefold() in named
        or (_looks_like_name(prefix) and (count >= 2 or prefix in usual))
    )


def split_prefixes(turn: Turn, names: Collection[str]) -> list[Turn]:
    """Return a turn taken apart at the lines that begin with one of these names."""
    if turn.speaker is not None:
        return [turn]
    parts: list[Turn] = []
    for line in turn.text.split("\n"):
        found = _PREFIX.fullmatch(line)
        if found and _squeeze(found[1]) in names:
            parts.append(Turn(_squeeze(found[1]), found[2]))
        elif parts:
            parts[-1] = Turn(parts[-1].speaker, f"{parts[-1].text}\n{line}")
        else:
            parts.append(Turn(None, line))
    return parts


def is_person_name(text: str) -> bool:
    """Say whether this may be what a program calls a participant: a few words.

    In scripts with capitals each word begins with one, but for particles such as `van`; a single
    handle such as `anna.meyer` or `SPEAKER_01` will do.
    """
    name = " ".join(_ASIDE.sub(" ", text).split())
    words = name.replace(",", " ").replace("|", " ").split()
    if (
        not re.search(r"[^\W\d_]|\+\d", name)
        or len(name) > 60
        or len(words) > 6
        or _NO_NAME.search(name)
    ):
        return False
    if words[0].casefold() in _NO_NAMES or (len(words) > 1 and words[-1].casefold() in _NO_NAMES):
        return False
    letters = len(_EAST_ASIAN.findall(name))
    if letters * 2 > len(name.replace(" ", "")):
        return letters <= 10
    return len(words) == 1 or not any(
        word[0].islower() and word not in _PARTICLES for word in words
    )


def _prefix(line: str) -> str | None:
    found = _PREFIX.fullmatch(line)
    return _squeeze(found[1]) if found else None


def _squeeze(name: str) -> str:
    return " ".join(name.split())


def _looks_like_name(prefix: str) -> bool:
    if _HAN_NAME.fullmatch(prefix):
        return True
    return _LATIN_NAME.fullmatch(prefix) is not None and prefix[0] == prefix[0].upper()
