"""Reads a question from outside by words: what it speaks of, and which of the few kinds it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from importlib import resources
from itertools import pairwise
from typing import Any, Literal

import rjieba
import yaml

from copilot.agent.declining import plain_words
from copilot.agent.lookups import attribute_book
from copilot.agent.phrases import overlaps, stem, tokens
from copilot.agent.plan import TOLD_OF_COMPANY, OwnQuestion, OwnThing, Plan, Route
from copilot.agent.reading import Reading
from crm.index.terms import terms_of
from crm.principal import Principal
from tools.attributes import Entity
from tools.language import Language, has_han
from tools.names.words import is_ordinary

_QUOTED = re.compile(r"[\"“「『《]([^\"”」』》]{2,120})[\"”」』》]")
_LETTER = re.compile(r"[a-z]|[^\w]")
_YEAR = re.compile(r"(?<![A-Za-z0-9.#-])20\d\d(?![A-Za-z0-9-]|\.\d)")
_ACRONYM = re.compile(r"[A-Z0-9]{2,6}")
_FOR_ANYBODY = frozenset({OwnThing.PRODUCTS, OwnThing.REACH, OwnThing.HELP})
_STANDS_FOR: dict[Language, dict[str, str]] = {
    "en": {
        "quoted": "this", "product": "this product", "product_family": "this product",
        "account": "our company", "contact": "me", "speaker": "your colleague",
    },
    "zh": {
        "quoted": "这个", "product": "这个产品", "product_family": "这个产品",
        "account": "我们公司", "contact": "我", "speaker": "你们同事",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One question from outside, with what its words say."""

    reading: Reading
    caller: Principal
    speakers: frozenset[str]
    cases: tuple[str, ...] = ()

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

    @cached_property
    def may_name_somebody(self) -> bool:
        """Say whether Chinese characters may be a person's name that is not the caller's to use."""
        told = [*self.speakers, self.caller.name, *(one.text for one in self.reading.names)]
        text = _QUOTED.sub(" ", self.reading.text)
        for name in sorted(told, key=len, reverse=True):
            text = text.replace(name, " ")
        if self.reading.language == "en" and has_han(text):
            return True
        tagged = rjieba.tag(text)
        return any(
            kind.startswith("nr") and has_han(word) and not is_ordinary(word)
            and not _known_chinese().fullmatch(word)
            and (len(word) > 1 or (len(after) == 1 and has_han(after) and not is_ordinary(after)))
            for (word, kind), (after, _) in pairwise([*tagged, ("", "")])
        )  # fmt: skip

    @property
    def asks_whom_he_knows(self) -> bool:
        """Say whether the question is whom to turn to, or with whom he spoke last."""
        spoke = self.has("who") and self.has("talks") and self.has("last") and self.is_of_himself
        return not self.odd and (spoke or (self.has("reach") and self.has("how")))

    @property
    def names_himself(self) -> bool:
        """Say whether the caller is named, as the only contact that he can name."""
        return any(m.candidates[0].dimension == "contact" for m in self.reading.names)

    @property
    def names_product(self) -> bool:
        """Say whether a product is named."""
        return any(one.candidates[0].dimension == "product" for one in self.reading.names)

    @property
    def names_family(self) -> bool:
        """Say whether a family of products is named."""
        return any(one.candidates[0].dimension == "product_family" for one in self.reading.names)

    @cached_property
    def quoted(self) -> list[str]:
        """What stands in quotation marks, such as the subject of a case."""
        return _QUOTED.findall(self.reading.text)

    @property
    def quotes_own_case(self) -> bool:
        """Say whether a case of the caller's company is named."""
        held = {subject.casefold() for subject in self.cases}
        return self.is_known and any(quoted.casefold() in held for quoted in self.quoted)

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

    @property
    def names_a_topic(self) -> bool:
        """Say whether the question is what was said of something."""
        return bool(self.left) and self.has("about")

    @cached_property
    def masked(self) -> str:
        """The question with general words for names, as the examples of kinds have them."""
        text, lower = self.reading.text, self.reading.text.casefold()
        spans = [(*found.span(1), "quoted") for found in _QUOTED.finditer(text)]
        spans += [(*one.span, one.candidates[0].dimension) for one in self.reading.names]
        for name in sorted(self.speakers, key=len, reverse=True):
            at = lower.find(name.casefold())
            if at >= 0:
                spans.append((at, at + len(name), "speaker"))
        kept: list[tuple[int, int, str]] = []
        for start, end, what in spans:
            is_free = not any(start < stop and begin < end for begin, stop, _ in kept)
            if is_free and what in _STANDS_FOR[self.reading.language]:
                kept.append((start, end, what))
        for start, end, what in sorted(kept, reverse=True):
            text = text[:start] + _STANDS_FOR[self.reading.language][what] + text[end:]
        return text

    def plan(self) -> Plan | None:
        """Return what is to be done, None if its words are none of the few kinds."""
        for read in (
            self._help, self._reach, self._details, self._cases, self._talks, self._company,
            self._products,
        ):  # fmt: skip
            found = read()
            if found is not None:
                return found
        return None

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
        fields = tuple(one for one in self._fields(Entity.ACCOUNT) if one in TOLD_OF_COMPANY)
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
        if self.has("either"):
            state = None
        return _own(
            OwnThing.CASES,
            state=state,
            words=" ".join([*self.quoted] or ([] if self.has("counts") else self.left)),
            is_loose=not self.quoted and not self.odd,
            is_guess=self.has("counts") and bool(self.left) and not self.quoted,
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
            years = set(_YEAR.findall(self.reading.text))
            year = int(years.pop()) if len(years) == 1 else None
            return {"since": date(year, 1, 1), "until": date(year, 12, 31)} if year else {}
        period = self.reading.periods[0].period
        return {"since": period.start, "until": period.end}

    def _products(self) -> Plan | None:
        things = [m.candidates[0] for m in self.reading.names]
        named = self._products_named()
        asks = any(named.values()) or self.has("products")
        others = {one.dimension for one in things} - {
            "product",
            "product_family",
            "account",
            "contact",
        }
        is_plain = not self.left or (
            bool(named["ids"])
            and not self.odd
            and self.has("describes")
            and not self.has("delicate")
        )
        if not asks or not is_plain or others or self.reading.periods:
            return None
        return _own(OwnThing.PRODUCTS, **named)

    def plan_like(self, thing: OwnThing) -> Plan | None:
        """Return a wide plan for what the question is only like; None if it is not the caller's."""
        if not self.is_known and thing not in _FOR_ANYBODY:
            return None
        if thing is OwnThing.CASES:
            plan = self._cases_like()
        elif thing is OwnThing.TALKS:
            plan = _own(thing, kind=self._kind(), is_guess=True, **self._days())
        elif thing is OwnThing.PRODUCTS:
            plan = _own(thing, is_guess=True, **self._products_named())
        else:
            plan = _own(thing, is_guess=True)
        return plan

    def _cases_like(self) -> Plan:
        return _own(
            OwnThing.CASES,
            words=" ".join(self.quoted or self.left),
            is_loose=not self.quoted,
            is_guess=True,
            **self._days(),
        )

    def _products_named(self) -> dict[str, Any]:
        things = [mention.candidates[0] for mention in self.reading.names]
        return {
            "ids": tuple(one.id for one in things if one.dimension == "product" and one.id),
            "family": next((one.name for one in things if one.dimension == "product_family"), ""),
        }

    def again(self, previous: dict[str, Any]) -> Plan | None:
        """Take "and in 2025?" for the same question of another time."""
        before = (previous.get("plan") or {}).get("own")
        if not before or self.left or not self.reading.periods or self.reading.names:
            return None
        own = OwnQuestion.model_validate(before)
        if own.thing not in {OwnThing.CASES, OwnThing.TALKS}:
            return None
        return Plan(route=Route.OWN, own=own.model_copy(update=self._days()))


def taken_for(thing: OwnThing, language: Language) -> str:
    """Return what a question is said to have been taken for, where it was guessed."""
    return _words(language)[f"taken_for_{thing.value}"]


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
