"""The options that the commands of `draft` share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from copilot.grounding.pack.asked import DraftKind
from copilot.writers.rendering import Format


class LetterLanguage(StrEnum):
    """What a letter can be written in."""

    EN = "en"
    ZH = "zh"


class ChatChannel(StrEnum):
    """Where a chat message goes."""

    SLACK = "slack"
    WECHAT = "wechat"


class TemplateKind(StrEnum):
    """What a Word template is for."""

    PROPOSAL = "proposal"
    LETTER = "letter"


To = Annotated[str | None, typer.Option(help="The person: name, email address or id.")]
Deal = Annotated[
    str | None,
    typer.Option("--deal", "--opportunity", help="The deal: id, external id or name."),
]
Account = Annotated[str | None, typer.Option(help="The account: id, external id or name.")]
ReplyTo = Annotated[
    str | None,
    typer.Option(help="The mail to answer: its id, Message-ID or subject, or 'last'."),
]
Kind = Annotated[
    DraftKind | None, typer.Option(help="What it is for; otherwise what the facts suggest.")
]
Purpose = Annotated[str | None, typer.Option(help="What you want of it, in your words.")]
InLanguage = Annotated[
    LetterLanguage | None, typer.Option(help="en or zh; otherwise the customer's language.")
]
Form = Annotated[Format | None, typer.Option("--format", help="Write it as a file of this kind.")]
Out = Annotated[
    Path | None, typer.Option(help="The file; its ending gives the format if none is named.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
Notes = Annotated[
    bool, typer.Option("--notes", help="List the sources in the document, for colleagues.")
]
Template = Annotated[
    Path | None,
    typer.Option("--template", help="A Word template for docx; `draft template` writes ours."),
]
