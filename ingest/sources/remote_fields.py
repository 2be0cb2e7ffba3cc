"""The fields of one kind of record in a CRM: read as a sync reads them, and mapped back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.errors import BadInput
from crm.models import Stage
from crm.money import to_major
from ingest.crm.fields import Kind
from ingest.crm.importer import HISTORY
from ingest.crm.mapping import FieldMapping, TableMapping
from ingest.crm.names import normal
from ingest.crm.stages import read_stages
from ingest.sources.records import Readers
from ingest.sources.writing import Cell, ColumnShape, WritableSource, cell_for

Value = str | int | Decimal | date | None
_LINKS = frozenset({Kind.LINK, Kind.LINK_ID})
_CLOSE = "expected_close_on"
_SHOWN = 200
_NO_STAGE = "a stage that did not come from there"


@dataclass(frozen=True)
class Setting:
    """One field to be set: ours, the column of ours, and the value as we store it."""

    name: str
    column: str
    value: object


class RemoteFields:
    """How the records of one of our tables stand in a CRM, by the mapping of its source.

    A value goes back only where the mapping leads to exactly one: what was written is read again
    through the same mapping, and has to come out as it went in.
    """

    def __init__(self, session: Session, source: WritableSource, entity: str) -> None:
        self._source, self._entity = source, entity
        mapping = source.mapping
        self._table = _only_table(source, entity)
        self.object = self._table.file[0]
        stages = read_stages(session, mapping)
        self._readers = Readers(mapping, self._without_links(), self.object, stages)
        found = session.scalars(select(Stage).where(Stage.source == mapping.source))
        self._stages = {row.id: (row.external_id, row.name) for row in found}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the CRM that tell a record's own values."""
        return tuple(self._without_links().columns)

    @property
    def brings_history(self) -> bool:
        """Say whether the source tells the changes of deals itself."""
        return bool({table.entity for table in self._source.mapping.tables} & HISTORY)

    def read(self, row: Mapping[str, object]) -> dict[str, object]:
        """Return a record's values by our columns. Raises BadInput if the mapping cannot."""
        record = self._readers.read(1, row)
        if record.problems:
            first = record.problems[0]
            raise BadInput(
                f"{self._source.label} holds {first.value!r} in {first.field!r}, which the mapping "
                f"cannot read ({first.reason}): nothing was written"
            )
        return record.values

    def check(self, settings: list[Setting], *, currency: str | None) -> None:
        """Refuse what the mapping cannot lead back, without asking the CRM. Raises BadInput."""
        for one in settings:
            self._back(one, currency)

    def columns_of(self, settings: list[Setting]) -> tuple[str, ...]:
        """Return the CRM's columns that would be written."""
        return tuple(self._column(self._field(one.name), one.name) for one in settings)

    def cells(
        self,
        row: Mapping[str, object],
        settings: list[Setting],
        shapes: Mapping[str, ColumnShape],
        *,
        currency: str | None,
    ) -> dict[str, Cell]:
        """Return what to write, by the CRM's columns; read back it gives what is wanted.

        Raises BadInput where it does not, PermanentError for a field that we may not change.
        """
        cells: dict[str, Cell] = {}
        for one in settings:
            column, value = self._back(one, currency)
            shape = shapes.get(column)
            if shape is None:
                raise BadInput(
                    f"{self._source.label} has no field {column!r} for us: give our user the right "
                    "to it, or leave it out of the mapping"
                )
            cells[column] = cell_for(column, value, shape, self._zone(self._field(one.name)))
        came = self.read({**row, **cells})
        for one in settings:
            if one.column not in came or not is_same(came[one.column], one.value):
                raise self._no_way_back(one, f"it would read {came.get(one.column)!r}")
        return cells

    def shown(self, column: str, value: object, currency: object) -> str | None:
        """Return one of our values as people read it."""
        if column == "stage_id" and isinstance(value, int):
            return self._stages.get(value, ("", str(value)))[1]
        if column == "amount_minor" and isinstance(value, int) and isinstance(currency, str):
            return f"{to_major(value, currency):f} {currency}"
        return None if value is None else str(value)[:_SHOWN]

    def _without_links(self) -> TableMapping:
        known = self._table.target.fields
        own = {
            name: item
            for name, item in self._table.fields.items()
            if known[name].kind not in _LINKS
        }
        return self._table.model_copy(update={"fields": own})

    def _field(self, name: str) -> FieldMapping:
        fields = self._table.fields
        item = fields.get(name)
        if item is None and name == _CLOSE and "close_date" in fields:
            item = fields["close_date"]
        if item is None:
            raise BadInput(
                f"the mapping of source {self._source.name!r} reads {name!r} of {self._entity} "
                f"from nowhere: it cannot be written to {self._source.label}"
            )
        return item

    def _column(self, item: FieldMapping, name: str) -> str:
        column = item.column or ""
        why = ""
        if item.constant is not None:
            why = "it is a constant of the mapping"
        elif item.split is not None or not column:
            why = f"it is made from {', '.join(item.sources)}"
        elif column.startswith("_"):
            why = f"{column!r} is worked out by the connector from several fields"
        elif "." in column:
            why = f"{column!r} is a field of another record"
        if why:
            raise BadInput(
                f"{name!r} of {self._entity} cannot be written to {self._source.label}: {why}; "
                "change it there"
            )
        return column

    def _back(self, one: Setting, currency: str | None) -> tuple[str, Value]:
        """Return the CRM's column and the value there, before its form is known."""
        item = self._field(one.name)
        column, value = self._column(item, one.name), one.value
        if one.column == "stage_id":
            value = self._stage(value)
        elif one.column == "amount_minor" and isinstance(value, int):
            if currency is None:
                raise BadInput(f"{one.name!r} has no currency: nothing can be written")
            value = to_major(value, currency)
        if value is None:
            if item.default is not None:
                raise self._no_way_back(one, f"an empty one reads {item.default!r}")
            return column, None
        if item.scale and isinstance(value, int | Decimal):
            value = Decimal(value) / item.scale
        if isinstance(value, str):
            value = self._unmapped(item, one, value)
        if isinstance(value, date):
            value = self._dated(item, one, value)
        if not isinstance(value, str | int | Decimal | date):
            raise self._no_way_back(one, "it is of no kind that a CRM holds")
        return column, value

    def _stage(self, stage_id: object) -> str:
        key, name = self._stages.get(stage_id, ("", "")) if isinstance(stage_id, int) else ("", "")
        if not key:
            raise BadInput(
                f"the stage is {_NO_STAGE}: name one of {self._source.label} ("
                f"{', '.join(sorted(shown for _key, shown in self._stages.values()))})"
            )
        declared = self._source.mapping.stages.get(name)
        if declared is None or key != f"name:{normal(name)}":
            return key
        others = [alias for alias in declared.aliases if normal(alias) != normal(name)]
        if others:
            raise BadInput(
                f"the stage {name!r} stands for several in {self._source.label} "
                f"({', '.join(map(repr, [name, *others]))}): change it there"
            )
        return name

    def _unmapped(self, item: FieldMapping, one: Setting, text: str) -> str:
        """Return the text that the mapping's own list of values makes this one from."""
        values = {**item.aliases, **item.value_map}
        made_from = list(dict.fromkeys(key for key, value in values.items() if value == text))
        if len(made_from) > 1:
            raise self._no_way_back(one, f"{', '.join(map(repr, made_from))} all read so")
        if made_from:
            return made_from[0]
        if normal(text) in {normal(key) for key in values}:
            raise self._no_way_back(one, "the mapping reads that as something else")
        return text

    def _dated(self, item: FieldMapping, one: Setting, day: date) -> Value:
        formats = item.date_format or self._table.date_format or self._source.mapping.date_format
        if not formats:
            return day
        if len(formats) > 1:
            raise self._no_way_back(one, f"dates are written in {len(formats)} ways there")
        if formats[0] in ("epoch", "epoch_ms"):
            start = datetime(day.year, day.month, day.day, tzinfo=self._zone(item))
            return Decimal(round(start.timestamp())) * (1000 if formats[0] == "epoch_ms" else 1)
        return day.strftime(formats[0])

    def _zone(self, item: FieldMapping) -> tzinfo:
        name = item.timezone or self._table.timezone or self._source.mapping.timezone
        return ZoneInfo(name) if name else UTC

    def _no_way_back(self, one: Setting, why: str) -> BadInput:
        return BadInput(
            f"{one.name!r} of {self._entity} cannot be written to {self._source.label}: its value "
            f"there does not follow from ours ({why}); change it there"
        )


def object_of(source: WritableSource, entity: str) -> str:
    """Return what the source calls the records of one of our tables.

    Raises BadInput if its mapping fills the table from none or several.
    """
    return _only_table(source, entity).file[0]


def _only_table(source: WritableSource, entity: str) -> TableMapping:
    tables = [one for one in source.mapping.tables if one.entity == entity]
    if len(tables) != 1 or len(tables[0].file) != 1 or "id" not in tables[0].fields:
        raise BadInput(
            f"the mapping of source {source.name!r} fills {entity} from {len(tables)} objects: "
            "nothing can be written back to one of several"
        )
    return tables[0]


def is_same(one: object, other: object) -> bool:
    """Say whether two of our values are the same, whatever line ends and outer blanks a CRM has."""
    if isinstance(one, str) and isinstance(other, str):
        return _plain(one) == _plain(other)
    return (None if one == "" else one) == (None if other == "" else other)


def _plain(text: str) -> str:
    lines = "\n".join(text.splitlines()).strip()
    # Mail addresses come back in small letters.
    return lines.casefold() if "@" in lines and " " not in lines else lines
