"""One request for a side effect being read: the caller's own words, and what they may point at."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.orm import Session

from copilot.agent.contract import Status
from copilot.agent.desk import Request
from copilot.agent.draft_planning import Unresolved
from copilot.agent.wording import phrase
from copilot.grounding.quantities import blank
from copilot.writers.calls.due import Due, find_due
from crm.principal import Principal
from tools.language import Language
from tools.names import NameIndex, find_names

MOST = 2_000
ENDS = " \t\r\n.,;:!?。，；：！？"
_POLITE = re.compile(
    r"^(?:(?:please|pls|kindly|hey|hi|ok|okay|now|then|so|copilot|can you|could you|would you"
    r"|will you|i want you to|i want to|i would like (?:you )?to|i['’]d like (?:you )?to"
    r"|i need (?:you )?to|let['’]?s|if possible|(?:if|when) you can|if you don['’]t mind"
    r"|when you (?:have (?:a )?(?:time|minute|moment)|get a chance))[\s,]+)+"
    r"|^(?:请|麻烦|劳驾|你|您|帮我|帮忙|帮|给我|替我|为我|能不能|能否|可以|可不可以|我想要?|我要"
    r"|我需要|现在|一下|(?:如果)?(?:可以|方便|有空)的话[，,]?)+[\s,，:：]*",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"[\s,，]*(?:please|pls|thanks|thank you|for me|谢谢|好吗|可以吗|行吗|吗|吧)\s*$", re.IGNORECASE
)
_QUOTED = re.compile(r"^[\"“”'‘’「『]\s*(.+?)\s*[\"“”'‘’」』]$", re.DOTALL)
_END_OF = re.compile(r"\bend of\b|[底末]", re.IGNORECASE)


RECORDS = ("account_id", "opportunity_id", "contact_id", "lead_id")
"""What a thread may speak of, as its focus calls them."""
PROPOSED = "proposed_actions"
"""What the turn before proposed, as the memory of a thread calls it."""


@dataclass(frozen=True)
class Scene:
    """Who asks what when; `focus` are the records that the thread is about.

    `given` holds what the caller answered when he was asked back, by slot.
    """

    session: Session
    index: NameIndex
    request: Request
    language: Language
    focus: Mapping[str, int | None] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.request.principal

    @property
    def today(self) -> date:
        """The day on which he asks."""
        return self.request.as_of.date()


class Missing(Unresolved):
    """The request lacks something, or it may mean several things: what is asked back.

    `slot` names what the next answer fills.
    """

    def __init__(
        self, status: Status, text: str, candidates: list[str] | None = None, *, slot: str = ""
    ) -> None:
        super().__init__(status, text, candidates)
        self.slot = slot


def focus_after(
    focus: Mapping[str, int | None], told: Mapping[str, int | None]
) -> dict[str, int | None]:
    """Return what is spoken of after an action on the records `told`, by `account_id` and so on.

    A deal of another customer is no longer meant by "it".
    """
    named = {name: told.get(name) for name in RECORDS if told.get(name) is not None}
    if not named:
        return dict(focus)
    return {name: row_id for name, row_id in focus.items() if name not in RECORDS} | named


def missing(scene: Scene, name: str, *, slot: str = "", **slots: object) -> Missing:
    """Return the question back that the phrase `name` asks."""
    return Missing(Status.AMBIGUOUS, phrase(name, scene.language, **slots), slot=slot)


def plain_request(text: str) -> str:
    """Return a request without the politeness around it, on one line."""
    asked = " ".join(text[:MOST].split())
    before = None
    while before != asked:
        before = asked
        asked = _TAIL.sub("", _POLITE.sub("", asked).strip().rstrip(ENDS))
    return asked


def unquoted(text: str) -> str:
    """Return a value without quotation marks and stray punctuation around it."""
    bare = text.strip().rstrip(ENDS)
    match = _QUOTED.match(bare)
    return match[1] if match else bare


def days_in(scene: Scene, words: str) -> list[Due]:
    """Return the days that the words name, as `find_due` does; what is part of a name is none."""
    found = find_due(words, scene.today)
    if not found:
        return []
    plain = words
    for mention in find_names(words, scene.index).mentions:
        if mention.exact and any(_is_part(one, mention.span) for one in found):
            plain = blank(plain, *mention.span)
    return found if plain == words else find_due(plain, scene.today)


def _is_part(day: Due, name: tuple[int, int]) -> bool:
    """Say whether a day stands within a longer name: "April Jones", "Summit 2027 renewal"."""
    return name[0] <= day.start and day.end <= name[1] and day.end - day.start < name[1] - name[0]


def the_day(scene: Scene, words: str, *, slot: str) -> date:
    """Return the one day that the words name. Raises Missing for none, several, or a whole span."""
    said = scene.given.get(slot, words)
    found = days_in(scene, said)
    if len(found) == 1 and (not found[0].is_vague or _END_OF.search(found[0].raw)):
        return found[0].on
    raise missing(scene, "act_which_day", slot=slot, said=said)
