"""The attributes of records that people ask for, with the words they use in both languages."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml


class Entity(StrEnum):
    """The kinds of record that can be shown."""

    ACCOUNT = "account"
    OPPORTUNITY = "opportunity"
    CONTACT = "contact"
    PRODUCT = "product"
    USER = "user"
    CALL = "call"


class Shape(StrEnum):
    """How an attribute's value is written."""

    TEXT = "text"
    NUMBER = "number"
    YEAR = "year"
    DATE = "date"
    MONEY = "money"


@dataclass(frozen=True)
class Attribute:
    """One attribute of one kind of record; `name` is also its field in the record's view."""

    entity: Entity
    name: str
    en: str
    zh: str
    aliases_en: tuple[str, ...] = ()
    aliases_zh: tuple[str, ...] = ()
    shape: Shape = Shape.TEXT

    def label(self, language: str) -> str:
        """Return the attribute's name for people."""
        return self.zh if language == "zh" else self.en


@cache
def attributes() -> tuple[Attribute, ...]:
    """Return all attributes, read once from `attributes.yaml`, in the order of that file."""
    path = Path(__file__).with_name("attributes.yaml")
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(
        Attribute(
            entity=Entity(entity),
            name=name,
            en=words["en"],
            zh=words["zh"],
            aliases_en=tuple(words.get("said_en", ())),
            aliases_zh=tuple(words.get("said_zh", ())),
            shape=Shape(words.get("shape", Shape.TEXT)),
        )
        for entity, named in tree.items()
        for name, words in named.items()
    )


def attributes_of(entity: Entity) -> tuple[Attribute, ...]:
    """Return the attributes of one kind of record, in the order in which they are shown."""
    return tuple(attribute for attribute in attributes() if attribute.entity == entity)


def find_attribute(entity: Entity, name: str) -> Attribute | None:
    """Return the attribute with this name, label or alias in either language, None if unknown."""
    wanted = name.strip().casefold().replace("_", " ")
    for attribute in attributes_of(entity):
        if wanted in (attribute.name.replace("_", " "), attribute.en.casefold(), attribute.zh):
            return attribute
    for attribute in attributes_of(entity):
        if wanted in attribute.aliases_en or wanted in attribute.aliases_zh:
            return attribute
    return None


def attributes_in(text: str, entity: Entity) -> list[Attribute]:
    """Return the attributes of `entity` that a question names, the longest wording first.

    English wordings match whole words only, Chinese ones anywhere.
    """
    asked = " ".join(text.casefold().split())
    lengths: dict[Attribute, int] = {}
    for attribute in attributes_of(entity):
        said = (attribute.en, attribute.zh, *attribute.aliases_en, *attribute.aliases_zh)
        found = [len(words) for words in said if _stands_in(words.casefold(), asked)]
        if found:
            lengths[attribute] = max(found)
    return sorted(lengths, key=lambda attribute: -lengths[attribute])


def _stands_in(words: str, text: str) -> bool:
    if not words.isascii():
        return words in text
    return re.search(rf"(?<![a-z0-9]){re.escape(words)}(?![a-z0-9])", text) is not None
