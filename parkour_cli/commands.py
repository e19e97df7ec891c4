"""Which commands there are, and the one of a name.

To add ``NAME``: write ``parkour_cli/NAME.py``, and its line in :data:`SUMMARIES`. What a command's module holds: see
:func:`parkour.commands.make_app`. Plugins are looked for only where the answer depends on them, inside functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from parkour.entry_points import BUILTIN
from parkour.errors import PluginError

if TYPE_CHECKING:
    from parkour.registry import RegisteredSpec

ENTRY_POINT = "commands"
"""Through which this package registers its commands."""
SUMMARIES: dict[str, str] = {
    "train": "Train a policy, or resume a run.",
    "eval": "Score a policy on courses, or two against each other.",
    "play": "Watch a policy in a browser, in a window, or as a film.",
    "demo": "Drive a policy by hand: keys, sliders, a gamepad, or a script.",
    "runs": "List runs and how well they train; compare their curves; prune their checkpoints.",
    "export": "Write a policy as ONNX or TorchScript, for a robot or another program.",
    "deploy": "Run an exported policy on a robot: check, run, replay.",
    "plugins": "List plugins, show what they provide, check them, write new ones.",
    "tasks": "List tasks and show them, resolved to their components.",
    "terrains": "Draw sub-terrains, change their numbers, make them of height maps or meshes.",
    "pipeline": "From nothing to a scored, exported policy; called again, it resumes.",
    "bench": "Measure how fast this machine simulates.",
    "doctor": "Check Python, torch, GPUs, engines, plugins and assets.",
}
"""Commands of this package in the order of ``parkour --help``, each with its line there."""
OF_PACKS: dict[str, str] = {
    "sim2sim": "Run an exported policy in plain C MuJoCo, without torch.",
    "fake-go2": "Simulate a Go2 that speaks Unitree's protocol, to try deploy on.",
    "assets": "Mirror Isaac Sim's public assets for machines without a network.",
}
"""Those that packs of this distribution register: written here too, so that help imports none of the packs."""


def own_lines() -> dict[str, str]:
    """The commands of this distribution, with their lines in the help."""
    return {**SUMMARIES, **OF_PACKS}


def plugin_lines() -> dict[str, str]:
    """The commands of other distributions, with their lines in the help.

    Only plugins that could register a command are imported.
    """
    from parkour.registry import default_registry

    others = [item for item in default_registry("command").specs("command") if not item.builtin]
    return {name: f"{item.spec.summary} ({item.distribution})" for name, item in named(others, own_lines()).items()}


def commands() -> dict[str, RegisteredSpec]:
    """All commands by what they are called: ours in their order, then those of other packs and plugins by name.

    A plugin's command whose name another one has is called by its id, ``distribution:name``.
    """
    from parkour.registry import default_registry

    items = default_registry().specs("command")
    found = {name: _own(name) for name in SUMMARIES}
    found.update({item.spec.name: item for item in items if item.builtin and item.spec.name not in found})
    return found | named([item for item in items if not item.builtin], found)


def named(items: Iterable[RegisteredSpec], taken: Iterable[str]) -> dict[str, RegisteredSpec]:
    """Commands of other distributions by what they are called."""
    items = list(items)
    names = [*taken, *(item.spec.name for item in items)]
    return {item.id if names.count(item.spec.name) > 1 else item.spec.name: item for item in items}


def command_named(name: str) -> RegisteredSpec | None:
    """The command of a name or id; None if there is none. Ours are found without a look at what is installed.

    Raises:
        AmbiguousNameError: several plugins have it.
    """
    if name in SUMMARIES:
        return _own(name)
    from parkour.registry import default_registry

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

    from parkour.registry import resolve_target

    owner = f"command {item.id!r}"
    app: Any = resolve_target(item.spec.target, owner=owner)
    if not isinstance(app, Typer):
        raise PluginError(f"{owner}: {item.spec.target} is a {type(app).__name__}, expected a typer.Typer")
    command = get_command(app)
    command.name = name
    return command


def _own(name: str) -> RegisteredSpec:
    """One of ours as discovery would record it, but for the version, which nobody asks for here."""
    from parkour.registry import RegisteredSpec
    from parkour_cli.plugin import COMMANDS

    return RegisteredSpec(COMMANDS[name], BUILTIN, "unknown", ENTRY_POINT)
