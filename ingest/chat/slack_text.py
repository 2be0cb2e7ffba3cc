"""A Slack message's text as a reader sees it: names for ids, words for links and signs."""

import html
import re
from collections.abc import Callable, Mapping
from typing import Any

from ingest.wording import clean_text

MAX_TEXT_CHARS = 200_000
_LINK = re.compile(r"<([^<>\n]{1,4000})>")
_EMOJI = re.compile(r":([a-z0-9_+-]{1,60}):(?::skin-tone-[2-6]:)?")
_SIGNS = {
    "+1": "👍", "thumbsup": "👍", "-1": "👎", "smile": "😄", "slightly_smiling_face": "🙂",
    "joy": "😂", "laughing": "😆", "grin": "😁", "wink": "😉", "heart": "❤", "tada": "🎉",
    "pray": "🙏", "clap": "👏", "wave": "👋", "ok_hand": "👌", "eyes": "👀", "fire": "🔥",
    "rocket": "🚀", "white_check_mark": "✅", "heavy_check_mark": "✔", "x": "❌", "warning": "⚠",
    "question": "❓", "exclamation": "❗", "thinking_face": "🤔", "disappointed": "😞", "cry": "😢",
    "sob": "😭", "rage": "😡", "confused": "😕", "100": "💯", "muscle": "💪", "raised_hands": "🙌",
    "calendar": "📆", "phone": "☎", "email": "✉", "memo": "📝", "chart_with_upwards_trend": "📈",
    "moneybag": "💰", "star": "⭐", "hourglass": "⌛", "point_up": "☝", "sweat_smile": "😅",
}  # fmt: skip


def plain_text(text: str, names: Mapping[str, str]) -> str:
    """Return mrkdwn as plain text; `names` are those of users by their id."""
    shown = _LINK.sub(lambda found: _shown(found[1], names), text[:MAX_TEXT_CHARS])
    shown = _EMOJI.sub(lambda found: _SIGNS.get(found[1], found[0]), html.unescape(shown))
    return clean_text(shown)


def message_text(message: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Return what a message says: its text, or that of its blocks, then what is attached to it."""
    text = message.get("text")
    said = plain_text(text, names) if isinstance(text, str) else ""
    parts = [said or plain_text(" ".join(_block_texts(message.get("blocks"))), names)]
    attachments = message.get("attachments")
    for one in attachments if isinstance(attachments, list) else []:
        if isinstance(one, dict):
            words = [one.get(key) for key in ("pretext", "title", "text")]
            told = "\n".join(word for word in words if isinstance(word, str) and word)
            parts.append(plain_text(told or str(one.get("fallback") or ""), names))
    files = message.get("files")
    if isinstance(files, list) and files:
        parts.append(f"[{len(files)} attached]")
    return "\n".join(part for part in parts if part)


def _shown(inner: str, names: Mapping[str, str]) -> str:
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return f"@{names.get(target[1:]) or label or target[1:]}"
    if target.startswith("#"):
        return f"#{label or target[1:]}"
    if target.startswith("!"):
        word = label or target[1:].partition("^")[0]
        return word if label else f"@{word}"
    scheme, _, rest = target.partition(":")
    bare = rest if scheme in ("mailto", "tel") else target
    return label if label and label not in target else (label or bare)


def _block_texts(blocks: Any, depth: int = 0) -> list[str]:
    """Return the texts within blocks, as deep as Slack nests them."""
    if depth > 12:
        return []
    if isinstance(blocks, list):
        return [text for block in blocks for text in _block_texts(block, depth + 1)]
    if not isinstance(blocks, dict):
        return []
    kinds: dict[str, Callable[[dict[str, Any]], str]] = {
        "user": lambda block: f"<@{block.get('user_id')}>",
        "emoji": lambda block: f":{block.get('name')}:",
        "link": lambda block: str(block.get("text") or block.get("url") or ""),
    }
    told = kinds.get(str(blocks.get("type")))
    if told:
        return [told(blocks)]
    text = blocks.get("text")
    found = [text] if isinstance(text, str) else _block_texts(text, depth + 1)
    return found + _block_texts(blocks.get("elements"), depth + 1)
