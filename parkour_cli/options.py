"""Options and settings that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="Name or alias of a task, or a TOML file.")]
OverlayOption = Annotated[
    str | None, typer.Option("--overlay", metavar="NAME", help="Changes to apply: train, eval or play.")
]
SetOption = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Set a number, e.g. rewards.feet_edge.weight=-2. Repeatable."),
]
WithOption = Annotated[
    list[str],
    typer.Option("--with", metavar="KIND:NAME=NUMBER", help="Add a component, e.g. terrain:NAME=0.2. Repeatable."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def make_app(help: str) -> typer.Typer:
    """The Typer application of one command module; see :mod:`parkour_cli.app`."""
    return typer.Typer(
        help=help,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
