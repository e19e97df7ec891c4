"""What a command is made with, in parkour and in plugins: the application, and what commands print.

A plugin's command is a Typer application at the address that its :class:`parkour.specs.CommandSpec` gives::

    app = make_app("Count to a number.")

    @app.command()
    def count(number: int, as_json: JsonOption = False) -> None: ...
"""

from __future__ import annotations

from parkour.commands.application import HELP_SETTINGS, JsonOption, make_app
from parkour.commands.groups import OptionsOf, grouped
from parkour.commands.output import console, notice, print_error, print_json, print_table, setup_logging
from parkour.commands.ranges import parse_range

__all__ = [
    "HELP_SETTINGS",
    "JsonOption",
    "OptionsOf",
    "console",
    "grouped",
    "make_app",
    "notice",
    "parse_range",
    "print_error",
    "print_json",
    "print_table",
    "setup_logging",
]
