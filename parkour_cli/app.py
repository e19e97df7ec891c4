"""The application: global options, and commands whose modules are imported when they are invoked.

To add a command ``NAME``: write ``parkour_cli/NAME.py`` with ``app = typer.Typer(...)`` and add its line to
:data:`COMMANDS`. With one ``@app.command()`` the module is the command; for a group of sub-commands add an
``@app.callback()`` or several commands. Import torch and the like inside the command's function, let
:class:`parkour.errors.ParkourError` pass through, and print with :mod:`parkour_cli.output`.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from parkour_cli.options import HELP_SETTINGS
from parkour_cli.output import setup_logging

COMMANDS: dict[str, str] = {
    "train": "Train a policy, or go on with a run.",
    "eval": "Score a policy on courses, or two against each other.",
    "play": "Watch a policy in a browser, in a window, or as a film.",
    "demo": "Drive a policy by hand: keys, sliders, a gamepad, or a script.",
    "export": "Write a policy as ONNX or TorchScript, for a robot or another program.",
    "sim2sim": "Run an exported policy in plain C MuJoCo, without torch.",
    "plugins": "List plugins, show what they provide, check them, write new ones.",
    "tasks": "List tasks and show them, resolved to their components.",
    "terrains": "Draw sub-terrains: a picture and the height map, with goals and edges.",
    "assets": "Mirror Isaac Sim's public assets for machines without a network.",
    "bench": "Measure how fast this machine simulates.",
    "doctor": "Check Python, torch, GPUs, engines, plugins and assets.",
}
"""Commands in the order of ``parkour --help``: module in this package, and its line there."""


class LazyGroup(TyperGroup):
    """Lists commands from :data:`COMMANDS`, and imports a command's module when the command runs."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            command: Any = get_command(import_module(f"parkour_cli.{cmd_name.replace('-', '_')}").app)
            command.name = cmd_name
            self.commands[cmd_name] = command
        return self.commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"no command {args[0]!r}; " + (f"did you mean {near[0]!r}?" if near else "see parkour --help"))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


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


@app.callback()
def parkour(
    no_plugins: Annotated[
        bool, typer.Option("--no-plugins", help="Load built-in plugins only (PARKOUR_LOAD_PLUGINS=a,b chooses others).")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks of broken plugins.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train, evaluate and deploy Unitree Go2 parkour policies, assembled from plugins."""
    setup_logging(verbose)
    if no_plugins:
        from parkour.registry import LOAD_PLUGINS

        # In the environment, so that processes started from here load the same plugins.
        os.environ[LOAD_PLUGINS] = ""
