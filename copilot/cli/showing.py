"""`show`: a customer's or deal's profile, any other record with its fields, or a list of a kind."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.markup import escape
from rich.table import Table

from copilot.cli.console import out, print_json
from copilot.cli.context import As, Context, Json, moment, who_asks
from copilot.cli.pictures import Asked, Picture, Section, list_kind, picture_of
from copilot.cli.profiles import print_profile
from crm.errors import BadInput
from tools.attributes import Entity
from tools.language import Language, detect_language, has_han
from tools.profile import CustomerProfile, build_opportunity_profile, build_profile
from tools.profile.model import Scope
from tools.record_facts import RecordBrief
from tools.records import Record

SCHEMA_VERSION = 1
_PLURALS = {
    "accounts": Entity.ACCOUNT,
    "opportunities": Entity.OPPORTUNITY,
    "deal": Entity.OPPORTUNITY,
    "deals": Entity.OPPORTUNITY,
    "contacts": Entity.CONTACT,
    "products": Entity.PRODUCT,
    "users": Entity.USER,
    "calls": Entity.CALL,
    "conversation": Entity.CALL,
    "conversations": Entity.CALL,
}
_PROFILES: dict[Entity, Callable[..., CustomerProfile]] = {
    Entity.ACCOUNT: build_profile,
    Entity.OPPORTUNITY: build_opportunity_profile,
}


class ShownLanguage(StrEnum):
    """The languages in which a profile is shown."""

    EN = "en"
    ZH = "zh"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Examples:  sales-copilot show account Acme  ·  sales-copilot show call 12  ·  "
        "sales-copilot show users"
    )(show)


def show(
    ctx: typer.Context,
    kind: Annotated[
        str, typer.Argument(help="account, opportunity, contact, product, user or call.")
    ],
    ref: Annotated[
        str | None,
        typer.Argument(help="Its id, external id or exact name; without it, the kind is listed."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of a list.")] = 20,
    language: Annotated[
        ShownLanguage | None,
        typer.Option(help="en or zh, for profiles; otherwise that of the name given."),
    ] = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Show one record with what the CRM holds on it, or list records of a kind."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        entity = _entity(kind)
        if ref is not None and not 0 < len(ref.strip()) <= 300:
            raise BadInput(f"{ref[:40]!r} names no record: give an id, external id or exact name")
        principal = who_asks(installation, who, as_json=as_json)
        with installation.store.session() as session:
            asked = Asked(session, principal, moment(installation))
            if ref is None:
                _show_list(list_kind(entity, asked, limit=limit), entity, as_json=as_json)
                return
            picture = picture_of(entity, ref, asked)
            profile = _profile(picture, asked, _language_for(language, ref))
            show_picture(picture, profile, as_json=as_json)


def _profile(picture: Picture, asked: Asked, language: Language) -> CustomerProfile | None:
    build = _PROFILES.get(picture.record.entity)
    return build(asked.session, picture.record.id, language=language, **asked.by) if build else None


def _entity(kind: str) -> Entity:
    wanted = kind.strip().lower()
    if wanted in _PLURALS:
        return _PLURALS[wanted]
    if wanted in list(Entity):
        return Entity(wanted)
    known = ", ".join(entity.value for entity in Entity)
    raise BadInput(f"{kind[:40]!r} is no kind of record: use one of {known}")


def _show_list(section: Section, entity: Entity, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "schema_version": SCHEMA_VERSION,
                "status": "answered",
                "entity": entity.value,
                "total": section.total,
                "records": _documents(section.records, section.texts),
            }
        )
        return
    _print_section(section)


def _language_for(given: ShownLanguage | None, ref: str) -> Language:
    """Return the language asked for, else that of the name by which the record is called."""
    if given is not None:
        return "zh" if given is ShownLanguage.ZH else "en"
    return detect_language(ref) if has_han(ref) else "en"


def _profile_document(profile: CustomerProfile) -> dict[str, Any]:
    """Return the profile for scripts: plain JSON values, as docs/json.md has them."""
    document: dict[str, Any] = TypeAdapter(CustomerProfile).dump_python(profile, mode="json")
    return document


def show_picture(picture: Picture, profile: CustomerProfile | None, *, as_json: bool) -> None:
    """Print the record with what is around it, for people or for scripts."""
    if as_json:
        print_json(_document(picture, profile))
        return
    if profile is None or profile.scope is Scope.OPPORTUNITY:
        _print_record(picture.record)
    if profile is not None:
        print_profile(profile)
    else:
        for section in picture.sections:
            _print_section(section)
    if picture.lines:
        out.print()
    for line in picture.lines:
        out.print(line, markup=False, highlight=False)


def _document(picture: Picture, profile: CustomerProfile | None) -> dict[str, Any]:
    sections = {
        section.key: {
            "total": section.total,
            "records": _documents(section.records, section.texts),
        }
        for section in picture.sections
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "answered",
        **picture.record.model_dump(mode="json"),
        "lines": picture.lines,
        "related": sections,
        "profile": None if profile is None else _profile_document(profile),
    }


def _print_record(record: Record) -> None:
    title = f"{record.entity.value} {record.id} · {record.name}"
    table = Table(title=escape(title), show_header=False, title_justify="left", box=None)
    for field in record.fields:
        if field.text:
            table.add_row(f"[dim]{escape(field.label)}[/]", escape(field.text))
    out.print(table)
    empty = [field.label for field in record.fields if not field.text]
    if empty:
        out.print(f"[dim]not recorded: {escape(', '.join(empty))}[/]")


def _print_section(section: Section) -> None:
    shown = len(section.records)
    more = f" · {shown} of {section.total:,}" if shown < section.total else f" · {shown}"
    out.print(f"\n[bold]{escape(section.title)}[/][dim]{more}[/]")
    for record, text in zip(section.records, section.texts, strict=True):
        out.print(f"  [dim]{record.id:>6}[/]  {escape(text)}", highlight=False)


def _documents(records: Sequence[RecordBrief], texts: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {**record.model_dump(mode="json", include=set(RecordBrief.model_fields)), "text": text}
        for record, text in zip(records, texts, strict=True)
    ]
