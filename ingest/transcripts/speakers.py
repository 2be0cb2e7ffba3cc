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


def _prefix(line: str) -> str | None:
    found = _PREFIX.fullmatch(line)
    return _squeeze(found[1]) if found else None


def _squeeze(name: str) -> str:
    return " ".join(name.split())


def _looks_like_name(prefix: str) -> bool:
    if _HAN_NAME.fullmatch(prefix):
        return True
    return _LATIN_NAME.fullmatch(prefix) is not None and prefix[0] == prefix[0].upper()
