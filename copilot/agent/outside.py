"""Reads the questions of people outside the company: what is not one of a few kinds is declined.

No model chooses here: whoever asks from outside gets what code knows to be his, or public.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any, Literal

import rjieba
import yaml

from copilot.agent.declining import Topic, declined, plain_words, speaks_of, topic_of
from copilot.agent.desk import Request
from copilot.agent.lookups import attribute_book
from copilot.agent.phrases import overlaps, stem, tokens
from copilot.agent.plan import OwnQuestion, OwnThing, Plan, Route
from copilot.agent.reading import Reading
from crm.index.terms import terms_of
from crm.principal import Principal
from tools.attributes import Entity
from tools.language import Language, has_han
from tools.names.words import is_ordinary

_QUOTED = re.compile(r"[\"“「『《]([^\"”」』》]{2,120})[\"”」』》]")
_LETTER = re.compile(r"[a-z]|[^\w]")
_ACRONYM = re.compile(r"[A-Z0-9]{2,6}")
_TOLD_OF_COMPANY = frozenset({"industry", "country", "city", "domain"})
_CLOSED_TO_ANCHORS = frozenset({OwnThing.PRODUCTS, OwnThing.DETAILS, OwnThing.COMPANY})


def plan_outside(
    request: Request, reading: Reading, state: dict[str, Any], speakers: frozenset[str]
) -> dict[str, Any]:
    """Return the state's changes for a question from outside: a plan, or a decline.

    `speakers` are those who spoke in the caller's own conversations, whom he may name.
    """
    question, caller = reading.text, request.principal
    asked = _Asked(reading, caller, speakers)
    is_own_details = (asked.has("details") or asked.names_himself) and not asked.names_others
    topic = topic_of(question, caller)
    if topic is Topic.PERSONAL and (is_own_details or asked.has("reach")):
        topic = None
    if topic is Topic.OPERATIONS and asked.asks_whom_he_knows:
        topic = None
    if topic is not None:
        return declined(topic, question, caller)
    plan = asked.plan(state.get("previous") or {})
    if plan is None:
        return declined(Topic.GENERAL, question, caller)
    if plan.own and _is_closed(plan.own, asked, is_own_details):
        return declined(Topic.GENERAL, question, caller)
    return {
        "language": reading.language,
        "names": reading.said_names,
        "plan": plan.model_dump(mode="json"),
    }


def _is_closed(own: OwnQuestion, asked: "_Asked", is_own_details: bool) -> bool:
    """Say whether words such as "price" make more of the question than is told."""
    if own.thing is OwnThing.DETAILS and is_own_details:
        return False
    return own.thing in _CLOSED_TO_ANCHORS and speaks_of(Topic.ANCHORED, asked.words)


@dataclass(frozen=True)
class _Asked:
    """One question from outside, with what its words say."""

    reading: Reading
    caller: Principal
    speakers: frozenset[str]

    @cached_property
    def words(self) -> str:
        """The question in plain words."""
        return plain_words(self.reading.text)

    def has(self, key: str) -> bool:
        """Say whether a pattern of either language matches."""
        return any(_pattern(key, language).search(self.words) for language in ("en", "zh"))

    @property
    def is_known(self) -> bool:
        """Say whether the caller is somebody's contact, and speaks for himself."""
        return self.caller.contact_id is not None

    @cached_property
    def names_others(self) -> bool:
        """Say whether a name stands there that is neither his own, nor his company's, nor known."""
        heard = {one.casefold() for one in self.speakers}
        parts = {part for one in heard for part in one.split()}
        return any(
            name.casefold() not in heard
            and name.casefold() not in parts
            and not _ACRONYM.fullmatch(name)
            and self._unexplained(name)
            and name not in self.quoted
            for name in self.reading.unknown
        )

    @property
    def asks_whom_he_knows(self) -> bool:
        """Say whether the question is whom to turn to, or with whom he spoke last."""
        spoke = self.has("who") and self.has("talks") and self.has("last") and self.is_of_himself
        return not self.odd and (spoke or (self.has("reach") and self.has("how")))

    @property
    def names_himself(self) -> bool:
        """Say whether the caller is named, as the only contact that he can name."""
        return any(m.candidates[0].dimension == "contact" for m in self.reading.names)

    @cached_property
    def quoted(self) -> list[str]:
        """What stands in quotation marks, such as the subject of a case."""
        return _QUOTED.findall(self.reading.text)

    @cached_property
    def left(self) -> list[str]:
        """The words that are neither plain words of such questions, nor a name, nor a period."""
        spans = [mention.span for mention in self.reading.names]
        spans += [(one.start_char, one.end_char) for one in self.reading.periods]
        text = self.reading.text
        masked = "".join(" " if overlaps(i, i + 1, spans) else c for i, c in enumerate(text))
        return self._unexplained(masked)

    def _unexplained(self, words: str) -> list[str]:
        if self.reading.language == "zh":
            words = _known_chinese().sub(" ", words)
        known = _known_english()
        found = [
            (one.start, one.end)
            for one in tokens(words)
            if one.text not in known and not one.text.isdigit() and not _LETTER.fullmatch(one.text)
        ]
        return [words[start:end] for start, end in _runs(found, words)]

    @cached_property
    def odd(self) -> list[str]:
        """Of the words that are left those that may be a name: capitals are looked at first."""
        if self.reading.language == "zh":
            return [one for one in map(_not_ordinary, self.left) if len(one) > 1]
        words = self.left
        if self.reading.text[:1].isupper():
            words = [one for one in words if not one.islower()]
        return [word for word in words if not is_ordinary(word.lower())]

    @cached_property
    def is_of_himself(self) -> bool:
        """Say whether the caller speaks of himself or of his company."""
        named = {mention.candidates[0].dimension for mention in self.reading.names}
        return self.is_known and (self.has("self") or bool(named & {"account", "contact"}))

    def plan(self, previous: dict[str, Any]) -> Plan | None:
        """Return what is to be done, None if it is none of the few kinds."""
        if self.names_others:
            return None
        for read in (
            self._help, self._reach, self._details, self._cases, self._talks, self._company,
            self._products,
        ):  # fmt: skip
            found = read()
            if found is not None:
                return found
        return self._again(previous)

    def _help(self) -> Plan | None:
        return _own(OwnThing.HELP) if self.has("help") else None

    def _reach(self) -> Plan | None:
        asks = self.has("reach") and self.has("how") and not self.has("said")
        return _own(OwnThing.REACH) if asks and not self.odd else None

    def _details(self) -> Plan | None:
        if not self.is_known or self.odd:
            return None
        fields = self._fields(Entity.CONTACT)
        if not (self.has("details") or (self.names_himself and fields)):
            return None
        return _own(OwnThing.DETAILS, attributes=fields)

    def _company(self) -> Plan | None:
        is_named = any(m.candidates[0].dimension == "account" for m in self.reading.names)
        if not self.is_known or self.odd or not (is_named or self.has("company")):
            return None
        fields = tuple(one for one in self._fields(Entity.ACCOUNT) if one in _TOLD_OF_COMPANY)
        return _own(OwnThing.COMPANY, attributes=fields) if fields else None

    def _fields(self, entity: Entity) -> tuple[str, ...]:
        spans = [mention.span for mention in self.reading.names]
        found = attribute_book(entity, self.reading.language).find(self.reading.text, spans)
        return tuple(dict.fromkeys(one.key for one in found if one.section == "attribute"))

    def _cases(self) -> Plan | None:
        if not self.is_known or not self.has("cases"):
            return None
        if self.left and not (self.is_of_himself or self.quoted):
            return None
        is_open = self.has("open") and not self.has("opened")
        state = "open" if is_open else "closed" if self.has("closed") else None
        return _own(
            OwnThing.CASES,
            state=state,
            words=" ".join([*self.quoted] or ([] if self.has("counts") else self.left)),
            is_loose=not self.quoted and not self.odd,
            **self._days(),
        )

    def _talks(self) -> Plan | None:
        if not self.is_known or not (self.has("talks") or self.has("said")):
            return None
        if not (self.is_of_himself or self.has("last") or self.has("said")):
            return None
        if self.has("said"):
            about = self._topic()
            if about:
                return self._search(about)
            return _own(OwnThing.TALKS, kind=self._kind(), state="closed", words="said")
        if self.odd:
            return self._search(self._topic()) if self.is_of_himself else None
        last = "closed" if self.has("last") else None
        return _own(OwnThing.TALKS, kind=self._kind(), state=last, **self._days())

    def _search(self, about: str) -> Plan:
        kind = self._kind()
        heard = [one for one in self.speakers if one.casefold() in self.words]
        return Plan(
            route=Route.CONVERSATION,
            topic=about,
            only_last=self.has("last") and self.has("talks"),
            kind="" if kind == "meeting" else kind,
            speaker=heard[0] if heard else "",
        )

    def _topic(self) -> str:
        return " ".join(self.left) if terms_of(" ".join(self.left)) else ""

    def _kind(self) -> Literal["call", "meeting", "email", ""]:
        kinds: tuple[Literal["call", "meeting", "email"], ...] = ("email", "meeting", "call")
        found = [kind for kind in kinds if self.has(kind)]
        return found[0] if len(found) == 1 else ""

    def _days(self) -> dict[str, Any]:
        if not self.reading.periods:
            return {}
        period = self.reading.periods[0].period
        return {"since": period.start, "until": period.end}

    def _products(self) -> Plan | None:
        things = [m.candidates[0] for m in self.reading.names]
        ids = tuple(one.id for one in things if one.dimension == "product" and one.id is not None)
        family = next((one.name for one in things if one.dimension == "product_family"), "")
        asks = ids or family or self.has("products")
        others = {one.dimension for one in things} - {
            "product",
            "product_family",
            "account",
            "contact",
        }
        is_plain = not self.left or (
            bool(ids) and not self.odd and self.has("describes") and not self.has("delicate")
        )
        if not asks or not is_plain or others or self.reading.periods:
            return None
        return _own(OwnThing.PRODUCTS, ids=ids, family=family)

    def _again(self, previous: dict[str, Any]) -> Plan | None:
        """Take "and in 2025?" for the same question of another time."""
        before = (previous.get("plan") or {}).get("own")
        if not before or self.left or not self.reading.periods or self.reading.names:
            return None
        own = OwnQuestion.model_validate(before)
        if own.thing not in {OwnThing.CASES, OwnThing.TALKS}:
            return None
        return Plan(route=Route.OWN, own=own.model_copy(update=self._days()))


