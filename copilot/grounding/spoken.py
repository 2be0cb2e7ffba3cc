"""Reading a fact that quotes somebody: who speaks, and the bare words."""

import re
from dataclasses import dataclass

from crm.facts import Fact, FactKind

_QUOTE = re.compile(
    r"^(?P<head>.*?)(?:[:：]\s*|\b(?:said|asked|wrote|says)[,]?\s*"
    r"|[说问写]\s*)[\"“「](?P<words>.*)[\"”」]\s*[.。]?$",
    re.DOTALL,
)
_WHO = re.compile(
    r"^\W*(?:Email from |Mail from |Message from |来自)?(?P<who>[^,，(（:：“\"<《]{1,60})"
)
_AFTER_NAME = re.compile(
    r"\s*(?:also |then |later |还|也)?(?:said|asked|wrote|says|asks|replied|mentioned|told us"
    r"|on \d.*|"
    r"说|问|写道|写|回复|提到|表示|在.*)\s*$"
)


@dataclass(frozen=True)
class Said:
    """Somebody's words: `who` may be empty where the fact names nobody."""

    who: str
    words: str


def read_said(fact: Fact) -> Said | None:
    """Return the speaker and words of a fact that quotes somebody, None for our records."""
    match = _QUOTE.match(fact.text)
    if match is None:
        if fact.kind in {FactKind.SEGMENT, FactKind.EMAIL}:
            return Said("", fact.text)
        return None
    who = _WHO.match(match["head"])
    name = _AFTER_NAME.sub("", who["who"]).strip() if who else ""
    if "@" in name:
        name = ""  # an address without a name says which side spoke, not who
    return Said(name, match["words"])


def quote_start(text: str) -> int:
    """Return where the quoted words begin in the text of a fact, 0 where nobody is quoted."""
    match = _QUOTE.match(text)
    return match.start("words") if match else 0
