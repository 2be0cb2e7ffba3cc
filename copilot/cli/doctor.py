"""`doctor` and `health`: whether everything is in place and works, and what to do if not."""

import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal

import typer
from pydantic import BaseModel
from rich.markup import escape
from rich.table import Table
from sqlalchemy import func, select

from copilot.agent.effects.mail_trying import try_mailbox
from copilot.cli.console import EXIT_CODES, err, out, print_json
from copilot.cli.context import Context, Json
from copilot.health import (
    WAIT_S,
    Finding,
    Health,
    Level,
    check_health,
    failed,
    file_in_words,
)
from copilot.llm.client import Message
from copilot.llm.modelfiles import ModelSet, find_models
from copilot.wiring import Installation
from crm.errors import CopilotError, PermanentError
from crm.models import Account, Base, Contact, Conversation, Opportunity, User

SCHEMA_VERSION = 1
_MAIL_WAIT_S = 8.0
_COUNTED: dict[str, type[Base]] = {
    "accounts": Account,
    "opportunities": Opportunity,
    "contacts": Contact,
    "conversations": Conversation,
    "users": User,
}
_MARKS = {Level.OK: "[green]✓[/]", Level.WARNING: "[yellow]![/]", Level.FAILED: "[red]✗[/]"}


class Ping(BaseModel):
    """The smallest answer a model can give."""

    word: Literal["ready"]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example:  sales-copilot doctor --json")(doctor)
    app.command(epilog="Examples:  sales-copilot health  ·  sales-copilot health --json --wait 1")(
        health
    )


def doctor(
    ctx: typer.Context,
    fast: Annotated[bool, typer.Option("--fast", help="Do not ask the model anything.")] = False,
    as_json: Json = False,
) -> None:
    """Say what is installed, which model answers and how fast, and what is missing."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        # First what may bring the tables up to date.
        counts = _counts(installation)
        checked = check_health(installation, now=datetime.now(UTC))
        findings = [*_machine(), *checked.findings, _speech(installation)]
        findings += _mailbox(installation)
        if not fast:
            with err.status("asking the model…"):
                findings += _speed(installation)
        findings += counts
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


def health(
    ctx: typer.Context,
    wait: Annotated[
        float, typer.Option(min=0.1, max=60, help="Seconds to wait for each server.")
    ] = WAIT_S,
    as_json: Json = False,
) -> None:
    """Say whether it can work now: data, disk, index, model, servers, trail."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        found = check_health(installation, now=datetime.now(UTC), wait_s=wait)
        if as_json:
            print_json(_document(found))
        else:
            _show(found.findings)
        raise typer.Exit(0 if found.is_ready else EXIT_CODES[PermanentError])


def _document(found: Health) -> dict[str, object]:
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "done",
        "live": True,
        "ready": found.is_ready,
        "degraded": any(one.level is Level.WARNING for one in found.findings),
        "findings": [asdict(finding) for finding in found.findings],
    }


def _show(findings: Sequence[Finding]) -> None:
    table = Table(show_header=False, box=None)
    for finding in findings:
        shown = escape(finding.shown)
        if finding.problem:
            colour = "red" if finding.level is Level.FAILED else "yellow"
            shown += f"{' · ' if shown else ''}[{colour}]{escape(finding.problem)}[/]"
        name = finding.name.removesuffix("_bytes").removesuffix("_s").replace("_", " ")
        table.add_row(_MARKS[finding.level], name, shown)
    out.print(table)


def _machine() -> list[Finding]:
    try:
        own = version("sales-copilot")
    except PackageNotFoundError:
        own = "from a checkout"
    python = f"{sys.version.split()[0]} on {platform.system()} {platform.machine()}"
    return [
        Finding("version", own, f"sales-copilot {own}"),
        Finding("python", sys.version.split()[0], python),
    ]


def _speech(installation: Installation) -> Finding:
    settings = installation.settings
    speech = (
        settings.whisper_dir or find_models(settings.cache_dir, which=[ModelSet.WHISPER]).whisper
    )
    if speech is None:
        why = "no speech recogniser: run `sales-copilot setup`"
        return failed("speech_model", why, Level.WARNING)
    return Finding("speech_model", str(speech), file_in_words(speech))


def _mailbox(installation: Installation) -> list[Finding]:
    """Sign in where mail would be saved and sent; nothing is."""
    try:
        account = installation.mailbox
    except CopilotError as error:
        return [failed("mailbox", str(error), Level.WARNING)]
    if account is None:
        none = "none is set up, so nothing can be saved or sent: docs/drafts.md"
        return [Finding("mailbox", None, none)]
    findings = [Finding("mailbox", account.address, account.address)]
    for one in try_mailbox(account, within_s=_MAIL_WAIT_S):
        level = Level.WARNING if one.problem else Level.OK
        findings.append(Finding(one.name, one.shown or None, one.shown, one.problem, level))
    return findings


def _speed(installation: Installation) -> list[Finding]:
    """Ask twice: the first time a model may have to be loaded."""
    findings: list[Finding] = []
    for name in ("first_answer_s", "second_answer_s"):
        started = time.perf_counter()
        try:
            hello = [Message(role="user", content="Say ready.")]
            installation.model.structured(hello, Ping, max_tokens=16)
        except CopilotError as error:
            return [*findings, failed(name, str(error))]
        took = time.perf_counter() - started
        findings.append(Finding(name, round(took, 2), f"after {took:.2f} s"))
    return findings


def _counts(installation: Installation) -> list[Finding]:
    try:
        with installation.store.session() as session:
            counts = {
                name: session.scalar(select(func.count()).select_from(model)) or 0
                for name, model in _COUNTED.items()
            }
    except CopilotError as error:
        return [failed("records", str(error))]
    return [Finding(name, count, f"{count:,}") for name, count in counts.items()]
