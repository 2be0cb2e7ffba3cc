"""`doctor`: whether everything is in place, how fast the model answers, and what to do if not."""

import platform
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import BaseModel
from rich.markup import escape
from rich.table import Table
from sqlalchemy import func, select

from copilot.cli.console import EXIT_CODES, err, out, print_json
from copilot.cli.context import Context, Json
from copilot.llm.client import Message
from copilot.llm.modelfiles import find_models
from copilot.wiring import Installation
from crm.errors import CopilotError, PermanentError
from crm.models import Account, Base, Contact, Conversation, Opportunity, User

SCHEMA_VERSION = 1
_LOW_DISK_BYTES = 2_000_000_000
_COUNTED: dict[str, type[Base]] = {
    "accounts": Account,
    "opportunities": Opportunity,
    "contacts": Contact,
    "conversations": Conversation,
    "users": User,
}


class Ping(BaseModel):
    """The smallest answer a model can give."""

    word: Literal["ready"]


@dataclass(frozen=True)
class Finding:
    """One line of the report; `problem` says what to do, None if all is well."""

    name: str
    value: str | int | float | None
    shown: str
    problem: str | None = None


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example:  sales-copilot doctor --json")(doctor)


def doctor(
    ctx: typer.Context,
    fast: Annotated[bool, typer.Option("--fast", help="Do not ask the model anything.")] = False,
    as_json: Json = False,
) -> None:
    """Say what is installed, which model answers and how fast, and what is missing."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        findings = [*_machine(installation), *_models(installation)]
        if not fast:
            with err.status("asking the model…"):
                findings += _speed(installation)
        findings += _data(installation)
        problems = [finding.problem for finding in findings if finding.problem]
        if as_json:
            print_json(
                {
                    "schema_version": SCHEMA_VERSION,
                    "status": "done",
                    "ok": not problems,
                    "problems": problems,
                    "findings": [asdict(finding) for finding in findings],
                }
            )
        else:
            _show(findings)
        raise typer.Exit(EXIT_CODES[PermanentError] if problems else 0)


def _show(findings: list[Finding]) -> None:
    table = Table(show_header=False, box=None)
    for finding in findings:
        mark = "[red]✗[/]" if finding.problem else "[green]✓[/]"
        shown = escape(finding.shown)
        if finding.problem:
            shown += f"{' · ' if shown else ''}[red]{escape(finding.problem)}[/]"
        name = finding.name.removesuffix("_bytes").removesuffix("_s").replace("_", " ")
        table.add_row(mark, name, shown)
    out.print(table)


def _machine(installation: Installation) -> list[Finding]:
    try:
        own = version("sales-copilot")
    except PackageNotFoundError:
        own = "from a checkout"
    place = installation.settings.home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    python = f"{sys.version.split()[0]} on {platform.system()} {platform.machine()}"
    return [
        Finding("version", own, f"sales-copilot {own}"),
        Finding("python", sys.version.split()[0], python),
        Finding(
            "free_disk_bytes",
            free,
            _size(free),
            "less than 2 GB are free: make room" if free < _LOW_DISK_BYTES else None,
        ),
    ]


def _models(installation: Installation) -> list[Finding]:
    settings = installation.settings
    found = find_models(settings.cache_dir)
    speech = settings.whisper_dir or found.whisper
    missing = None if speech else "no speech recogniser: run `sales-copilot setup`"
    findings = [
        Finding("speech_model", str(speech) if speech else None, _file(speech), missing),
    ]
    if settings.uses_endpoint:
        place = f"{settings.llm_model} at {settings.endpoint_url.rpartition('@')[2]}"
        return [*findings, Finding("language_model", place, place)]
    model = settings.llm_model_path or found.llm
    missing = None if model else "no language model: run `sales-copilot setup`"
    named = str(model) if model else None
    return [*findings, Finding("language_model", named, _file(model), missing)]


def _speed(installation: Installation) -> list[Finding]:
    """Ask twice: the first time a model may have to be loaded."""
    findings: list[Finding] = []
    for name in ("first_answer_s", "second_answer_s"):
        started = time.perf_counter()
        try:
            hello = [Message(role="user", content="Say ready.")]
            installation.model.structured(hello, Ping, max_tokens=16)
        except CopilotError as error:
            return [*findings, Finding(name, None, "", str(error))]
        took = time.perf_counter() - started
        findings.append(Finding(name, round(took, 2), f"after {took:.2f} s"))
    return findings


def _data(installation: Installation) -> list[Finding]:
    settings = installation.settings
    findings = [Finding("workspace", str(settings.workspace_dir), _home(settings.workspace_dir))]
    try:
        with installation.store.session() as session:
            counts = {
                name: session.scalar(select(func.count()).select_from(model)) or 0
                for name, model in _COUNTED.items()
            }
        pending = installation.index.pending()
        is_lost = installation.index.has_lost_vectors()
    except CopilotError as error:
        return [*findings, Finding("database", None, "", str(error))]
    findings += [Finding(name, count, f"{count:,}") for name, count in counts.items()]
    waiting = f"{pending:,} to do: `sales-copilot index` finishes them" if pending else "up to date"
    lost = "the vectors are gone: run `sales-copilot index`" if is_lost else None
    return [*findings, Finding("passages_without_vector", pending, waiting, lost)]


def _file(path: Path | None) -> str:
    if path is None:
        return ""
    files = [path] if path.is_file() else list(path.glob("*"))
    size = sum(file.stat().st_size for file in files if file.is_file())
    return f"{path.name}, {_size(size)}, in {_home(path.parent)}"


def _home(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _size(count: float) -> str:
    """Return a number of bytes as people read it, in powers of 1000."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:,.0f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"