def _runs(spans: list[tuple[int, int]], words: str) -> Iterator[tuple[int, int]]:
    """Yield spans of the words, those of Chinese characters that follow each other as one."""
    begun: tuple[int, int] | None = None
    for start, end in spans:
        if begun and begun[1] == start and has_han(words[start:end]):
            begun = (begun[0], end)
            continue
        if begun:
            yield begun
        begun = (start, end)
    if begun:
        yield begun


def _not_ordinary(run: str) -> str:
    """Return what is left of a run of Chinese characters without its ordinary words."""
    return "".join(word for word in rjieba.cut(run) if not is_ordinary(word))


def _own(thing: OwnThing, **fields: Any) -> Plan:
    return Plan(route=Route.OWN, own=OwnQuestion(thing=thing, **fields))


@cache
def _pattern(key: str, language: Language) -> re.Pattern[str]:
    return re.compile(re.sub(r"\s+\|", "|", _words(language)[key]))


@cache
def _known_english() -> frozenset[str]:
    return frozenset(stem(part) for word in _words("en")["vocabulary"].split()
                     for part in re.split(r"\W+", word) if part)  # fmt: skip


@cache
def _known_chinese() -> re.Pattern[str]:
    words = sorted(_words("zh")["vocabulary"].split(), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, dict.fromkeys(words))))


@cache
def _words(language: Language) -> dict[str, str]:
    path = resources.files("copilot.agent") / "words" / f"outside.{language}.yaml"
    loaded: dict[str, str] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded
