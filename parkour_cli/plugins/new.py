"""``parkour plugins new``: a plugin project to start from."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from parkour.commands import notice, print_result


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the distribution, e.g. parkour-terrain-logs.")],
    kind: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help="Repeatable: terrain, reward, observation, modifier, termination, event, encoder, policy, engine, "
            "task, robot, command, degradation, robot_link, depth_source, export_target, metric, protocol, logger, "
            "callback, curriculum, command_term.",
        ),
    ],
    component: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the component; made from NAME.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder in which the project's folder is made.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that is there already.")] = False,
) -> None:
    """Write a plugin project: code, tests, README and CI, which installs and passes as it is."""
    from parkour.registry import canonical_distribution
    from parkour_cli.scaffold import project_of_several, write_project

    contents = project_of_several(name, [each.replace("-", "_") for each in kind], component)
    folder = out / canonical_distribution(name)
    write_project(contents, folder, force=force)
    for path in contents:
        print_result(folder / path)
    # A line each: none is split on a terminal of 80 columns.
    notice(f"try it: pip install -e {quote(f'{folder}[test]')}")
    notice(f"        parkour plugins check {folder.name}")
    notice(f"        pytest {quote(str(folder))}")
