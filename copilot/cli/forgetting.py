"""`forget`: deletes a conversation with everything that was made from it."""

from typing import Annotated

import typer
from rich.markup import escape

from copilot.cli.console import out, print_json
from copilot.cli.context import As, Context, Json, moment, who_asks
from copilot.cli.recording import note
from copilot.grounding.pack.hostile import name_and_address
from crm.audit.trail import Deed
from crm.errors import BadInput
from crm.index.forgetting import forget_conversations
from tools.attributes import Entity
from tools.records import GetRecord, get_record

SCHEMA_VERSION = 1


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Examples:  sales-copilot forget northvale_security_call  ·  "
        "sales-copilot forget 12 --yes --json"
    )(forget)


def forget(
    ctx: typer.Context,
    call: Annotated[str, typer.Argument(help="Id or title of a call, meeting, mail or chat.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Delete a conversation with everything that was made from it.

    The files that it came from stay.
    """
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        with installation.store.session() as session:
            wanted = GetRecord(entity=Entity.CALL, ref=call)
            found = get_record(session, wanted, principal=principal, as_of=moment(installation))
        named = name_and_address("conversation", found.id, found.name)
        if not yes:
            if as_json:
                raise BadInput("--json asks nothing: add --yes to delete")
            out.print(f"[bold]{escape(named)}[/] and all that was made from it will be gone.")
            typer.confirm("Delete it?", abort=True)
        # Before, so that no deletion is without its event, whatever ends this process.
        note(installation, Deed("conversation.forget", f"conversation:{found.id}"), principal)
        forget_conversations(installation.store, installation.index, [found.id])
        if as_json:
            print_json(
                {"schema_version": SCHEMA_VERSION, "status": "done", "conversation_id": found.id}
            )
            return
        out.print(f"{named} is gone.", markup=False)
