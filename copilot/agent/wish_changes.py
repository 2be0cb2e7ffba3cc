"""What may be asked of the draft before: shorter, in Chinese, more formal, as a Slack message."""

import re
from dataclasses import dataclass

from copilot.agent.plan import DraftOrder
from copilot.agent.wish_words import meaning, pattern, rule
from copilot.grounding.pack.asked import Channel
from copilot.writers.style import Formality
from tools.language import Language, has_han

MOST_PURPOSE = 500
_FEWEST_WORDS, _MOST_WORDS = 25, 600
_SHORTER, _LONGER = 0.6, 1.6
_USUAL_WORDS = 120
_SHORT_TEXT = 90
_MARKS = re.compile(r"[\s,.;:!?，。；：！？、'’\"“”-]+")


@dataclass(frozen=True)
class Change:
    """What is to be different; None and zero leave the order as it was."""

    language: Language | None = None
    channel: Channel | None = None
    formality: Formality | None = None
    length: float = 1.0
    mention: str = ""

    def applied(self, order: DraftOrder, *, words: int | None) -> DraftOrder:
        """Return the order with the change; `words` is the length of the draft before."""
        update: dict[str, object] = {}
        if self.language is not None:
            update["language"] = self.language
        if self.channel is not None:
            update["channel"] = self.channel
        if self.formality is not None:
            update["formality"] = self.formality
        if self.length != 1.0:
            wanted = round((words or order.most_words or _USUAL_WORDS) * self.length)
            update["most_words"] = min(max(wanted, _FEWEST_WORDS), _MOST_WORDS)
        if self.mention:
            joined = "; ".join(part for part in (order.purpose, self.mention) if part)
            update["purpose"] = joined[:MOST_PURPOSE]
        return order.model_copy(update=update)


def read_change(text: str) -> Change | None:
    """Return the change that the text asks for if it says little else, None otherwise."""
    if not text.strip() or len(text) > _SHORT_TEXT:
        return None
    known: Language = "zh" if has_han(text) else "en"
    mention = rule(known, r"^(?:«filler»[\s,，]*)*?«changes»[\s:：,，]+(?P<what>.+)$").match(text)
    if mention is not None and _is_mention(text, mention.start("what"), known):
        return Change(mention=mention["what"].strip(" .。!！?？"))
    change, rest = _taken(text, known)
    left = _MARKS.sub("", rule(known, "«filler»").sub(" ", rest))
    return change if change is not None and not left else None


def _is_mention(text: str, end: int, known: Language) -> bool:
    found = pattern(known, "changes", key="mention").search(text[:end])
    return found is not None and pattern(known, "asks").match(text.strip()) is None


def _taken(text: str, known: Language) -> tuple[Change | None, str]:
    """Return the change and what the text says besides."""
    found: dict[str, object] = {}
    rest = text
    for key, name, value in (
        ("formal", "formality", "formal"),
        ("casual", "formality", "casual"),
        ("shorter", "length", _SHORTER),
        ("longer", "length", _LONGER),
    ):
        match = pattern(known, "changes", key=key).search(rest)
        other = _outdone(rest, key, known)
        if match is not None and name not in found and not other:
            found[name] = value
            rest = rest.replace(match[0], " ", 1)
    for section, name, kind in (("languages", "language", str), ("channels", "channel", Channel)):
        match = pattern(known, section).search(rest)
        if match is not None:
            found[name] = kind(meaning(known, section, match[0]))
            rest = rest.replace(match[0], " ", 1)
    return (Change(**found) if found else None), rest  # type: ignore[arg-type]


def _outdone(text: str, key: str, known: Language) -> bool:
    """Say whether a longer phrase means the opposite: "less formal", "too short"."""
    opposite = {"formal": "casual", "casual": "formal", "shorter": "longer", "longer": "shorter"}
    own = pattern(known, "changes", key=key).search(text)
    other = pattern(known, "changes", key=opposite[key]).search(text)
    if own is None or other is None:
        return False
    return len(other[0]) > len(own[0])
