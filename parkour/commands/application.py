"""Typer applications as all commands have them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from parkour.commands.help import Command, Group

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

HELP_SETTINGS = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
    "token_normalize_func": lambda token: token.replace("_", "-"),
}
"""Of every command: how help is asked for, how wide it may be [columns], and underscores in names of options."""


class _Application(typer.Typer):
    """One whose commands have our help."""

    def command(self, name: str | None = None, **settings: Any) -> Any:
        return super().command(name, **{"cls": Command, **settings})


def make_app(help: str) -> typer.Typer:
    """An application with ``-h``, plain help and plain errors.

    Give it one ``@app.command()``, which then is the command itself; for a group of sub-commands add several, or an
    ``@app.callback()``. Import torch and the like inside the functions, let :class:`parkour.errors.ParkourError` pass
    through, and print with the functions of this package.

    Args:
        help: one line.
    """
    return _Application(
        help=help,
        cls=Group,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings=HELP_SETTINGS,
    )
