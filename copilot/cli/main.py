"""The `sales-copilot` command: its global options, and where each command lives."""

import sys
from typing import Annotated, ClassVar

import typer

from copilot.cli.lazy import LazyGroup
from copilot.cli.signals import Stopped, stopping_on_signals


class Commands(LazyGroup):
    """All commands, in the order in which one meets them."""

    table: ClassVar = {
        "setup": (
            "copilot.cli.setup",
            "Install the embedded models, each checked against its published SHA-256.",
        ),
        "doctor": (
            "copilot.cli.doctor",
            "Say what is installed, which model answers and how fast, and what is missing.",
        ),
        "health": (
            "copilot.cli.doctor",
            "Say whether it can work now: data, disk, index, model, servers, trail.",
        ),
        "demo": (
            "copilot.cli.demo",
            "Build the demo company, ask it three questions, and draft the follow-up email.",
        ),
        "ingest": ("copilot.cli.ingesting", "Bring in CRM files, mail and calls."),
        "sources": (
            "copilot.cli.connecting",
            "Connect mailboxes, folders and CRMs, and see how each last run went.",
        ),
        "sync": (
            "copilot.cli.syncing",
            "Read what is new in the sources, transcribe it, and make it searchable.",
        ),
        "jobs": ("copilot.cli.jobs", "Show what waits, runs, is done or has failed."),
        "index": (
            "copilot.cli.ingesting",
            "Make everything that was imported searchable and understood: words, notes, meaning.",
        ),
        "notes": (
            "copilot.cli.notes",
            "Show what was understood from a call, and the CRM changes it suggests.",
        ),
        "speakers": (
            "copilot.cli.speakers",
            "List whose voices a call holds, and correct a name.",
        ),
        "resolve": (
            "copilot.cli.resolving",
            "Say who the people are of whom it is not sure; every decision can be taken back.",
        ),
        "ask": (
            "copilot.cli.asking",
            "Answer one question from the CRM, calls and emails, with the facts it rests on.",
        ),
        "chat": (
            "copilot.cli.chatting",
            "Ask one question after another; the model stays warm and follow-ups are understood.",
        ),
        "draft": ("copilot.cli.drafting", "Draft what you will send; nothing is sent."),
        "drafts": (
            "copilot.cli.drafts",
            "Decide on your drafts, save and send them; your style is learned from it.",
        ),
        "style": (
            "copilot.cli.style",
            "How you and your customers write: learned, shown, editable.",
        ),
        "search": ("copilot.cli.searching", "Search all calls and emails by words and by meaning."),
        "forget": (
            "copilot.cli.forgetting",
            "Delete a conversation with everything that was made from it.",
        ),
        "access": ("copilot.cli.access", "See and set who may read what."),
        "approvals": (
            "copilot.cli.approvals",
            "See, decide and carry out what waits for people.",
        ),
        "audit": ("copilot.cli.auditing", "Show, check and give out who did what."),
        "usage": (
            "copilot.cli.usage",
            "Show how many questions and tokens were used, by person, day and model.",
        ),
        "backup": (
            "copilot.cli.backing",
            "Write the workspace's data into one file while it is in use; secrets stay out.",
        ),
        "restore": (
            "copilot.cli.backing",
            "Make a new workspace out of a backup; every file is checked first.",
        ),
        "show": (
            "copilot.cli.showing",
            "Show one record with what the CRM holds on it, or list records of a kind.",
        ),
    }


app = typer.Typer(
    cls=Commands,
    name="sales-copilot",
    help="Ask about deals and calls, get cited answers, and drafts you can send.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 done · 2 bad input · 3 not found · 4 ambiguous · 5 declined · "
    "6 needs approval · 7 try again later · 8 set-up has to be mended · 130 interrupted · "
    "143 terminated",
)


@app.callback()
def root(
    ctx: typer.Context,
    workspace: Annotated[
        str | None,
        typer.Option(help="Which workspace's data to use.", envvar="SALES_COPILOT_WORKSPACE"),
    ] = None,
) -> None:
    """Remember the global options for the command that follows."""
    from copilot.cli.context import open_context

    ctx.obj = open_context(workspace, ctx.invoked_subcommand)


def main() -> None:
    """Run the command line."""
    try:
        with stopping_on_signals():
            app()
    except Stopped as stopped:
        # It came when no command was there to say so: before one began, or after its end.
        sys.exit(stopped.exit_code)


if __name__ == "__main__":
    main()
