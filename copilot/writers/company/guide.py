"""The company's guide: who we are, what may be promised, how we write, in one YAML file."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic import model_validator as validator

from crm.errors import BadInput
from tools.language import Language

GUIDE_FILE = "company.yaml"
_MOST_BYTES = 1_000_000
_PLACES = {"greeting": {"name", "first", "surname", "title"}, "sign_off": {"sender"}}

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Part):
    """The same words in both languages; one of them may be missing."""

    en: Words | None = None
    zh: Words | None = None

    def in_language(self, language: Language) -> str | None:
        """Return the words in this language, None where the guide has none."""
        return self.zh if language == "zh" else self.en

    @property
    def is_empty(self) -> bool:
        """Say whether there are no words in either language."""
        return self.en is None and self.zh is None


class Said(Text):
    """Words that have to be there in one language at least."""

    @validator(mode="after")
    def _says_something(self) -> Self:
        if self.is_empty:
            raise ValueError("has no words: give `en`, `zh` or both")
        return self


class Policy(_Part):
    """A statement that everybody may make: a delivery time, a service level, a discount rule."""

    id: Key
    text: Said


class Term(_Part):
    """One clause of the terms in a proposal."""

    title: Said
    text: Said


class CustomerStory(_Part):
    """A customer who may be named as a reference, for which products, and what was done there."""

    customer: Name
    text: Said
    products: tuple[Name, ...] = ()


class Banned(_Part):
    """A phrase that nobody writes, and what stands in its place; empty drops it."""

    phrase: Name
    instead: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""

    @validator(mode="after")
    def _comes_to_an_end(self) -> Self:
        if self.phrase.casefold() in self.instead.casefold():
            raise ValueError(f"`instead` {self.instead!r} holds the banned phrase itself")
        return self


class House(_Part):
    """How the company writes where a rep has no habit of her own."""

    greeting: Text = Text()
    sign_off: Text = Text()
    most_words: int | None = Field(default=None, ge=20, le=1_000)
    formality: Literal["formal", "neutral", "casual"] | None = None

    @validator(mode="after")
    def _has_known_places(self) -> Self:
        for part, known in _PLACES.items():
            text: Text = getattr(self, part)
            for words in (text.en, text.zh):
                unknown = set(re.findall(r"\{([^}]*)\}", words or "")) - known
                if unknown:
                    shown = ", ".join(f"{{{place}}}" for place in sorted(known))
                    wrong = ", ".join(f"{{{place}}}" for place in sorted(unknown))
                    raise ValueError(f"{part} knows the places {shown}, not {wrong}")
        return self


class CompanyGuide(_Part):
    """Everything the guide says; a company without one has an empty guide."""

    name: Text = Text()
    names: tuple[Name, ...] = ()
    policies: tuple[Policy, ...] = ()
    terms: tuple[Term, ...] = ()
    references: tuple[CustomerStory, ...] = ()
    banned: tuple[Banned, ...] = ()
    house: House = House()

    @validator(mode="after")
    def _says_each_once(self) -> Self:
        for what, keys in (
            ("policies: the id", (policy.id for policy in self.policies)),
            ("banned: the phrase", (one.phrase.casefold() for one in self.banned)),
            ("references: the customer", (story.customer for story in self.references)),
        ):
            repeated = _repeated(keys)
            if repeated is not None:
                raise ValueError(f"{what} {repeated!r} stands there twice")
        return self

    def policies_in(self, language: Language) -> tuple[tuple[str, str], ...]:
        """Return id and words of each policy that has words in this language."""
        pairs = ((one.id, one.text.in_language(language)) for one in self.policies)
        return tuple((key, words) for key, words in pairs if words)


def load_guide(path: Path) -> CompanyGuide:
    """Return the guide in this file, an empty one if there is no file.

    Raises BadInput naming the place in the file that cannot be used.
    """
    if not path.is_file():
        return CompanyGuide()
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadInput(_refusal(path, f"it has more than {_MOST_BYTES:,} bytes"))
        return CompanyGuide.model_validate(_read(path))
    except (yaml.YAMLError, UnicodeDecodeError, OSError, ValidationError, RecursionError) as error:
        raise BadInput(_refusal(path, _why(error))) from None


def _read(path: Path) -> object:
    content = yaml.safe_load(path.read_text("utf-8-sig"))
    return {} if content is None else content


def _refusal(path: Path, why: str) -> str:
    return f"the company guide {str(path)!r} cannot be used: {why}"


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors()
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return f"{_place(found[0]['loc'])}: {_told(dict(found[0]))}{more}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return " ".join(str(error).split())[:200]


def _place(location: Iterable[int | str]) -> str:
    """Return a place as one finds it in the file: the second policy's words are policies[2]."""
    place = ""
    for part in location:
        if isinstance(part, int):
            place += f"[{part + 1}]"
        else:
            place += f".{part}" if place else part
    return place or "the top level"


def _told(found: dict[str, object]) -> str:
    message = str(found["msg"]).removeprefix("Value error, ")
    if found["type"] == "model_type":
        return "named fields are expected here; see docs/style-guide.md"
    if found["type"] == "extra_forbidden":
        return "there is no such field; see docs/style-guide.md"
    given = found.get("input")
    shown = f", got {given!r}" if isinstance(given, (str, int, float)) else ""
    return f"{message}{shown}"[:300]


def _repeated(keys: Iterable[str]) -> str | None:
    counted = Counter(keys)
    return next((key for key, count in counted.items() if count > 1), None)
