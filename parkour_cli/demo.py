"""``parkour demo``: drive a policy by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parkour.commands import make_app
from parkour_cli.options import (
    CheckpointOption,
    CpuSimOption,
    EngineOption,
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

app = make_app("Drive a policy by hand: keys, sliders, a gamepad, or a script.")


@app.command(name="demo")
def demo(
    task: PolicyTaskArgument = None,
    checkpoint: CheckpointOption = None,
    run: RunOption = None,
    pretrained: PretrainedOption = False,
    log_root: LogRootOption = Path("logs"),
    viewer: ViewerOption = None,
    port: PortOption = None,
    video: VideoOption = None,
    steps: StepsOption = None,
    terrain: Annotated[list[str], typer.Option(metavar="NAME", help="Course to drive on. Repeatable.")] = ["demo"],  # noqa: B006
    difficulty: DifficultyOption = None,
    num_envs: NumRobotsOption = None,
    seed: SeedOption = 1,
    script: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Drive by this CSV file: time [s], speed [m/s], turn [rad/s]."),
    ] = None,
    gamepad: Annotated[
        Path | None,
        typer.Option(metavar="DEVICE", help="Gamepad, e.g. /dev/input/js0; the first that is plugged in."),
    ] = None,
    show_depth: ShowDepthOption = False,
    noise: NoiseOption = None,
    device: WatchDeviceOption = "cpu",
    engine: EngineOption = None,
    cpu_sim: CpuSimOption = None,
    sets: SetOption = [],  # noqa: B006 - Typer copies it
    withs: WithOption = [],  # noqa: B006
) -> None:
    """Drive a policy by hand over a course: speed and heading from keys, sliders, a gamepad or a script take the place
    of the command and the way points. Teachers and students alike."""
    from parkour.policies.source import PolicySource
    from parkour.viewing.watch import DriveOptions, WatchOptions

    options = WatchOptions(
        viewer=viewer, port=port, video=video, steps=steps, num_envs=num_envs, seed=seed, device=device, engine=engine,
        engine_options=engine_options(cpu_sim), show_depth=show_depth, drive=DriveOptions(script, gamepad),
        changes=task_changes(difficulty, terrain, noise, sets, withs),
    )  # fmt: skip
    watch_policy(PolicySource(task, checkpoint, run, pretrained, log_root), options, None)
