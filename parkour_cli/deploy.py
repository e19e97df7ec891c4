"""``parkour deploy``: the robot's side, which is a package of its own with a command line of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from parkour.commands import make_app
from parkour.specs import Kind

app = make_app("Run an exported policy on a robot: look at the robot, run, replay what was logged.")


# The robot's computer has no typer, so options are those of parkour_deploy, and are handed on as they are.
@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def deploy(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND...", help="run, check, replay or list, with their options.")
    ] = None,
) -> None:
    """Run an exported policy on a robot. Tried against the robot's protocol, never on a real one."""
    from parkour_deploy.__main__ import main

    raise typer.Exit(
        main(
            arguments or ["--help"],
            program="parkour deploy",
            links=_targets("robot_link"),
            sources=_targets("depth_source"),
        )
    )


def _targets(kind: Kind) -> dict[str, str]:
    """Addresses by name of what plugins registered; a name that another has goes by its id, with a slash."""
    from parkour.registry import default_registry

    found: dict[str, str] = {}
    for item in sorted(default_registry().specs(kind), key=lambda item: not item.builtin):
        name = item.spec.name if item.spec.name not in found else f"{item.distribution}/{item.spec.name}"
        found[name] = item.spec.target
    return found
