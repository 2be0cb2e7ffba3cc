"""Whom a statement names: somebody present, a contact of the deal, or a name by its role."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from copilot.grounding import lexicon
from copilot.writers.calls.cues import CueBook
from copilot.writers.calls.notes import Attendee, DealContext
from crm.models import Side

_EN_NAME = r"(?P<name>(?:(?:Dr|Mr|Mrs|Ms|Prof)\.? )?[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){0,2})"
_ROLE_NAME = (
    r"\b(?:our|my|the)\s+(?P<role>{boss}),?\s*(?P<name>[A-Za-z][\w’'-]+(?: [A-Za-z][\w’'-]+)?)?"
)
_ZH_TITLED = re.compile(
    rf"[{lexicon.SURNAMES}][\u4e00-\u9fff]{{0,2}}?(?:{lexicon.ZH_TITLES}|董|副总|行长|处|校长|副院长)"
)
_TITLES = frozenset({"dr", "mr", "mrs", "ms", "prof"})
_AFTER_NAME = frozenset(
    {
        "is", "has", "was", "approves", "decides", "signs", "will", "would", "and", "who",
        "that", "she", "he", "holds", "owns", "must", "needs", "wants", "to",
        "from", "in", "on",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Named:
    """A person as named; `contact_id` where the CRM knows them."""

    name: str
    contact_id: int | None = None


class People:
    """The people a talk can mean."""

    def __init__(
        self, attendees: Sequence[Attendee], deal: DealContext | None, book: CueBook
    ) -> None:
        self._book = book
        customers = [
            Named(one.name, one.contact_id) for one in attendees if one.side is not Side.OURS
        ]
        known = [Named(one.name, one.contact_id) for one in (deal.contacts if deal else ())]
        self._known = list({one.name.casefold(): one for one in [*known, *customers]}.values())
        self._ours = [one.name.casefold() for one in attendees if one.side is Side.OURS]

    def by_name(self, name: str) -> Named | None:
        """Return the one known person whose name, or part of it, this is."""
        wanted = name.casefold().strip()
        exact = [one for one in self._known if one.name.casefold() == wanted]
        near = exact or [one for one in self._known if self._is_called(one.name, wanted)]
        return near[0] if len(near) == 1 else None

    def speaker(self, name: str) -> Named:
        """Return the person who speaks."""
        return self.by_name(name) or Named(name)

    def named_in(self, text: str) -> list[Named]:
        """Return the people whom a stretch of text names, in its order; roles stand last."""
        found: list[tuple[int, Named]] = []
        if self._book.language == "zh":
            found += [(m.start(), self._settle(m.group())) for m in _ZH_TITLED.finditer(text)]
            found += self._known_in(text)
        else:
            found += self._known_in(text)
            found += self._english(text)
        found = [pair for pair in found if pair[1].name.casefold() not in self._ours]
        unique: dict[str, Named] = {}
        for _, one in sorted(found, key=lambda pair: pair[0]):
            unique.setdefault(one.name.casefold(), one)
        if unique:
            return list(unique.values())
        role = self._role(text)
        return [Named(role)] if role else []

    def _known_in(self, text: str) -> list[tuple[int, Named]]:
        found = []
        for one in self._known:
            pieces = [one.name, *(one.name.split() if one.name.isascii() else [])]
            for piece in pieces:
                if len(piece) < 2 or piece.casefold().rstrip(".") in lexicon.COMMON:
                    continue
                edges = r"(?<![A-Za-z]){}(?![A-Za-z])" if piece.isascii() else "{}"
                match = re.search(edges.format(re.escape(piece)), text, re.IGNORECASE)
                if match and self.by_name(piece) is not None:
                    found.append((match.start(), one))
                    break
        return found

    def _english(self, text: str) -> list[tuple[int, Named]]:
        found = []
        role = re.search(_ROLE_NAME.format(boss=self._book.macros["boss"]), text, re.IGNORECASE)
        if role and role["name"] and role["name"].split()[0].casefold() not in _AFTER_NAME:
            name = " ".join(w for w in role["name"].split() if w.casefold() not in _AFTER_NAME)
            if name and name.casefold() not in lexicon.COMMON:
                found.append((role.start("name"), self._settle(_titled(name))))
        for match in re.finditer(_EN_NAME, text):
            first = match["name"].split()[0].casefold().rstrip(".")
            is_titled = first in _TITLES and " " in match["name"]
            if is_titled:
                found.append((match.start(), self._settle(match["name"])))
                continue
            if first in lexicon.COMMON or (match.start() == 0 and " " not in match["name"]):
                continue
            if re.fullmatch(self._book.macros["boss"], match["name"], re.IGNORECASE):
                continue
            if len(match["name"].split()) > 1 or self._is_part(first):
                found.append((match.start(), self._settle(match["name"])))
        return found

    def _is_part(self, word: str) -> bool:
        """Say whether somebody known is called so, even if two are: the name stays as said."""
        return any(word in one.name.casefold().split() for one in self._known)

    def _settle(self, name: str) -> Named:
        return self.by_name(name) or Named(name)

    def _role(self, text: str) -> str | None:
        if self._book.language == "zh":
            match = re.search(self._book.macros["boss"], text)
            return match.group() if match else None
        match = re.search(_ROLE_NAME.format(boss=self._book.macros["boss"]), text, re.IGNORECASE)
        return match["role"] if match and match["role"].casefold() not in {"board"} else None

    def _is_called(self, full: str, wanted: str) -> bool:
        folded = full.casefold()
        if not folded.isascii() or not wanted.isascii():
            # 王主任 is 王建国 where only one person of that surname is known.
            is_surname = folded[:1] == wanted[:1] and _is_titled(wanted)
            return len(wanted) >= 2 and (wanted in folded or is_surname)
        return wanted in folded.split() or folded.startswith(wanted + " ")


def _is_titled(name: str) -> bool:
    return _ZH_TITLED.fullmatch(name) is not None


def _titled(name: str) -> str:
    return name if name != name.lower() else name.title()
