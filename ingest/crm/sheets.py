"""Files opened as tables: a header and a stream of numbered rows, from CSV, TSV or XLSX."""

import csv
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from crm.errors import BadInput
from ingest.crm.encodings import detect_encoding, sniff_delimiter
from ingest.crm.mapping import close_to
from ingest.crm.names import normal
from ingest.crm.values import Native, as_text
from ingest.crm.workbook import check_workbook

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook

LONGEST_CELL = 1_000_000
_WORKBOOKS = {".xlsx", ".xlsm"}


@dataclass(frozen=True)
class Row:
    """One row, numbered as in a spreadsheet (the first is 1); `flaw` says why it is unreadable."""

    number: int
    cells: list[Native]
    flaw: str = ""


class Headed(Protocol):
    """What has columns by name: a file's table, or records that came by another way."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def header(self) -> tuple[str, ...]:
        """Its columns, in order."""
        ...


@dataclass(frozen=True)
class Sheet:
    """A table in a file, checked and ready to stream."""

    path: Path
    header: tuple[str, ...]
    header_row: int = 1
    encoding: str = ""
    delimiter: str = ","
    title: str | None = None

    @property
    def name(self) -> str:
        """The file's name, with the sheet's where it has one."""
        return f"{self.path.name}[{self.title}]" if self.title else self.path.name

    def rows(self) -> Iterator[Row]:
        """Yield the rows under the header, one at a time; blank rows are left out.

        A row with another number of cells than the header, or a cell beyond a million characters,
        comes with its flaw.
        """
        raw = _sheet_rows(self.path, self.title) if self.title else self._csv_rows()
        for row in raw:
            if row.number <= self.header_row:
                continue
            if row.flaw:
                yield row
            elif any(cell not in (None, "") for cell in row.cells):
                yield self._fitted(row)

    def _csv_rows(self) -> Iterator[Row]:
        return _csv_rows(self.path, self.encoding, self.delimiter)

    def _fitted(self, row: Row) -> Row:
        width = len(self.header)
        cells = row.cells
        if self.title:
            cells = cells + [None] * (width - len(cells))
        if len(cells) > width and not any(cell not in (None, "") for cell in cells[width:]):
            cells = cells[:width]
        if len(cells) != width:
            flaw = f"{len(cells)} cells where the header has {width}"
            return Row(row.number, cells, flaw)
        return row if cells is row.cells else Row(row.number, cells)


def open_sheets(
    path: Path, *, header_row: int = 1, encoding: str | None = None, delimiter: str | None = None
) -> list[Sheet]:
    """Return the tables of a file: one of a text file, one for each filled sheet of a workbook.

    Raises:
        BadInput: it is missing, empty, binary, without a header, or in no known encoding.
    """
    if not path.is_file():
        raise BadInput(f"no file {str(path)!r}")
    if path.suffix.casefold() in _WORKBOOKS:
        return _open_workbook(path, header_row)
    found = detect_encoding(path, encoding)
    cut = delimiter or sniff_delimiter(path, found)
    cut = {"tab": "\t", "\\t": "\t"}.get(cut, cut)
    if len(cut) != 1:
        raise BadInput(f"delimiter {delimiter!r}: expected one character, or tab")
    for row in _csv_rows(path, found, cut):
        if row.number >= header_row:
            header = _header(path.name, row)
            return [Sheet(path, header, row.number, encoding=found, delimiter=cut)]
    raise BadInput(f"{path.name!r} has no row {header_row} for a header")


def column_index(sheet: Headed, name: str) -> int:
    """Return where a column stands; case, width and spaces do not matter if one remains.

    Raises:
        BadInput: it is missing, or stands twice; lists the columns there are.
    """
    exact = [index for index, column in enumerate(sheet.header) if column == name]
    found = exact or [
        index for index, column in enumerate(sheet.header) if normal(column) == normal(name)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise BadInput(f"{sheet.name!r} has the column {name!r} {len(found)} times; rename one")
    near = close_to(name, list(sheet.header))
    listed = ", ".join(map(repr, sheet.header[:60]))
    raise BadInput(f"{sheet.name!r} has no column {name!r}{near}; its columns are {listed}")


def _header(name: str, row: Row) -> tuple[str, ...]:
    cells = [as_text(cell) for cell in row.cells]
    while cells and not cells[-1]:
        cells.pop()
    if row.flaw or not cells:
        raise BadInput(f"{name!r} has no header in row {row.number}; set `header_row:`")
    return tuple(cells)


def _csv_rows(path: Path, encoding: str, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    with path.open(encoding=encoding, newline="") as handle:
        reader = csv.reader(handle, delimiter=delimiter)
        number = 0
        while True:
            number += 1
            try:
                cells: list[Any] = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                flaw = f"{error}: a quote left open, or a cell of over {LONGEST_CELL:,} characters"
                yield Row(number, [], flaw)
                continue
            if number == 1 and len(cells) <= 2 and cells and cells[0].startswith("sep="):
                number = 0
                continue
            if cells:
                yield Row(number, cells)


def _open_workbook(path: Path, header_row: int) -> list[Sheet]:
    check_workbook(path)
    with closing(_load(path)) as workbook:
        titles = [sheet.title for sheet in workbook.worksheets]
    sheets = []
    for title in titles:
        for row in _sheet_rows(path, title):
            if row.number >= header_row and any(as_text(cell) for cell in row.cells):
                sheets.append(Sheet(path, _header(path.name, row), row.number, title=title))
                break
    if not sheets:
        raise BadInput(f"{path.name!r} is empty")
    return sheets


def _sheet_rows(path: Path, title: str | None) -> Iterator[Row]:
    with closing(_load(path)) as workbook:
        sheet = workbook[title or workbook.sheetnames[0]]
        sheet.reset_dimensions()
        for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            yield Row(number, [_native(cell) for cell in cells])


def _native(cell: object) -> Native:
    is_known = cell is None or isinstance(cell, str | int | float | date | time | Decimal)
    return cell if is_known else str(cell)  # type: ignore[return-value]


def _load(path: Path) -> "Workbook":
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            # Styles and validations that openpyxl does not know do not matter for values.
            warnings.simplefilter("ignore", UserWarning)
            return load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, EOFError) as error:
        raise BadInput(f"{path.name!r} is not a readable .xlsx workbook: {error}") from error
