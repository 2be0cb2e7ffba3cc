"""Which file goes through which part of the mapping, in an order in which references resolve."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from crm.errors import BadInput
from ingest.crm.catalogue import ENTITIES
from ingest.crm.mapping import Mapping, TableMapping
from ingest.crm.records import StageBook
from ingest.crm.rows import RowReader
from ingest.crm.sheets import Sheet, column_index, open_sheets


@dataclass(frozen=True)
class Step:
    """One sheet to read as one table of the mapping."""

    table: TableMapping
    sheet: Sheet


def plan_import(files: Sequence[Path], mapping: Mapping) -> list[Step]:
    """Return the steps, users before accounts before opportunities, whatever the files' order.

    Everything that can be refused is refused here, before a row is written: unreadable files,
    missing columns, notations that the mapping has to declare.

    Raises:
        BadInput: a file is unusable or fits no table of the mapping.
    """
    if not files:
        raise BadInput("no file to import")
    steps = [step for file in files for step in _steps_of(file, mapping)]
    order = {name: number for number, name in enumerate(ENTITIES)}
    steps.sort(key=lambda step: order[step.table.entity])
    for step in steps:
        reader = RowReader(mapping, step.table, step.sheet, StageBook({}))
        reader.check(step.sheet.rows())
    return steps


def _steps_of(file: Path, mapping: Mapping) -> list[Step]:
    name = file.name.casefold()
    named = [
        table
        for table in mapping.tables
        if any(fnmatch(name, pattern.casefold()) for pattern in table.file)
    ]
    if named:
        return [Step(table, _sheet_for(file, table, mapping)) for table in named]
    fitting = [
        Step(table, sheet)
        for table in mapping.tables
        for sheet in _sheets(file, table, mapping)
        if (table.sheet in (None, sheet.title)) and _fits(sheet, table)
    ]
    loose = [step for step in fitting if not step.table.file]
    if loose or fitting:
        return _widest(loose or fitting)
    if len(mapping.tables) == 1:
        return [Step(mapping.tables[0], _sheet_for(file, mapping.tables[0], mapping))]
    header = _sheets(file, mapping.tables[0], mapping)[0].header
    raise BadInput(
        f"no table of the mapping fits {file.name!r}, whose columns are "
        f"{', '.join(map(repr, header[:60]))}; give one the line `file: {file.name}`"
    )


def _sheets(file: Path, table: TableMapping, mapping: Mapping) -> list[Sheet]:
    return open_sheets(
        file,
        header_row=table.header_row,
        encoding=table.encoding or mapping.encoding,
        delimiter=table.delimiter or mapping.delimiter,
    )


def _sheet_for(file: Path, table: TableMapping, mapping: Mapping) -> Sheet:
    sheets = _sheets(file, table, mapping)
    if table.sheet and sheets[0].title:
        named = [sheet for sheet in sheets if sheet.title == table.sheet]
        if not named:
            titles = ", ".join(repr(sheet.title) for sheet in sheets)
            raise BadInput(f"{file.name!r} has no sheet {table.sheet!r}; it has {titles}")
        sheets = named
    return next((sheet for sheet in sheets if _fits(sheet, table)), sheets[0])


def _fits(sheet: Sheet, table: TableMapping) -> bool:
    try:
        for column in table.columns:
            column_index(sheet, column)
    except BadInput:
        return False
    return bool(table.columns)


def _widest(steps: list[Step]) -> list[Step]:
    """Keep, of the tables that fit a sheet and fill the same entity, the one using most of it."""
    best: dict[tuple[str, str], Step] = {}
    for step in steps:
        key = (step.table.entity, step.sheet.name)
        if key not in best or len(step.table.columns) > len(best[key].table.columns):
            best[key] = step
    return list(best.values())
