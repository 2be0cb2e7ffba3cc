"""`speakers`: whose voices a call holds, and a way to say it better."""

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from copilot.cli.console import out, print_json
from copilot.cli.context import As, Context, Json, moment, who_asks
from crm.errors import BadInput
from ingest.correcting import Correction, HeardVoice, correct_voice, list_voices
from tools.attributes import Entity
from tools.records import GetRecord, Record, get_record

SCHEMA_VERSION = 1


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog='Examples:  sales-copilot speakers 12  ·  sales-copilot speakers 12 "Speaker 2" '
        '"Priya Nair"'
    )(speakers)


def speakers(
    ctx: typer.Context,
    call: Annotated[str, typer.Argument(help="Id or external id of a call.")],
    voice: Annotated[
        str | None, typer.Argument(help="A voice's label or present name, to correct it.")
    ] = None,
    name: Annotated[str | None, typer.Argument(help="Who the voice really is.")] = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """List whose voices a call holds, and correct a name."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        if (voice is None) != (name is None):
            raise BadInput(f"{voice!r} is not enough to correct: give the voice and then its name")
        with installation.store.session() as session:
            wanted = GetRecord(entity=Entity.CALL, ref=_reference(call))
            found = get_record(session, wanted, principal=principal, as_of=moment(installation))
            done = None
            if voice is not None and name is not None:
                done = correct_voice(session, found.id, voice, name, principal=principal)
        if done is not None:
            # The names are part of what is searched.
            installation.index.index_texts([found.id])
        with installation.store.session() as session:
            voices = list_voices(session, found.id, principal=principal)
        if as_json:
            print_json(as_document(found, voices, done))
        else:
            _show(found, voices, done)


def as_document(
    call: Record, voices: tuple[HeardVoice, ...], done: Correction | None
) -> dict[str, Any]:
    """Return the voices in the shape that scripts rely on."""
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "answered",
        "conversation_id": call.id,
        "external_id": call.external_id,
        "title": call.name,
        "corrected": None
        if done is None
        else {"voice": done.voice, "name": done.name, "segments": done.segments},
        "voices": [
            {
                "voice": one.voice,
                "name": one.name,
                "confidence": one.confidence,
                "basis": one.basis.value if one.basis else None,
                "segments": one.segments,
                "first_ms": one.first_ms,
                "spoken_ms": one.spoken_ms,
                "first_words": one.first_words,
            }
            for one in voices
        ],
    }


def _reference(call: str) -> str:
    if not 0 < len(call.strip()) <= 300:
        raise BadInput(f"{call[:40]!r} names no call: give an id, external id or exact title")
    return call


def _show(call: Record, voices: tuple[HeardVoice, ...], done: Correction | None) -> None:
    if done is not None:
        out.print(
            f"{escape(done.voice)} is {escape(done.name)} now, in {done.segments} segments",
            highlight=False,
        )
    table = Table(title=escape(call.name), title_justify="left", box=None)
    for heading in ("voice", "name", "sure", "because it was", "speaks", "from", "first words"):
        table.add_column(heading)
    for one in voices:
        table.add_row(
            escape(one.voice),
            escape(one.name or "?"),
            "" if one.confidence is None else f"{one.confidence:.0%}",
            one.basis.value if one.basis else "",
            clock(one.spoken_ms),
            "" if one.first_ms is None else clock(one.first_ms),
            escape(one.first_words),
        )
    out.print(table)


def clock(milliseconds: int) -> str:
    """Return a time as `m:ss`, or `h:mm:ss` from an hour on."""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
