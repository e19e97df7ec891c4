"""``parkour play``: watch a policy."""

from __future__ import annotations

from parkour.commands import grouped, make_app
from parkour_cli.options import EngineOptions, ExportOption, PolicyOptions, PolicyTaskOptions
from parkour_cli.watching import WatchingOptions, watch_policy

app = make_app("Watch a policy in a browser, in a window, or as a film.")


@app.command(name="play")
@grouped
def play(
    policy: PolicyOptions,
    watching: WatchingOptions,
    task_options: PolicyTaskOptions,
    engine_options: EngineOptions,
    export: ExportOption = None,
) -> None:
    """Watch a policy follow its way points, with the inputs that a robot has. The task is rebuilt from the checkpoint,
    under its overlay play; keys and buttons pause, reset and change the terrain."""
    watch_policy(policy.source(), watching.of(engine_options, task_options), export)
