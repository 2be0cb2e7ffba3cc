"""How the command line speaks: errors with exit codes, JSON for scripts, Rich for people."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console

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

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.progress import Progress

ERROR_SCHEMA_VERSION = 1
INTERRUPTED = 130
BROKEN_PIPE = 0
EXIT_CODES: dict[type[CopilotError], int] = {
    BadInput: 2,
    NotFound: 3,
    Ambiguous: 4,
    NotAllowed: 5,
    NeedsApproval: 6,
    TransientError: 7,
    PermanentError: 8,
}


class _Terminal(Console):
    def on_broken_pipe(self) -> None:
        """Let the outer edge decide: who reads no further is no error."""
        raise BrokenPipeError


out = _Terminal()
err = Console(stderr=True)


def exit_code(error: CopilotError) -> int:
    """Return the exit code of an error: its class decides."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)


@contextmanager
def edge(*, as_json: bool = False, is_answer: bool = False) -> Iterator[None]:
    """Turn every error inside into a message and an exit code; nothing ends in a traceback."""
    try:
        yield
    except CopilotError as error:
        fail(
            str(error),
            kind=type(error).__name__,
            code=exit_code(error),
            as_json=as_json,
            is_answer=is_answer,
            candidates=error.candidates if isinstance(error, Ambiguous) else (),
        )
    except KeyboardInterrupt:
        message = "interrupted; what was finished is kept, and running it again continues"
        fail(message, kind="Interrupted", code=INTERRUPTED, as_json=as_json, is_answer=is_answer)
    except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001 — the outermost edge; the context has logged it
        message = (
            f"unexpected {type(error).__name__}: {str(error)[:300]}. The log file in the "
            "workspace's folder `logs` has the details; please report them"
        )
        fail(message, kind="Unexpected", code=1, as_json=as_json, is_answer=is_answer)


def fail(
    message: str,
    *,
    kind: str,
    code: int,
    as_json: bool,
    is_answer: bool = False,
    candidates: Sequence[str] = (),
) -> NoReturn:
    """Print an error for people or scripts and leave with the code.

    With `is_answer` the document has all fields of an answer, so that scripts read one shape.
    """
    if as_json:
        document = error_document(message, kind=kind, candidates=candidates)
        if is_answer:
            from copilot.cli.answers import failed_answer

            document = {**failed_answer(message, candidates), "error": document["error"]}
        print_json(document)
    else:
        say_error(message)
        for candidate in candidates:
            err.print(f"  • {_escape(candidate)}", soft_wrap=True, highlight=False)
    raise typer.Exit(code)


def say_error(message: str) -> None:
    """Print an error for people, on standard error."""
    err.print(f"[bold red]error:[/] {_escape(message)}", soft_wrap=True, highlight=False)


def error_document(message: str, *, kind: str, candidates: Sequence[str] = ()) -> dict[str, Any]:
    """Return what scripts get instead of a result; `kind` is the class of the error."""
    return {
        "schema_version": ERROR_SCHEMA_VERSION,
        "status": "error",
        "error": {"kind": kind, "message": message, "candidates": list(candidates)},
    }


def print_json(value: "BaseModel | dict[str, Any] | list[Any]") -> None:
    """Print one JSON document, and nothing else, on standard output."""
    data = value if isinstance(value, (dict, list)) else value.model_dump(mode="json")
    text = json.dumps(data, ensure_ascii=False, indent=2, default=str)
    # Text from outside may hold half a surrogate pair, which no encoding takes.
    sys.stdout.write(text.encode("utf-8", "replace").decode("utf-8") + "\n")


def drop_output() -> None:
    """Send what is left of the output nowhere, after its reader went away."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.__stdout__):
        try:
            os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
        except (AttributeError, OSError, ValueError):
            continue


@contextmanager
def progress(*, quiet: bool = False) -> "Iterator[Progress]":
    """Yield a progress display on standard error; none where nobody looks."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

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

    def __init__(self, display: "Progress") -> None:
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
