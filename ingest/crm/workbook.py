"""The check of a workbook before any row of it is read: whole, well-formed, of a sane size."""

import re
import zipfile
import zlib
from pathlib import Path
from xml.parsers import expat

from crm.errors import BadInput

MAX_UNPACKED_BYTES = 2_000_000_000
LAST_ROW = 1_048_576

_CHUNK = 1 << 20
_CELL = re.compile("[A-Z]{1,3}[0-9]{1,7}")
_LAST_COLUMN = "XFD"


def check_workbook(path: Path) -> None:
    """Read every part of the workbook once, without building anything from it.

    Raises:
        BadInput: it is no zip archive, damaged, would unpack to over 2 GB, declares XML entities,
            or names a row or column that no spreadsheet has.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = [part for part in archive.infolist() if part.filename.endswith(".xml")]
            size = sum(part.file_size for part in parts)
            if size > MAX_UNPACKED_BYTES:
                raise BadInput(
                    f"{path.name!r} unpacks to {size:,} bytes; the limit is "
                    f"{MAX_UNPACKED_BYTES:,}: save it as CSV"
                )
            for part in parts:
                _check_part(archive, part)
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, OSError) as error:
        raise BadInput(f"{path.name!r} is not a readable .xlsx workbook: {error}") from error
    except (RuntimeError, NotImplementedError) as error:
        # Encrypted, or packed by a method of its own.
        raise BadInput(f"{path.name!r} cannot be unpacked: {error}") from error


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    if "worksheets/" in part.filename:
        parser.StartElementHandler = _check_place
    with archive.open(part) as file:
        while chunk := file.read(_CHUNK):
            parser.Parse(chunk, False)
    parser.Parse(b"", True)


def _refuse_doctype(*_declared: object) -> None:
    raise BadInput("the workbook declares XML entities of its own, which no spreadsheet does")


def _check_place(name: str, attributes: dict[str, str]) -> None:
    place = attributes.get("r")
    kind = name.rpartition(":")[2]
    if place is None or kind not in ("row", "c"):
        return
    if kind == "row":
        is_sane = place.isascii() and place.isdigit() and len(place) <= 7
        row = int(place) if is_sane else LAST_ROW + 1
    else:
        is_sane = _CELL.fullmatch(place) is not None
        letters = place.rstrip("0123456789")
        is_sane = is_sane and (len(letters) < 3 or letters <= _LAST_COLUMN)
        row = int(place[len(letters) :]) if is_sane else 0
    if not is_sane or row > LAST_ROW:
        raise BadInput(f"the workbook has a cell at {place[:40]!r}, where no spreadsheet has one")
