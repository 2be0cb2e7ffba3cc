"""The index of every name in the store, by folded form, with a vocabulary for typing errors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz import process
from rapidfuzz.distance import OSA
from sqlalchemy.orm import Session

from crm.principal import Principal
from tools.language import has_han
from tools.names.form import keys_of, short_company_forms
from tools.names.sources import NamedThing, read_aliases, read_things
from tools.names.words import equivalents

FULL, OTHER, SHORT, PERSONAL, LEADING = range(5)
PEOPLE = frozenset({"owner", "manager", "contact"})
_GENERIC = frozenset(["team", "region", "territory", "industry", "area", "zone", "stage"])
_GENERIC_ZH = ("销售团队", "团队", "小组", "大区", "地区", "区域", "行业", "组", "部", "区")
_GROUPED = frozenset({"team", "region", "territory", "industry"})
_NOT_IN_VOCABULARY = frozenset({"opportunity"})
_SHORTEST_TYPO, _CORRECTIONS = 5, 4


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that a form may mean; `level` runs from 0 (its full name) to 4 (its first word)."""

    thing: NamedThing
    level: int


class NameIndex:
    """Names by their folded forms; build it once for a caller and ask it for every question."""

    def __init__(
        self,
        things: Iterable[NamedThing],
        aliases: Mapping[tuple[str, int], list[str]] | None = None,
    ) -> None:
        self._things: list[NamedThing] = []
        self._forms: dict[str, list[int]] = {}
        self._words: set[str] = set()
        self._longest: dict[str, int] = {}
        self._equivalents = equivalents()
        for thing in things:
            self._add_thing(thing, (aliases or {}).get((thing.dimension, thing.id or 0), ()))

    @classmethod
    def load(cls, session: Session, principal: Principal) -> "NameIndex":
        """Read all names that the caller may see, in a constant number of queries."""
        return cls(read_things(session, principal), read_aliases(session, principal))

    def __len__(self) -> int:
        """Return how many things have a name here."""
        return len(self._things)

    def things(self, *dimensions: str) -> list[NamedThing]:
        """Return everything of these dimensions that has a name."""
        return [thing for thing in self._things if thing.dimension in dimensions]

    def deals_with(self, account: str, words: Iterable[str]) -> list[NamedThing]:
        """Return the deals whose names begin like the account's and hold all the words."""
        lead = account.split(maxsplit=1)[0].lower() if account.isascii() else account[:2]
        wanted = [word.lower() for word in words]
        return [
            thing
            for thing in self.things("opportunity")
            if thing.name.lower().startswith(lead)
            and all(word in thing.name.lower() for word in wanted)
        ]

    def hits(self, key: str) -> list[Hit]:
        """Return what a compact key (folded tokens without spaces) may mean."""
        return [Hit(self._things[code >> 3], code & 7) for code in self._forms.get(key, ())]

    def has(self, key: str) -> bool:
        """Say whether a compact key is a form of any name."""
        return key in self._forms

    def longest_from(self, token: str) -> int:
        """Return how many tokens the longest form that starts with this token has (at least 3)."""
        return max(3, self._longest.get(token, 0))

    def corrections(self, token: str) -> list[tuple[str, int]]:
        """Return (known token, edits) nearest to a mistyped one, best first."""
        size = len(token)
        if size < _SHORTEST_TYPO:
            return []
        limit = 1 if size < 8 else 2 if size < 12 else 3
        found: list[tuple[str, int]] = []
        for length in range(size - limit, size + limit + 1):
            words = self._vocabulary.get((token[0], length))
            if words:
                found += [
                    (word, int(distance))
                    for word, distance, _ in process.extract(
                        token,
                        words,
                        scorer=OSA.distance,
                        score_cutoff=limit,
                        limit=_CORRECTIONS,
                        processor=None,
                    )
                ]
        return sorted(found, key=lambda pair: (pair[1], pair[0]))[:_CORRECTIONS]

    def _add_thing(self, thing: NamedThing, aliases: Iterable[str]) -> None:
        keys = keys_of(thing.name)
        if not keys:
            return
        code = len(self._things) << 3
        self._things.append(thing)
        self._add(keys, code | FULL)
        if thing.dimension not in _NOT_IN_VOCABULARY:
            self._words.update(keys)
            self._words.add("".join(keys))
        for other in aliases:
            self._add(keys_of(other), code | OTHER)
        self._add_equivalents(thing, code)
        self._add_short_forms(thing, keys, code)

    def _add_equivalents(self, thing: NamedThing, code: int) -> None:
        areas = ("territory", "team")
        known = self._equivalents.get("region" if thing.dimension in areas else thing.dimension)
        if known:
            for other in known.get(thing.name.strip().lower(), ()):
                # Two-letter country codes are words of the language ("IN", "IT", "NO").
                if len(other) > 2 or has_han(other) or other in ("US", "UK"):
                    self._add(keys_of(other), code | OTHER)

    def _add_short_forms(self, thing: NamedThing, keys: tuple[str, ...], code: int) -> None:
        dimension = thing.dimension
        if dimension in ("account", "competitor"):
            for form in short_company_forms(thing.name, keys):
                self._add(form, code | SHORT)
        if dimension in ("account", "product") and len(keys) > 1 and len(keys[0]) > 2:
            self._add(keys[:1], code | LEADING)
        elif dimension in PEOPLE:
            self._add_personal_forms(thing.name, keys, code)
        elif dimension in _GROUPED:
            self._add_without_generic(thing.name, keys, code)

    def _add_personal_forms(self, name: str, keys: tuple[str, ...], code: int) -> None:
        if name.isascii() or not has_han(name):
            if len(keys) > 1:
                self._add(keys[:1], code | PERSONAL)
                self._add(keys[-1:], code | PERSONAL)
        elif len(keys) == 3:
            self._add(keys[1:], code | PERSONAL)

    def _add_without_generic(self, name: str, keys: tuple[str, ...], code: int) -> None:
        bare = tuple(key for key in keys if key not in _GENERIC)
        if bare and bare != keys:
            self._add(bare, code | SHORT)
        for ending in _GENERIC_ZH:
            if name.endswith(ending) and len(name) - len(ending) >= 2:
                self._add(keys_of(name[: -len(ending)]), code | SHORT)

    def _add(self, keys: tuple[str, ...], code: int) -> None:
        if not keys:
            return
        key = "".join(keys)
        entries = self._forms.get(key)
        if entries is None:
            self._forms[key] = [code]
        elif entries[-1] >> 3 != code >> 3:
            entries.append(code)
        if len(keys) > self._longest.get(keys[0], 0):
            self._longest[keys[0]] = len(keys)

    @cached_property
    def _vocabulary(self) -> dict[tuple[str, int], list[str]]:
        buckets: dict[tuple[str, int], list[str]] = {}
        for word in self._words:
            if len(word) >= _SHORTEST_TYPO - 1 and word.isascii() and not word.isdigit():
                buckets.setdefault((word[0], len(word)), []).append(word)
        return buckets
