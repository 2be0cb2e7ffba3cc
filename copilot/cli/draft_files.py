"""Where a draft is written: a file that appears whole or not at all, or standard output."""

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from copilot.writers.rendering import BINARY, Format, check_format
from crm.errors import BadInput


@dataclass(frozen=True)
class Destination:
    """A format and a file; without a file it goes to standard output."""

    form: Format
    path: Path | None
    may_replace: bool = False

    def write(self, data: bytes) -> None:
        """Write everything at once.

        Raises BadInput if the file has appeared meanwhile, or its folder takes none.
        """
        if self.path is None:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        check_place(self.path, may_replace=self.may_replace)
        part = self.path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            part.write_bytes(data)
            part.replace(self.path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise _unwritable(self.path, error) from error


def find_destination(
    form: Format | None,
    out: Path | None,
    *,
    allowed: tuple[Format, ...],
    may_replace: bool,
    as_json: bool,
) -> Destination | None:
    """Return where to write, None where only the terminal shows it.

    The extension of the file gives the format where none is named.

    Raises:
        BadInput: they contradict each other, the format does not fit, the place cannot be
            written to, or a binary format would go to a terminal. Said before anything is written.
    """
    if out is None and form is None:
        return None
    if out is not None:
        _check_no_folder(out)
    wanted = form or _format_of(out)
    check_format(wanted, allowed)
    if out is None:
        _check_output(wanted, as_json=as_json)
        return Destination(wanted, None)
    if out.suffix and form is not None and out.suffix.lower() != f".{form.value}":
        raise BadInput(
            f"--out {str(out)!r} ends in {out.suffix!r}, but --format is {form.value!r}: "
            "make them agree, or leave --format out"
        )
    path = out if out.suffix else out.with_name(f"{out.name}.{wanted.value}")
    check_place(path, may_replace=may_replace)
    return Destination(wanted, path, may_replace)


def check_place(path: Path, *, may_replace: bool) -> None:
    """Raise BadInput if no file can be written there."""
    try:
        if not path.parent.is_dir():
            raise BadInput(f"--out {str(path)!r}: there is no folder {str(path.parent)!r}")
        if path.exists() and not may_replace:
            raise BadInput(f"--out {str(path)!r} exists: add --force to replace it")
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error
    if not os.access(path.parent, os.W_OK):
        raise BadInput(f"--out {str(path)!r}: the folder cannot be written to")


def _check_no_folder(path: Path) -> None:
    try:
        if path.is_dir():
            raise BadInput(f"--out {str(path)!r} is a folder: name a file in it")
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error


def _format_of(out: Path | None) -> Format:
    suffix = out.suffix.lower().removeprefix(".") if out else ""
    if suffix not in {form.value for form in Format}:
        names = ", ".join(form.value for form in Format)
        raise BadInput(
            f"--out {str(out)!r} has no known extension: end it in one of {names}, or give --format"
        )
    return Format(suffix)


def _check_output(form: Format, *, as_json: bool) -> None:
    if as_json:
        raise BadInput(f"--json prints one document: give --out for the {form.value} file")
    if form in BINARY and sys.stdout.isatty():
        raise BadInput(f"{form.value} is no text: give --out FILE.{form.value}, or redirect it")


def _unwritable(path: Path, error: Exception) -> BadInput:
    why = getattr(error, "strerror", None) or str(error)
    return BadInput(f"--out {str(path)[:200]!r} cannot be written: {why}")
