"""`setup`: the embedded models, installed and verified."""

import time

import typer

from copilot.cli.console import Meter, out, print_json, progress
from copilot.cli.context import Context, Json
from copilot.llm.modelfiles import ensure_models


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example:  sales-copilot setup")(setup)


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
            out.print(
                f"models verified in {took:.1f} s: {paths.llm}, {paths.whisper}, {paths.voices}"
            )
