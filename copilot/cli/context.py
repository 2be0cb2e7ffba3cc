"""What every command starts from: the workspace's installation and its log file."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from logging.handlers import RotatingFileHandler
from typing import Annotated

import typer

from copilot.anchor import keep_anchor
from copilot.cli.console import edge, err
from copilot.cli.days import read_day
from copilot.cli.log_lines import JsonFormatter, LineFormatter
from copilot.cli.recording import COMMAND, note_caller
from copilot.settings import Settings
from copilot.telemetry import telemetry
from copilot.wiring import Installation
from crm.errors import BadInput, CopilotError
from crm.principal import Principal

log = logging.getLogger(__name__)

_TALKATIVE = ("alembic", "chromadb", "httpx", "httpx2", "langgraph", "openai", "psycopg")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for scripts.")]
As = Annotated[
    str | None,
    typer.Option("--as", help="Email of the user who asks; without it, the local owner."),
]
AsAnybody = Annotated[
    str | None,
    typer.Option(
        "--as",
        help="Email of the user, or of the customer's contact, who asks; without it, the local "
        "owner.",
    ),
]
Outside = Annotated[bool, typer.Option("--outside", help="Ask as a visitor whom nobody knows.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", help="Answer as on this day (YYYY-MM-DD) instead of today.")
]


@dataclass(frozen=True)
class Context:
    """The global options of one call."""

    workspace: str | None
    command: str = "unknown"

    @contextmanager
    def open(
        self, *, as_json: bool = False, as_of: str | None = None, is_answer: bool = False
    ) -> Iterator[Installation]:
        """Yield the installation inside the error edge; what was opened is closed at the end.

        With `is_answer`, an error's JSON document has all fields of an answer.
        """
        with edge(as_json=as_json, is_answer=is_answer):
            COMMAND.set(self.command)
            given: dict[str, object] = {}
            if self.workspace is not None:
                given["workspace"] = self.workspace
            day = None if as_of is None else read_day(as_of, "--as-of")
            installation = Installation(Settings.load(**given), day)
            with (
                _log_file(installation.settings),
                telemetry(installation.settings),
                closing(installation),
                installation.speaking_of_databases(),
            ):
                yield installation
                if "store" in installation.__dict__:
                    keep_anchor(installation.store, installation.settings.workspace_dir)


def open_context(workspace: str | None, command: str | None = None) -> Context:
    """Return the context of a call of a command; nothing is opened yet."""
    return Context(workspace, command or "unknown")


def who_asks(
    installation: Installation, who: str | None, *, as_json: bool, admits_outside: bool = False
) -> Principal:
    """Return the caller, telling once on a terminal that without --as everything is visible."""
    principal = installation.principal(who, admits_outside=admits_outside)
    marker = installation.settings.workspace_dir / ".owner-told"
    if principal.is_local_owner and not as_json and not marker.exists():
        err.print(
            "[dim]Asking as the local owner, who sees everything (--as EMAIL asks as a user).[/]"
        )
        with suppress(OSError):
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
    note_caller(installation, principal)
    return principal


def anybody_asks(
    installation: Installation, who: str | None, *, is_visitor: bool, as_json: bool
) -> Principal:
    """Return the caller of a command that is open to people outside the company.

    Raises BadInput for a visitor with a name.
    """
    if not is_visitor:
        return who_asks(installation, who, as_json=as_json, admits_outside=True)
    if who is not None:
        raise BadInput(f"--outside asks as nobody in particular: leave it out, or --as {who!r}")
    return installation.visitor()


def tell_what_is_missing(installation: Installation) -> None:
    """Say, on standard error, why what was found was looked for by words only."""
    trouble = installation.index.trouble if "index" in installation.__dict__ else None
    if trouble:
        err.print(f"found by words only: {trouble}", markup=False, soft_wrap=True)


def moment(installation: Installation) -> datetime:
    """Return the as-of time of this call."""
    return installation.now()


class _LogFile(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 — the library's name
        """Say nothing: a disk that takes no log keeps no command from its work."""


@contextmanager
def _log_file(settings: Settings) -> Iterator[None]:
    """Send log records to the workspace's log file; the terminal stays clean."""
    root = logging.getLogger()
    try:
        settings.logs_dir.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = _LogFile(
            settings.logs_dir / "sales-copilot.log", maxBytes=2_000_000, backupCount=3, delay=True
        )
    except OSError:
        handler = logging.NullHandler()
    is_json = settings.log_format == "json"
    handler.setFormatter(JsonFormatter() if is_json else LineFormatter())
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for talkative in _TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.WARNING)
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
