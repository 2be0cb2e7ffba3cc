"""`style`: how you or a customer writes, on what evidence; set it, forget it, check the guide."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from copilot.cli.console import out, print_json
from copilot.cli.context import As, Context, Json, moment, who_asks
from copilot.cli.style_pages import (
    StylePage,
    customer_pages,
    find_customer,
    print_guide,
    print_pages,
    rep_pages,
)
from copilot.wiring import Installation
from copilot.writers.company.guide import load_guide
from copilot.writers.learning.setting import Entry, Subject, forget_style, set_style
from crm.errors import NotFound
from crm.models import StyleAspect
from crm.principal import Principal
from tools.language import Language, detect_language

style = typer.Typer(help="How you and your customers write: learned, shown, editable.")
SCHEMA_VERSION = 1
_LANGUAGES: tuple[Language, ...] = ("en", "zh")
# What is set without words has no language of its own.
_WORDLESS = frozenset({StyleAspect.LENGTH, StyleAspect.FORMALITY})


class StyleLanguage(StrEnum):
    """In which language somebody writes so."""

    EN = "en"
    ZH = "zh"


Whose = Annotated[
    str | None,
    typer.Option("--customer", help="A contact or account: id, external id or exact name."),
]
InLanguage = Annotated[StyleLanguage | None, typer.Option("--language", help="en or zh.")]
Aspect = Annotated[StyleAspect, typer.Argument(help="What about the style.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command, name, example in (
        (set_, "set", 'style set greeting "Hello {first},"'),
        (forget, "forget", "style forget greeting"),
        (guide, "guide", "style guide --check"),
    ):
        style.command(name, epilog=f"Example:  sales-copilot {example}")(command)
    app.add_typer(style, name="style")


@style.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    customer: Whose = None,
    language: InLanguage = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Show what was learned of how you write, or a customer, and from what."""
    if ctx.invoked_subcommand is not None:
        return
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        chosen = _all_or(language)
        pages = _read(installation, customer, chosen, principal=principal)
        _tell(pages, as_json=as_json)


def set_(
    ctx: typer.Context,
    aspect: Aspect,
    value: Annotated[
        str, typer.Argument(help='"Hello {first},", 90, formal; with `avoid` the phrase.')
    ],
    instead: Annotated[
        str, typer.Option(help="With `avoid`: what stands in its place; without it, nothing.")
    ] = "",
    customer: Whose = None,
    language: InLanguage = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Say how your letters (or those to a customer) should sound; it beats what was learned."""
    context: Context = ctx.obj
    languages = _all_or(language)
    if language is None and aspect not in _WORDLESS:
        languages = (detect_language(value),)
    is_phrase = aspect is StyleAspect.AVOID
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        subject = _subject(installation, customer, principal=principal)
        with installation.store.session() as session:
            for one in languages:
                entry = Entry(subject, one, aspect, value if is_phrase else "")
                words = instead if is_phrase else value
                set_style(session, entry, words, principal=principal, now=moment(installation))
        _tell(_read(installation, customer, languages, principal=principal), as_json=as_json)


def forget(
    ctx: typer.Context,
    aspect: Aspect,
    phrase: Annotated[str, typer.Argument(help="With `avoid`: the one phrase to forget.")] = "",
    customer: Whose = None,
    language: InLanguage = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Forget what was set or learned until now; later edits are learned from again."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        languages = _all_or(language)
        subject = _subject(installation, customer, principal=principal)
        with installation.store.session() as session:
            for one in languages:
                entry = Entry(subject, one, aspect, phrase)
                forget_style(session, entry, principal=principal, now=moment(installation))
        _tell(_read(installation, customer, languages, principal=principal), as_json=as_json)


def guide(
    ctx: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether it can be used.")
    ] = False,
    file: Annotated[Path | None, typer.Option("--file", help="Another than the set file.")] = None,
    as_json: Json = False,
) -> None:
    """Show what the company's guide holds, or check its file."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        path = file or installation.settings.guide_file
        if not path.is_file():
            raise NotFound(
                f"there is no company guide {str(path)!r}: docs/style-guide.md has an example"
            )
        found = load_guide(path)
        if as_json:
            content = {} if check else {"guide": found.model_dump(mode="json")}
            document = {"schema_version": SCHEMA_VERSION, "status": "answered", "file": str(path)}
            print_json({**document, **content})
            return
        out.print(f"[green]✓[/] {escape(str(path))}", highlight=False, soft_wrap=True)
        if not check:
            print_guide(found)


def _read(
    installation: Installation,
    customer: str | None,
    languages: tuple[Language, ...],
    *,
    principal: Principal,
) -> list[StylePage]:
    with installation.store.session() as session:
        if customer is None:
            return rep_pages(session, languages, principal=principal)
        found = find_customer(session, customer, principal=principal, as_of=moment(installation))
        return customer_pages(session, found, languages, principal=principal)


def _subject(installation: Installation, customer: str | None, *, principal: Principal) -> Subject:
    if customer is None:
        return Subject(user_id=principal.user_id)
    with installation.store.session() as session:
        found = find_customer(session, customer, principal=principal, as_of=moment(installation))
    return found.subjects[0]


def _all_or(language: StyleLanguage | None) -> tuple[Language, ...]:
    if language is None:
        return _LANGUAGES
    return ("zh",) if language is StyleLanguage.ZH else ("en",)


def _tell(pages: list[StylePage], *, as_json: bool) -> None:
    if as_json:
        found = [page.as_document() for page in pages]
        print_json({"schema_version": SCHEMA_VERSION, "status": "answered", "styles": found})
    else:
        print_pages(pages)
