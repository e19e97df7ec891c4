"""What a command is made with, in parkour and in plugins: the application, and what commands print.

A plugin's command is a Typer application at the address that its :class:`parkour.specs.CommandSpec` gives::

    app = make_app("Count to a number.")

    @app.command()
    def count(number: int, as_json: JsonOption = False) -> None: ...
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parkour.commands.application import HELP_SETTINGS as HELP_SETTINGS
    from parkour.commands.application import JsonOption as JsonOption
    from parkour.commands.application import make_app as make_app
    from parkour.commands.groups import OptionsOf as OptionsOf
    from parkour.commands.groups import grouped as grouped
    from parkour.commands.logs import setup_logging as setup_logging
    from parkour.commands.output import console as console
    from parkour.commands.output import notice as notice
    from parkour.commands.output import print_error as print_error
    from parkour.commands.output import print_json as print_json
    from parkour.commands.output import print_result as print_result
    from parkour.commands.output import print_usage_error as print_usage_error
    from parkour.commands.ranges import parse_range as parse_range
    from parkour.commands.tables import Styled as Styled
    from parkour.commands.tables import print_figures as print_figures
    from parkour.commands.tables import print_table as print_table

# Resolved on first use: `parkour --help` needs the least of it.
_HOME = {
    "application": ("HELP_SETTINGS", "JsonOption", "make_app"),
    "groups": ("OptionsOf", "grouped"),
    "logs": ("setup_logging",),
    "output": ("console", "notice", "print_error", "print_json", "print_result", "print_usage_error"),
    "ranges": ("parse_range",),
    "tables": ("Styled", "print_figures", "print_table"),
}
_MODULES = {name: module for module, names in _HOME.items() for name in names}
__all__ = sorted(_MODULES)  # pyright: ignore[reportUnsupportedDunderAll] - names are resolved lazily by __getattr__


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
