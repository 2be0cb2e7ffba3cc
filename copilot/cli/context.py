"""What every command starts from: the workspace's installation and its log file."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from logging.handlers import RotatingFileHandler
from typing import Annotated

import typer

from copilot.cli.console import edge, err
from copilot.settings import Settings
from copilot.wiring import Installation
from crm.errors import BadInput, CopilotError
from crm.principal import Principal

log = logging.getLogger(__name__)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for scripts.")]
As = Annotated[
    str | None,
    typer.Option("--as", help="Email of the user who asks; without it, the local owner."),
]
AsOf = Annotated[
    str | None, typer.Option("--as-of", help="Answer as on this day (YYYY-MM-DD) instead of today.")
]


@dataclass(frozen=True)
class Context:
    """The global options of one call."""

    workspace: str | None

    @contextmanager
    def open(
        self, *, as_json: bool = False, as_of: str | None = None, is_answer: bool = False
    ) -> Iterator[Installation]:
        """Yield the installation inside the error edge; what was opened is closed at the end.

        With `is_answer`, an error's JSON document has all fields of an answer.
        """
        with edge(as_json=as_json, is_answer=is_answer):
            given: dict[str, object] = {}
            if self.workspace is not None:
                given["workspace"] = self.workspace
            if as_of is not None:
                given["today"] = _day(as_of)
            installation = Installation(Settings.load(**given))
            with (
                _log_file(installation.settings),
                closing(installation),
                installation.speaking_of_databases(),
            ):
                yield installation


def open_context(workspace: str | None) -> Context:
    """Return the context of a call; nothing is opened yet."""
    return Context(workspace)


def who_asks(installation: Installation, who: str | None, *, as_json: bool) -> Principal:
    """Return the caller, telling once on a terminal that without --as everything is visible."""
    principal = installation.principal(who)
    marker = installation.settings.workspace_dir / ".owner-told"
    if principal.is_local_owner and not as_json and not marker.exists():
        err.print(
            "[dim]Asking as the local owner, who sees everything (--as EMAIL asks as a user).[/]"
        )
        with suppress(OSError):
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
    return principal


def moment(installation: Installation) -> datetime:
    """Return the as-of time of this call."""
    return installation.now()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--as-of {text!r} is not a day: write it as 2026-03-31") from None


@contextmanager
def _log_file(settings: Settings) -> Iterator[None]:
    """Send log records to the workspace's log file; the terminal stays clean."""
    root = logging.getLogger()
    try:
        settings.logs_dir.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = RotatingFileHandler(
            settings.logs_dir / "sales-copilot.log", maxBytes=2_000_000, backupCount=3, delay=True
        )
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    except (CopilotError, typer.Exit, BrokenPipeError):
        raise
    except Exception:
        log.exception("unexpected error")
        raise
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()
