"""``parkour sim2sim``: an exported policy in plain C MuJoCo."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from parkour.commands import make_app, notice, parse_range, print_figures, print_json
from parkour.commands.progress import loading
from parkour.errors import EngineError
from parkour.storage import check_writable, write_text
from parkour.text import rounded

app = make_app("Run an exported policy in plain C MuJoCo, without torch: does it survive outside its simulator?")


@app.command()
def sim2sim(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Export, as parkour export onnx wrote it.")],
    terrain: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Terrain to run on. Repeatable. [default: all of the task's]"),
    ] = None,
    difficulty: Annotated[str, typer.Option(metavar="A:B", help="Range of difficulties, in [0, 1].")] = "0:1",
    episodes: Annotated[int | None, typer.Option(help="Episodes on each terrain. [default: 4]")] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Control steps on each terrain at least, in whole episodes; in place of --episodes."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the courses.")] = 1,
    speed: Annotated[float, typer.Option(help="Commanded speed [m/s].")] = 0.8,
    seconds: Annotated[float, typer.Option(help="Time-out of an episode [s].")] = 30.0,
    friction: Annotated[float, typer.Option(help="Sliding friction of the robot against the course.")] = 1.0,
    noise: Annotated[
        str | None,
        typer.Option(metavar="PRESET", help="Noise of the depth camera, an overlay of the task (noisy); needs torch."),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(metavar="FILE|engine", help="Show the difference from parkour eval's JSON, or from the batched "
                     "engine on the same courses."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write JSON; - prints it.")] = None,
    video: Annotated[Path | None, typer.Option(metavar="FILE", help="Film one episode of each terrain (.mp4).")] = None,
) -> None:  # fmt: skip
    """Run an exported policy in plain C MuJoCo, without torch: does it survive outside its simulator?"""
    _check_installed()
    with loading():
        from parkour_mujoco.sim2sim.run import Sim2SimOptions, run_export

    options = Sim2SimOptions(
        terrains=tuple(terrain or ()), difficulty=parse_range("--difficulty", difficulty), episodes=episodes,
        steps=steps, seed=seed, speed=speed, seconds=seconds, friction=friction, noise=noise, compare=compare,
        video=video,
    )  # fmt: skip
    if json_file is not None and str(json_file) != "-":
        check_writable(json_file, "--json")
    result = run_export(folder, options, on_episode=_progress, notify=notice)
    if json_file is not None:
        _write(result, json_file)
    if str(json_file) != "-":
        _tables(result)


def _check_installed() -> None:
    if find_spec("mujoco") is None:
        raise EngineError("sim2sim needs mujoco, which is not installed", hint="pip install 'parkour-lab[mujoco]'")


def _progress(done: int, total: int, episode: dict[str, Any]) -> None:
    if sys.stderr.isatty() or os.environ.get("PARKOUR_DEBUG"):
        end = "success" if episode["success"] else "fall" if episode["fall"] else "time-out"
        notice(f"episode {done}/{total}: {episode['terrain']} {episode['difficulty']:.2f} {end}")


def _write(result: dict[str, Any], path: Path) -> None:
    import json

    if str(path) == "-":
        print_json(result)
        return
    write_text(path, json.dumps(result, indent=2) + "\n", "--json")
    notice(f"wrote {path}")


def _tables(result: dict[str, Any]) -> None:
    from parkour_mujoco.sim2sim.report import METRICS

    parts = {**result["by_terrain"], "all": result["overall"]}
    rows: list[tuple[object, ...]] = [("episodes", *(part["episodes"] for part in parts.values()))]
    rows += [
        (label, *(_spread(part["metrics"][key], part["episodes"]) for part in parts.values()))
        for key, label in METRICS.items()
    ]
    print_figures(f"{result['task']} in {result['simulator']}", ("", *parts), rows)
    if "comparison" in result:
        compared = {**result["comparison"]["by_terrain"], "all": result["comparison"]["overall"]}
        rows = [
            (label, *(_signed(part[key]) for part in compared.values()))
            for key, label in METRICS.items()
            if key in result["comparison"]["overall"]
        ]
        print_figures(f"here less {result['compared_with']} (there)", ("", *compared), rows)


def _spread(stat: dict[str, float], episodes: int) -> str:
    """A mean with its deviation, which one episode has not."""
    return rounded(stat["mean"], 3) + (f" ± {rounded(stat['std'], 2)}" if episodes > 1 else "")


def _signed(entry: dict[str, float | None]) -> str:
    change, there = entry["difference"], entry["there"]
    return "" if change is None or there is None else f"{rounded(change, 3, '+')} ({rounded(there, 3)})"
