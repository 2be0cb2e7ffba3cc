"""What a target of a mapping is: a field, its kind, and the entity that it belongs to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from sqlalchemy import Table

from crm.models import Base


class Kind(StrEnum):
    """How the text of a cell becomes a value."""

    TEXT = "text"
    INTEGER = "whole number"
    NUMBER = "number"
    RATIO = "percentage"
    MONEY = "money"
    DATE = "date"
    TIME = "date and time"
    FLAG = "yes/no"
    CHOICE = "choice"
    LINK = "name of"
    LINK_ID = "id of"
    STAGE = "stage"
    NAMES = "list of names"


@dataclass(frozen=True)
class Field:
    """One target; `column` is the table's column, None where the importer does more than store."""

    name: str
    kind: Kind
    meaning: str
    meaning_zh: str
    column: str | None = None
    is_required: bool = False
    entity: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entity:
    """One table that files can fill.

    `keys` are natural keys, tried in order when no id is mapped; `money_from` names the linked
    table whose currency the amounts have; `is_creatable` says that a name alone makes a row.
    """

    name: str
    model: type[Base]
    fields: dict[str, Field]
    keys: tuple[tuple[str, ...], ...]
    money_from: tuple[str, str] | None = None
    is_creatable: bool = False

    @property
    def table(self) -> Table:
        """The SQL table."""
        table = self.model.__table__
        assert isinstance(table, Table)  # noqa: S101
        return table


def plain(name: str, meaning: str, meaning_zh: str, kind: Kind = Kind.TEXT) -> Field:
    """Return a field that is stored as it reads."""
    return Field(name, kind, meaning, meaning_zh, column=name)


def money(name: str, meaning: str, meaning_zh: str) -> Field:
    """Return an amount, stored in minor units."""
    return Field(name, Kind.MONEY, meaning, meaning_zh, column=f"{name}_minor")


def choice(name: str, meaning: str, meaning_zh: str, choices: Iterable[StrEnum]) -> Field:
    """Return a field with a closed set of values."""
    values = tuple(choice.value for choice in choices)
    return Field(name, Kind.CHOICE, meaning, meaning_zh, column=name, choices=values)


def link(name: str, entity: str, meaning: str, meaning_zh: str) -> tuple[Field, Field]:
    """Return the two fields of a reference: by name, and by id."""
    by_name = Field(name, Kind.LINK, meaning, meaning_zh, f"{name}_id", entity=entity)
    by_id = replace(
        by_name,
        name=f"{name}_id",
        kind=Kind.LINK_ID,
        meaning=f"{meaning}, by its id in the source",
        meaning_zh=f"{meaning_zh}(按来源系统的编号)",
    )
    return by_name, by_id


def needed(item: Field) -> Field:
    """Return the field as one that every row must fill."""
    return replace(item, is_required=True)


def derived(item: Field) -> Field:
    """Return the field as one that the importer stores elsewhere."""
    return replace(item, column=None)


ID = Field("id", Kind.TEXT, "Its id in the source", "来源系统中的编号")
BY_NAME = (("name",),)


def describe(
    name: str,
    model: type[Base],
    fields: tuple[Field, ...],
    keys: tuple[tuple[str, ...], ...] = BY_NAME,
    *,
    money_from: tuple[str, str] | None = None,
    is_creatable: bool = False,
) -> Entity:
    """Return an entity, to whose fields `id` is added."""
    by_name = {item.name: item for item in (ID, *fields)}
    return Entity(name, model, by_name, keys, money_from, is_creatable)


def field_table(entity: Entity, language: Literal["en", "zh"]) -> Iterator[str]:
    """Yield the lines of a Markdown table of the entity's fields, for the documentation."""
    heads = {
        "en": ("field", "kind", "needed", "meaning", "yes"),
        "zh": ("字段", "类型", "必填", "含义", "是"),
    }
    *titles, yes = heads[language]
    yield "| " + " | ".join(titles) + " |"
    yield "| --- " * len(titles) + "|"
    for item in entity.fields.values():
        kind = f"{item.kind} {item.entity}".strip()
        if item.choices:
            kind = f"{item.kind}: {', '.join(item.choices)}"
        meaning = item.meaning if language == "en" else item.meaning_zh
        yield f"| `{item.name}` | {kind} | {yes if item.is_required else ''} | {meaning} |"
