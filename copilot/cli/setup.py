"""`setup` and `doctor`: the models, and whether everything is in place."""

import platform
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import typer
from pydantic import BaseModel
from rich.table import Table
from sqlalchemy import func, select

from copilot.cli.console import Meter, out, print_json, progress
from copilot.cli.context import Context, Json
from copilot.llm.client import Message
from copilot.llm.modelfiles import ensure_models, find_models
from copilot.wiring import Installation
from crm.errors import CopilotError
from crm.models import Account, Conversation, Opportunity, User


class Ping(BaseModel):
    """The smallest answer a model can give."""

    word: Literal["ready"]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example:  sales-copilot setup")(setup)
    app.command(epilog="Example:  sales-copilot doctor --json")(doctor)


def setup(ctx: typer.Context, as_json: Json = False) -> None:
    """Install the embedded models, each checked against its published SHA-256."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        started = time.perf_counter()
        with progress(quiet=as_json) as display:
            paths = ensure_models(installation.settings.cache_dir, progress=Meter(display))
        took = time.perf_counter() - started
        if as_json:
            print_json({**paths.model_dump(mode="json"), "took_ms": round(took * 1000)})
        else:
            out.print(f"models verified in {took:.1f} s: {paths.llm}, {paths.whisper}")


def doctor(ctx: typer.Context, as_json: Json = False) -> None:
    """Say what is installed, which model answers and how fast, and what is missing."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        report = {
            "sales-copilot": version("sales-copilot"),
            "python": sys.version.split()[0],
            "machine": f"{platform.system()} {platform.machine()}",
            **_models(installation),
            **_model_speed(installation),
            **_data(installation),
            "free_disk_gb": round(shutil.disk_usage(Path.home()).free / 1e9, 1),
        }
        problems = [str(value) for key, value in report.items() if key.endswith("problem")]
        if as_json:
            print_json({**report, "ok": not problems})
        else:
            table = Table(show_header=False)
            for key, value in report.items():
                style = "red" if key.endswith("problem") else "default"
                table.add_row(key.replace("_", " "), f"[{style}]{value}[/]")
            out.print(table)
        raise typer.Exit(8 if problems else 0)


def _models(installation: Installation) -> dict[str, Any]:
    settings = installation.settings
    found = find_models(settings.cache_dir)
    report: dict[str, Any] = {
        "speech_model": str(settings.whisper_dir or found.whisper or "missing")
    }
    if report["speech_model"] == "missing":
        report["speech_problem"] = "no speech recogniser: run `sales-copilot setup`"
    if settings.uses_endpoint:
        report["language_model"] = f"{settings.llm_model} at {settings.endpoint_url}"
    else:
        report["language_model"] = str(settings.llm_model_path or found.llm or "missing")
    return report


def _model_speed(installation: Installation) -> dict[str, Any]:
    try:
        model = installation.model
        started = time.perf_counter()
        model.structured([Message(role="user", content="Say ready.")], Ping, max_tokens=16)
        first = time.perf_counter() - started
        started = time.perf_counter()
        model.structured([Message(role="user", content="Say ready.")], Ping, max_tokens=16)
        second = time.perf_counter() - started
    except CopilotError as error:
        return {"model_problem": str(error)}
    return {
        "answers_cold_after_s": round(first, 2),
        "answers_warm_after_s": round(second, 2),
    }


def _data(installation: Installation) -> dict[str, Any]:
    try:
        with installation.store.session() as session:
            counts = {
                f"{model.__tablename__}": session.scalar(select(func.count()).select_from(model))
                for model in (Account, Opportunity, Conversation, User)
            }
        pending = installation.index.pending()
    except CopilotError as error:
        return {"database_problem": str(error)}
    return {
        "workspace": str(installation.settings.workspace_dir),
        **counts,
        "passages_without_vector": pending,
    }
