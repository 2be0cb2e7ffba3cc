"""Commands that are imported when they are called, so that `--help` and each of them start fast."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from copilot.cli.console import BROKEN_PIPE, drop_output, edge, fail
from copilot.cli.signals import INTERRUPTED

_LISTING = "copilot.cli.lazy.listing"


class LazyGroup(TyperGroup):
    """A group whose commands stand in `table`: name → (module, one line for `--help`).

    Every way out of it is an exit code and a message: with --json one document, never a traceback.
    """

    table: ClassVar[Mapping[str, tuple[str, str]]] = {}

    _as_json = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command, imported now; for the list in `--help` its name and line do."""
        if cmd_name not in self.table:
            return None
        module, line = self.table[cmd_name]
        if ctx.meta.get(_LISTING):
            return TyperCommand(name=cmd_name, help=line, rich_markup_mode="rich")
        if self.commands.get(cmd_name) is None:
            part = typer.Typer(rich_markup_mode="rich")
            import_module(module).register(part)
            self.commands.update(get_group(part).commands)
        return self.commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the arguments name, suggesting one where it is misspelt."""
        for name in self.table:
            self.commands.setdefault(name, None)  # type: ignore[arg-type]
        try:
            return super().resolve_command(ctx, args)
        finally:
            for name in [name for name, command in self.commands.items() if command is None]:
                del self.commands[name]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help without importing any command."""
        ctx.meta[_LISTING] = True
        super().format_help(ctx, formatter)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what happens before its own error edge is caught here."""
        with edge(as_json=self._as_json):
            try:
                return super().invoke(ctx)
            except BrokenPipeError:
                drop_output()
                raise typer.Exit(BROKEN_PIPE) from None

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Run a command line and leave with its exit code."""
        given = list(sys.argv[1:] if args is None else args)
        self._as_json = "--json" in given
        options["standalone_mode"] = False
        try:
            code = _run(lambda: super(LazyGroup, self).main(given, *rest, **options), given)
            sys.stdout.flush()
        except BrokenPipeError:
            drop_output()
            code = BROKEN_PIPE
        sys.exit(code)


def _run(run: Callable[[], Any], given: Sequence[str]) -> int:
    try:
        try:
            done = run()
        except typer.TyperException as error:
            return _usage_error(error, given)
        except typer.Abort:
            return INTERRUPTED
    except typer.Exit as left:
        return left.exit_code
    return done if isinstance(done, int) else 0


def _usage_error(error: Any, given: Sequence[str]) -> int:
    if "--json" in given:
        fail(
            error.format_message(), kind="BadInput", code=2, as_json=True, is_answer="ask" in given
        )
    from typer.rich_utils import rich_format_error

    rich_format_error(error)
    return int(error.exit_code)
