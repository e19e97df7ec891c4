"""``parkour bench``: how fast this machine simulates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkour.commands import JsonOption, grouped, make_app, notice, print_figures, print_json, print_table
from parkour.commands.progress import loading
from parkour.stages import stage
from parkour.text import counted
from parkour_cli.options import DeviceOptions, EngineOptions, TaskOptions

if TYPE_CHECKING:
    from parkour.engines.benchmark import StepRate

app = make_app("Measure how fast this machine simulates.")


@app.callback()
def bench() -> None:
    """Measure how fast this machine simulates."""


@app.command()
@grouped
def env(
    device_options: DeviceOptions,
    engine_options: EngineOptions,
    task_options: TaskOptions,
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="Name or alias of a task, or a TOML file.")
    ] = "go2-teacher",
    num_envs: Annotated[
        list[int] | None, typer.Option(help="Parallel environments; repeat it for several sizes. [default: the task's]")
    ] = None,
    steps: Annotated[int, typer.Option(help="Control steps to time.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of courses and actions.")] = 1,
    profile: Annotated[bool, typer.Option("--profile", help="Show how long each part of a step takes.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the JSON here too.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Control steps/s of the full environment step, and of raw physics with the same model in the same process."""
    with loading():
        from parkour.engines.benchmark import as_json as to_json
        from parkour.engines.benchmark import measure_step
        from parkour.engines.choice import check_engine_options, choose_engine, choose_num_envs
        from parkour.engines.device import choose_device
        from parkour.storage import check_writable, write_text
        from parkour.tasks import load_task

        if out is not None:
            check_writable(out, "--out")
        resolved = load_task(task, overlay="train", changes=task_options.to_changes())
    chosen = choose_device(device_options.device)
    identity, simulator = choose_engine(engine_options.engine)
    more = engine_options.own
    check_engine_options(identity, simulator, more)
    rates: list[StepRate] = []
    for size in num_envs or [choose_num_envs(None, resolved, chosen)]:
        notice(f"{resolved.name}: {counted(size, 'environment')} on {chosen}, {counted(steps, 'control step')}")
        with stage("measuring"):
            rate = measure_step(
                resolved, simulator, num_envs=size, steps=steps, device=chosen, seed=seed, profile=profile,
                engine_options=more,
            )  # fmt: skip
        rates.append(rate)
    data = to_json(rates, device=chosen, task=resolved.name)
    if out is not None:
        write_text(out, json.dumps(data, indent=2) + "\n", "--out")
    if as_json:
        print_json(data)
    else:
        _print_rates(f"{resolved.name} on {data['device_name']}, torch {data['torch']}", rates)


def _print_rates(title: str, rates: list[StepRate]) -> None:
    """A row for every size, and below it the parts of its steps if they were measured."""
    columns = {
        "environments": [str(r.num_envs) for r in rates],
        "steps/s": [f"{r.environment:,.0f}" for r in rates],
        "physics/s": [f"{r.physics:,.0f}" for r in rates],
        "ratio": [f"{r.ratio:.3f}" for r in rates],
        "step ms": [f"{r.environment_ms:.2f}" for r in rates],
        "physics ms": [f"{r.physics_ms:.2f}" for r in rates],
        "build s": [f"{r.build_s:.1f}" for r in rates],
        "memory GiB": ["" if r.memory_gib is None else f"{r.memory_gib:.1f}" for r in rates],
        "images/s": ["" if r.images is None else f"{r.images:,.0f}" for r in rates],
    }
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    print_figures(title, tuple(shown), zip(*shown.values(), strict=True))
    for rate in rates:
        if rate.phases_ms:
            total = sum(rate.phases_ms.values())
            parts = [(name, f"{ms:.3f}", f"{ms / total:.1%}") for name, ms in rate.phases_ms.items()]
            print_table(
                f"{counted(rate.num_envs, 'environment')}, one step, part by part", ("part", "ms", "share"), parts
            )
