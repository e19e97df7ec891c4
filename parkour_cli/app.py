"""The application: global options, and commands whose modules are imported when they are invoked.

Commands are plugins: :mod:`parkour_cli.plugin` registers those of this package, engines and third parties theirs.
What the help does not need is imported inside functions: it shall cost little more than Typer does.
"""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from parkour.commands import HELP_SETTINGS
from parkour.commands.help import Group
from parkour.entry_points import only_builtin
from parkour_cli.commands import command_named, commands, load_command, own_lines, plugin_lines


class LazyGroup(Group):
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
        if any(not arg.startswith("-") for arg in args):  # A command is named: no mere question for help.
            from parkour_cli.migration import translate

            args = translate(args)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        _prepare(ctx.params)
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from difflib import get_close_matches

            from parkour_cli.migration import OTHER_COMMANDS

            other = OTHER_COMMANDS.get(args[0])
            near = [other] if other else get_close_matches(args[0], commands(), n=1)
            ctx.fail(f"no command {args[0]!r}; " + (f"did you mean {near[0]!r}?" if near else "see parkour --help"))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(own_lines().items()))
        if ctx.params.get("no_plugins") or only_builtin():
            return
        _prepare(ctx.params)
        if others := plugin_lines():
            with formatter.section("Commands of plugins"):
                formatter.write_dl(list(others.items()))


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


def _prepare(options: dict[str, Any]) -> None:
    """What must be settled before plugins are looked for, and that is before the callback below runs.

    Help is asked for while options are still being read: then it has only those before it.
    """
    from parkour.commands import setup_logging
    from parkour.registry import LOAD_PLUGINS

    setup_logging(options.get("verbose", False))
    if options.get("no_plugins"):
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
