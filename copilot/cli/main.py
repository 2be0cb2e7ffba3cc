"""The `sales-copilot` command: global options, and the commands from their modules."""

from typing import Annotated

import typer

from copilot.cli import asking, drafting, finding, ingesting, setup
from copilot.cli.context import open_context

app = typer.Typer(
    name="sales-copilot",
    help="Ask about deals and calls, get cited answers, and drafts you can send.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 done · 2 bad input · 3 not found · 4 ambiguous · 5 declined · "
    "6 needs approval · 7 try again later · 8 set-up has to be mended · 130 interrupted",
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
    ctx.obj = open_context(workspace)


setup.register(app)
ingesting.register(app)
asking.register(app)
drafting.register(app)
finding.register(app)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
