"""Which commands there are, and the one of a name."""

from __future__ import annotations

from typing import Any

from parkour.errors import PluginError
from parkour.registry import BUILTIN, RegisteredSpec, default_registry, resolve_target
from parkour_cli.plugin import COMMANDS

ENTRY_POINT = "commands"
"""Through which this package registers its commands."""


def commands() -> dict[str, RegisteredSpec]:
    """All commands by what they are called: ours in their order, then those of other packs and plugins by name.

    A plugin's command whose name another one has is called by its id, ``distribution:name``.
    """
    registry = default_registry()
    found = {name: _own(name) for name in COMMANDS}
    items = registry.specs("command")
    names = [item.spec.name for item in items]
    for item in items:
        name = item.spec.name
        if item.builtin:
            found.setdefault(name, item)
        else:
            found[item.id if names.count(name) > 1 or name in found else name] = item
    return found


def command_named(name: str) -> RegisteredSpec | None:
    """The command of a name or id; None if there is none. Ours are found without a look at what is installed.

    Raises:
        AmbiguousNameError: several plugins have it.
    """
    if name in COMMANDS:
        return _own(name)
    registry = default_registry()
    known = {word for item in registry.specs("command") for word in (item.spec.name, item.id)}
    return registry.get("command", name) if name in known else None


def load_command(name: str, item: RegisteredSpec) -> Any:
    """Import a command: click's, as Typer makes it of the application.

    Raises:
        PluginError: its module does not import, or there is no Typer application at its address.
    """
    from typer import Typer
    from typer.main import get_command

    owner = f"command {item.id!r}"
    app: Any = resolve_target(item.spec.target, owner=owner)
    if not isinstance(app, Typer):
        raise PluginError(f"{owner}: {item.spec.target} is a {type(app).__name__}, expected a typer.Typer")
    command = get_command(app)
    command.name = name
    return command


def _own(name: str) -> RegisteredSpec:
    """One of ours as discovery would record it, but for the version, which nobody asks for here."""
    return RegisteredSpec(COMMANDS[name], BUILTIN, "unknown", ENTRY_POINT)
