"""The mapping file: which column of which file fills which field, and how its cells are read."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    model_validator,
)
from pydantic import Field as Setting
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from crm.errors import BadInput
from crm.models import StageStatus
from ingest.crm.catalogue import ENTITIES
from ingest.crm.fields import Entity, Kind

Missing = Literal["create", "reject", "blank"]
BLANKS = ("null", "n/a", "#n/a", "-", "--", "—", "nan")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_fraction(value: object) -> object:
    if isinstance(value, str) and value.strip().endswith("%"):
        return Decimal(value.strip()[:-1]) / 100
    return value


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("expected a time zone such as Asia/Shanghai") from None
    return name


def _currency_code(code: str) -> str:
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise ValueError("expected a currency code of three letters such as USD")
    return code.upper()


Texts = Annotated[list[str], BeforeValidator(_as_list)]
Currency = Annotated[str, AfterValidator(_currency_code)]
Fraction = Annotated[Decimal, BeforeValidator(_as_fraction), Setting(ge=0, le=1)]
Similarity = Annotated[float, Setting(ge=0.5, le=1)]
Zone = Annotated[str, AfterValidator(_known_zone)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Reading(_Part):
    """How cells are read; a table's setting overrides the file's, a field's the table's."""

    currency: Currency | None = None
    date_format: Texts | None = None
    decimal: Literal[".", ","] | None = None
    timezone: Zone | None = None
    fuzzy: Similarity | None = None
    missing: Missing | None = None


class FieldMapping(Reading):
    """Where one field's value comes from: `account: Account Name` is short for one column."""

    column: str | None = None
    columns: list[str] = []
    join: str = " "
    split: str | None = None
    part: int = 1
    value_map: dict[str, str] = {}
    aliases: dict[str, str] = {}
    scale: Decimal | None = None
    default: str | None = None
    constant: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, given: object) -> object:
        if isinstance(given, str):
            return {"column": given}
        return {"columns": given} if isinstance(given, list) else given

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        origins = [self.column is not None, bool(self.columns), self.constant is not None]
        if sum(origins) != 1:
            raise ValueError("expected exactly one of column, columns, constant")
        if self.part == 0:
            raise ValueError("part counts from 1, or from -1 at the end")
        return self

    @property
    def sources(self) -> list[str]:
        """The columns it is read from."""
        return [self.column] if self.column is not None else self.columns


class TableMapping(Reading):
    """One kind of file (or sheet) and the entity whose rows it holds."""

    file: Annotated[Texts, Setting(validation_alias=AliasChoices("file", "object"))] = []
    sheet: str | None = None
    header_row: Annotated[int, Setting(ge=1)] = 1
    encoding: str | None = None
    delimiter: str | None = None
    entity: str
    key: Texts = []
    fields: Annotated[dict[str, FieldMapping], Setting(min_length=1)]

    @property
    def columns(self) -> list[str]:
        """All columns that a file must have."""
        return list(dict.fromkeys(name for item in self.fields.values() for name in item.sources))

    @property
    def target(self) -> Entity:
        """The entity that the rows fill."""
        return ENTITIES[self.entity]


class StageMapping(_Part):
    """A stage: `Won: won` is short for its status; positions follow the order of the list."""

    status: StageStatus
    position: int | None = None
    probability: Fraction | None = None
    aliases: Texts = []

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, given: object) -> object:
        return {"status": given} if isinstance(given, str) else given


class Mapping(Reading):
    """A whole mapping file."""

    source: Annotated[str, Setting(min_length=1)] = "crm"
    encoding: str | None = None
    delimiter: str | None = None
    blank: Texts = list(BLANKS)
    stages: dict[str, StageMapping] = {}
    aliases: dict[str, dict[str, str]] = {}
    tables: Annotated[
        list[TableMapping],
        Setting(min_length=1, validation_alias=AliasChoices("tables", "files")),
    ]


class _PlainLoader(yaml.SafeLoader):
    """YAML whose scalars all stay text, so that `No: lost` and `1.10` mean what they say."""

    yaml_implicit_resolvers = {}  # noqa: RUF012

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands twice, where YAML would keep the last in silence."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(
                    problem=f"{key!r} stands twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep=deep)


def load_mapping(path: Path) -> Mapping:
    """Return the mapping in a YAML file.

    Raises:
        BadInput: it cannot be read, or a key is wrong; names the file, key, value, what is
            expected, and close matches of an unknown name.
    """
    return parse_mapping(read_plain_yaml(path, "mapping"), path.name)


