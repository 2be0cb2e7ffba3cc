"""The company's guide: who we are, what may be promised, how we write, in one YAML file."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crm.errors import BadInput
from tools.language import Language

GUIDE_FILE = "company.yaml"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Part):
    """The same words in both languages; one of them may be missing."""

    en: str | None = None
    zh: str | None = None

    def in_language(self, language: Language) -> str | None:
        """Return the words in this language, None where the guide has none."""
        return self.zh if language == "zh" else self.en


class Policy(_Part):
    """A statement that everybody may make: a delivery time, a service level, a discount rule."""

    id: str
    text: Text


class Term(_Part):
    """One clause of the terms in a proposal."""

    title: Text
    text: Text


class CustomerStory(_Part):
    """A customer who may be named as a reference, for which products, and what was done there."""

    customer: str
    text: Text
    products: tuple[str, ...] = ()


class Banned(_Part):
    """A phrase that nobody writes, and what stands in its place; empty drops it."""

    phrase: str
    instead: str = ""


class House(_Part):
    """How the company writes where a rep has no habit of her own."""

    greeting: Text = Text()
    sign_off: Text = Text()
    most_words: int | None = Field(default=None, ge=20, le=1_000)


class CompanyGuide(_Part):
    """Everything the guide says; a company without one has an empty guide."""

    name: Text = Text()
    policies: tuple[Policy, ...] = ()
    terms: tuple[Term, ...] = ()
    references: tuple[CustomerStory, ...] = ()
    banned: tuple[Banned, ...] = ()
    house: House = House()


def load_guide(path: Path) -> CompanyGuide:
    """Return the guide in this file, an empty one if there is no file.

    Raises BadInput naming the place in the file that cannot be used.
    """
    if not path.is_file():
        return CompanyGuide()
    try:
        return CompanyGuide.model_validate(yaml.safe_load(path.read_text("utf-8")) or {})
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        raise BadInput(f"the company guide {str(path)!r} cannot be used: {_why(error)}") from None


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors()[0]
        place = ".".join(str(part) for part in found["loc"]) or "the top level"
        return f"{place}: {found['msg']}"
    return " ".join(str(error).split())[:200]
