"""``parkour play``: watch a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parkour.commands import make_app
from parkour_cli.options import (
    CheckpointOption,
    CpuSimOption,
    EngineOption,
    ExportOption,
    LogRootOption,
    NoiseOption,
    PolicyTaskArgument,
    PretrainedOption,
    RunOption,
    SetOption,
    WithOption,
    engine_options,
    task_changes,
)
from parkour_cli.watching import (
    DifficultyOption,
    NumRobotsOption,
    PortOption,
    SeedOption,
    ShowDepthOption,
    StepsOption,
    VideoOption,
    ViewerOption,
    WatchDeviceOption,
    watch_policy,
)

app = make_app("Watch a policy in a browser, in a window, or as a film.")


@app.command(name="play")
def play(
    task: PolicyTaskArgument = None,
    checkpoint: CheckpointOption = None,
    run: RunOption = None,
    pretrained: PretrainedOption = False,
    log_root: LogRootOption = Path("logs"),
    viewer: ViewerOption = None,
    port: PortOption = None,
    video: VideoOption = None,
    steps: StepsOption = None,
    terrain: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this terrain. Repeatable; all of the task's.")
    ] = None,
    difficulty: DifficultyOption = None,
    num_envs: NumRobotsOption = None,
    seed: SeedOption = 1,
    show_depth: ShowDepthOption = False,
    noise: NoiseOption = None,
    export: ExportOption = None,
    device: WatchDeviceOption = "cpu",
    engine: EngineOption = None,
    cpu_sim: CpuSimOption = None,
    sets: SetOption = [],  # noqa: B006 - Typer copies it
    withs: WithOption = [],  # noqa: B006
) -> None:
    """Watch a policy follow its way points, with the inputs that a robot has. The task is rebuilt from the checkpoint,
    under its overlay play; keys and buttons pause, reset and change the terrain."""
    from parkour.policies.source import PolicySource
    from parkour.viewing.watch import WatchOptions

    options = WatchOptions(
        viewer=viewer, port=port, video=video, steps=steps, num_envs=num_envs, seed=seed, device=device, engine=engine,
        engine_options=engine_options(cpu_sim), show_depth=show_depth,
        changes=task_changes(difficulty, terrain, noise, sets, withs),
    )  # fmt: skip
    watch_policy(PolicySource(task, checkpoint, run, pretrained, log_root), options, export)
