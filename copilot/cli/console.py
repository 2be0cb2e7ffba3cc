"""How the command line speaks: errors with exit codes, JSON for scripts, Rich for people."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from copilot.cli.signals import stop_code
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
from crm.escaping import for_json, for_terminal

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.progress import Progress

ERROR_SCHEMA_VERSION = 1
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


class _Safe(Console):
    """A console on which no text steers the terminal: no sequences of its own, and no links."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments; what a customer wrote is harmless even where markup let it through.

        We print no links, so that any style with one comes from outside.
        """
        for text, style, control in super().render(renderable, options):
            if control is not None:
                yield Segment(text, style, control)
                continue
            bare = style.update_link(None) if style is not None and style.link else style
            yield Segment(for_terminal(text), bare)


class _Terminal(_Safe):
    def on_broken_pipe(self) -> None:
        """Let the outer edge decide: who reads no further is no error."""
        raise BrokenPipeError


out = _Terminal()
err = _Safe(stderr=True)


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
    except KeyboardInterrupt as stopped:
        message = "interrupted; what was finished is kept, and running it again continues"
        code = stop_code(stopped)
        fail(message, kind="Interrupted", code=code, as_json=as_json, is_answer=is_answer)
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
            err.print(f"  • {escape(candidate)}", soft_wrap=True, highlight=False)
    raise typer.Exit(code)


def say_error(message: str) -> None:
    """Print an error for people, on standard error."""
    err.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True, highlight=False)


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
    sys.stdout.write(for_json(data, indent=2) + "\n")


def stdin_is_terminal() -> bool:
    """Say whether a person sits at the keyboard."""
    return sys.stdin.isatty()


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
            self._tasks[what] = self._display.add_task(escape(what), total=total)
        self._display.update(self._tasks[what], completed=done, total=total)