def read_plain_yaml(path: Path, what: str) -> object:
    """Return what a YAML file holds, all scalars as text; `what` it is, for messages.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 (a SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read the {what} {str(path)!r}: {error}") from error
    except yaml.YAMLError as error:
        raise BadInput(f"{path.name} is not valid YAML: {error}") from error


def parse_mapping(loaded: object, name: str) -> Mapping:
    """Return the mapping of loaded YAML; `name` is the file's, for messages."""
    if not isinstance(loaded, dict):
        raise BadInput(f"{name}: expected keys such as tables and stages, got {loaded!r}")
    try:
        mapping = Mapping.model_validate(loaded)
    except ValidationError as error:
        lines = "\n".join(explain_errors(error, _KEYS))
        raise BadInput(f"{name} is not a usable mapping:\n{lines}") from None
    problems = list(_problems(mapping))
    if problems:
        raise BadInput(f"{name} is not a usable mapping:\n" + "\n".join(problems))
    return mapping


def close_to(name: str, known: Iterator[str] | list[str]) -> str:
    """Return ` (did you mean …?)` for the known names nearest to a name, or nothing."""
    found = process.extract(
        name.casefold(), list(known), scorer=JaroWinkler.similarity, limit=3, score_cutoff=0.75
    )
    names = ", ".join(repr(item[0]) for item in found)
    return f" (did you mean {names}?)" if names else ""


_KEYS = sorted(
    {
        key
        for part in (Mapping, TableMapping, FieldMapping, StageMapping)
        for key in part.model_fields
    }
)


def explain_errors(error: ValidationError, known: list[str]) -> Iterator[str]:
    """Yield a line for each problem: where, what stands there, and known keys like a wrong one."""
    for item in error.errors():
        where = ".".join(str(step) for step in item["loc"])
        if item["type"] == "extra_forbidden":
            key = str(item["loc"][-1])
            yield f"- {where}: unknown key {key!r}{close_to(key, known)}"
        elif item["type"] == "missing":
            yield f"- {where}: missing"
        else:
            message = item["msg"].removeprefix("Value error, ")
            yield f"- {where}: {item['input']!r}: {message}"


def _problems(mapping: Mapping) -> Iterator[str]:
    for entity in mapping.aliases:
        if entity not in ENTITIES:
            yield f"- aliases.{entity}: unknown table {entity!r}{close_to(entity, list(ENTITIES))}"
    for number, table in enumerate(mapping.tables):
        where = f"tables.{number}"
        if table.entity not in ENTITIES:
            near = close_to(table.entity, list(ENTITIES))
            yield f"- {where}.entity: unknown {table.entity!r}{near}; one of {', '.join(ENTITIES)}"
            continue
        yield from _table_problems(mapping, table, where)


def _table_problems(mapping: Mapping, table: TableMapping, where: str) -> Iterator[str]:
    known = table.target.fields
    unknown = [name for name in table.fields if name not in known]
    for name in unknown:
        yield (
            f"- {where}.fields: {table.entity} has no field {name!r}{close_to(name, list(known))}"
            f"; it has {', '.join(known)}"
        )
    for name in table.key:
        if name not in table.fields:
            yield f"- {where}.key: {name!r} is not among the table's fields"
    if unknown:
        return
    yield from _lacking(mapping, table, where)
    money = [name for name in table.fields if known[name].kind is Kind.MONEY]
    needs = money or table.entity == "opportunities"
    if needs and "currency" not in table.fields and not table.target.money_from:
        own = any(table.fields[name].currency for name in money)
        if not (own or table.currency or mapping.currency):
            yield f"- {where}: its amounts need a currency; add `currency: USD` at the top"


def _lacking(mapping: Mapping, table: TableMapping, where: str) -> Iterator[str]:
    has_stages = bool(mapping.stages) or any(each.entity == "stages" for each in mapping.tables)
    for item in table.target.fields.values():
        if item.kind is Kind.STAGE and item.name in table.fields and not has_stages:
            yield f"- stages: missing; declare each stage of {item.name!r} as open, won or lost"
        pair = {item.name, f"{item.name}_id", item.name.removesuffix("_id")}
        is_filled = bool(pair & set(table.fields)) or _has_substitute(table, item.name)
        if item.is_required and item.kind is not Kind.LINK_ID and not is_filled:
            yield f"- {where}.fields: {table.entity} needs {item.name!r}"
    if table.key or "id" in table.fields:
        return
    if not any(_is_keyed(table, key) for key in table.target.keys):
        keys = " or ".join(" + ".join(key) for key in table.target.keys)
        yield f"- {where}: rows need an identity: map `id`, or {keys}, or declare `key: [fields]`"


def _is_keyed(table: TableMapping, key: tuple[str, ...]) -> bool:
    if "name" in key:
        return "name" in table.fields
    return any(name in table.fields or f"{name}_id" in table.fields for name in key)


def _has_substitute(table: TableMapping, name: str) -> bool:
    fields = set(table.fields)
    if table.entity == "opportunities" and name == "name":
        return bool(fields & {"id", "account", "account_id"} or table.key)
    return table.entity == "quotes" and name == "number" and "id" in fields
