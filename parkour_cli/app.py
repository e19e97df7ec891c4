"""The application: global options, and commands whose modules are imported when they are invoked.

Commands are plugins: :mod:`parkour_cli.plugin` registers those of this package, engines and third parties theirs.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from parkour.commands import HELP_SETTINGS, setup_logging
from parkour.registry import LOAD_PLUGINS
from parkour_cli.commands import command_named, commands, load_command
from parkour_cli.migration import OTHER_COMMANDS, translate


class LazyGroup(TyperGroup):
    """Lists the registered commands, and imports a command's module when the command runs."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(commands())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands:
            found = command_named(cmd_name)
            if found is None:
                return None
            self.commands[cmd_name] = load_command(cmd_name, found)
        return self.commands[cmd_name]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, translate(args))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            other = OTHER_COMMANDS.get(args[0])
            near = [other] if other else get_close_matches(args[0], commands(), n=1)
            ctx.fail(f"no command {args[0]!r}; " + (f"did you mean {near[0]!r}?" if near else "see parkour --help"))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        _prepare(ctx.params.get("no_plugins", False), ctx.params.get("verbose", False))
        own = {name: item for name, item in commands().items() if item.builtin}
        with formatter.section("Commands"):
            formatter.write_dl([(name, item.spec.summary) for name, item in own.items()])
        others = {name: item for name, item in commands().items() if not item.builtin}
        if others:
            with formatter.section("Commands of plugins"):
                rows = [(name, f"{item.spec.summary} ({item.distribution})") for name, item in others.items()]
                formatter.write_dl(rows)


app = typer.Typer(
    cls=LazyGroup,
    name="parkour",
    no_args_is_help=True,
    # Rich's help costs more than all the rest of `parkour --help`.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=HELP_SETTINGS,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"parkour {version('parkour-lab')}")
        raise typer.Exit


def _prepare(no_plugins: bool, verbose: bool) -> None:
    """What must be settled before plugins are looked for."""
    setup_logging(verbose)
    if no_plugins:
        # In the environment, so that processes started from here load the same plugins.
        os.environ[LOAD_PLUGINS] = ""


# Two are eager, so that the help of `parkour --no-plugins --help` knows of them.
@app.callback()
def parkour(
    no_plugins: Annotated[
        bool,
        typer.Option(
            "--no-plugins",
            is_eager=True,
            help="Load built-in plugins only (PARKOUR_LOAD_PLUGINS=a,b chooses others).",
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", is_eager=True, help="Show tracebacks of broken plugins.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train, evaluate and deploy Unitree Go2 parkour policies, assembled from plugins."""
    _prepare(no_plugins, verbose)
