"""How the command line speaks: errors with exit codes, JSON for scripts, Rich for people."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from crm.errors import (
    Ambiguous,
    BadInput,
    CopilotError,
    NeedsApproval,
    NotAllowed,
    NotFound,
    PermanentError,
    TransientError,
)

log = logging.getLogger(__name__)

EXIT_CODES: dict[type[CopilotError], int] = {
    BadInput: 2,
    NotFound: 3,
    Ambiguous: 4,
    NotAllowed: 5,
    NeedsApproval: 6,
    TransientError: 7,
    PermanentError: 8,
}

out = Console()
err = Console(stderr=True)


def exit_code(error: CopilotError) -> int:
    """Return the exit code of an error: its class decides."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)


@contextmanager
def edge(*, as_json: bool = False) -> Iterator[None]:
    """Turn every error inside into a message and an exit code; nothing ends in a traceback."""
    try:
        yield
    except CopilotError as error:
        fail(str(error), kind=type(error).__name__, code=exit_code(error), as_json=as_json)
    except KeyboardInterrupt:
        fail(
            "interrupted; what was finished is kept", kind="Interrupted", code=130, as_json=as_json
        )
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(0) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        log.exception("unexpected error")
        message = (
            f"unexpected {type(error).__name__}: {error}. The details are in the log file; "
            "please report them. Nothing was half-written."
        )
        fail(message, kind="Unexpected", code=1, as_json=as_json)


def fail(message: str, *, kind: str, code: int, as_json: bool) -> None:
    """Print an error for people or scripts and leave with the code."""
    if as_json:
        print_json({"status": "error", "error": {"kind": kind, "message": message}})
    else:
        err.print(f"[bold red]error:[/] {_escape(message)}", soft_wrap=True)
    raise typer.Exit(code)


def print_json(value: BaseModel | dict[str, Any] | list[Any]) -> None:
    """Print one JSON document, and nothing else, on standard output."""
    data = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, default=str) + "\n")


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Yield a progress display on standard error; none where nobody looks."""
    display = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        disable=quiet or not err.is_terminal,
        transient=True,
    )
    with display:
        yield display


class Meter:
    """Adapts a progress display to the `(what, done, total)` callbacks of the importers."""

    def __init__(self, display: Progress) -> None:
        self._display = display
        self._tasks: dict[str, Any] = {}

    def of_conversations(self, done: float, total: int, what: str) -> None:
        """Show how far an import of conversations has come."""
        self("conversations", done, total)

    def __call__(self, what: str, done: float, total: int | None = None) -> None:
        """Show how far `what` has come."""
        if what not in self._tasks:
            self._tasks[what] = self._display.add_task(_escape(what), total=total)
        self._display.update(self._tasks[what], completed=done, total=total)


def _escape(text: str) -> str:
    return text.replace("[", "\\[")
