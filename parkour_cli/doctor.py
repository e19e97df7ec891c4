"""``parkour doctor``: what works on this machine, and what is missing."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from parkour.commands import JsonOption, Styled, make_app, notice, print_json, print_result, print_table
from parkour.commands.progress import loading
from parkour.errors import ParkourError
from parkour.registry import RegisteredSpec, Registry, default_registry, resolve_target
from parkour.specs import KINDS, EngineSpec
from parkour.stages import stage
from parkour.text import counted
from parkour_cli.options import PHYSICS

app = make_app(
    "Check Python, torch, GPUs, engines, plugins, assets. Exits with 1 if no engine can run or versions do not fit."
)

Row = tuple[str, bool, str]
"""What was looked at, whether it is in order, and details."""


@app.command()
def doctor(
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Try this engine instead, and print a report for an issue.", show_default=False
        ),
    ] = None,
    physics: Annotated[str | None, PHYSICS] = None,
    seconds: Annotated[float, typer.Option(help="With --engine: how long, the simulator's start included.")] = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Check Python, torch, GPUs, engines, plugins, assets. Exits with 1 if no engine can run or versions do not fit."""
    if engine is not None:
        _try_engine(engine, {} if physics is None else {"physics": physics}, seconds, as_json)
        return
    registry = default_registry()
    with stage("looking around"):
        report = _report(registry)
    fits = all(pin["ok"] for pin in report["packages"])
    usable = fits and any(engine["ok"] for engine in report["engines"])
    report["ok"] = usable
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if not usable:
        raise typer.Exit(1)


def _report(registry: Registry) -> dict[str, Any]:
    """Everything that is looked at."""
    return {
        "python": {"version": platform.python_version(), "executable": sys.executable, "platform": platform.platform()},
        "torch": _torch(),
        "packages": _packages(),
        "engines": [_engine(item) for item in registry.specs("engine")],
        "plugins": _plugins(registry),
        "assets": _assets(),
        "display": _display(),
    }


def _try_engine(name: str, options: Mapping[str, str], seconds: float, as_json: bool) -> None:
    """A short run on an engine; exits with 1 if something is wrong with it."""
    with loading():
        from parkour.engines.choice import check_engine_options, choose_engine
        from parkour.engines.device import choose_device
        from parkour.engines.smoke import smoke_run
        from parkour.packages import versions
        from parkour.tasks import load_task

    if seconds <= 0:
        raise ParkourError(f"--seconds: got {seconds:g}, expected more than 0")
    identity, engine = choose_engine(name)
    check_engine_options(identity, engine, options)
    device, task = choose_device(None), load_task("go2-teacher", overlay="train")
    num_envs = 256 if device.startswith("cuda") else 16
    notice(f"{identity}: {num_envs} environments of {task.name} on {device}, about {seconds:g} s")
    details = versions() | {key: value for key, value in engine.availability().details.items() if value}
    details |= {"platform": platform.platform(), "cuda": _devices(_torch())}
    with stage("running"):
        report = smoke_run(
            engine, identity, task, num_envs=num_envs, device=device, seconds=seconds, versions=details, options=options
        )
    if as_json:
        print_json(report.as_dict())
    else:
        print_result(report.as_markdown())
    if not report.ok:
        raise typer.Exit(1)


def _torch() -> dict[str, Any]:
    try:
        import torch
    except Exception as error:
        return {"version": None, "problem": f"{type(error).__name__}: {error}", "cuda": None, "devices": []}
    devices = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            devices.append(
                {"index": index, "name": properties.name, "memory_gib": round(properties.total_memory / 2**30, 1)}
            )
    return {"version": torch.__version__, "problem": None, "cuda": torch.version.cuda, "devices": devices}


def _packages() -> list[dict[str, Any]]:
    """Whether versions are those that the installed distributions ask of each other."""
    from parkour.packages import pins

    return [asdict(pin) | {"details": str(pin)} for pin in pins()]


def _engine(item: RegisteredSpec) -> dict[str, Any]:
    """An engine's availability; one that cannot even say is not available."""
    row: dict[str, Any] = {"name": item.spec.name, "id": item.id, "version": item.version}
    extra = item.spec.extra if isinstance(item.spec, EngineSpec) else ""
    try:
        found = resolve_target(item.spec.target, owner=f"engine {item.id!r}")().availability()
        row |= {"ok": bool(found.ok), "reason": found.reason, "hint": found.hint, "details": dict(found.details)}
    except ParkourError as error:
        row |= {"ok": False, "reason": error.message, "hint": error.hint or "", "details": {}}
    except Exception as error:
        row |= {"ok": False, "reason": f"{type(error).__name__}: {error}", "hint": "", "details": {}}
    if not row["ok"] and not row["hint"] and extra:
        row["hint"] = f"pip install 'parkour-lab[{extra}]'"
    return row


def _plugins(registry: Registry) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for kind in KINDS:
        for item in registry.specs(kind):
            key = f"{item.distribution} {item.version}"
            counts[key] = counts.get(key, 0) + 1
    return {"components": counts, "broken": [asdict(plugin) for plugin in registry.broken]}


def _assets() -> dict[str, Any]:
    from parkour.tasks.robot import load_robot, robot_names

    robots: dict[str, Any] = {}
    for name in robot_names():
        try:
            robots[name] = {"folder": str(load_robot(name)[1]), "problem": None}
        except ParkourError as error:
            robots[name] = {"folder": None, "problem": error.message}
    return {"robots": robots, "problem": None if robots else "no robot is registered"}


def _display() -> dict[str, Any]:
    """Whether windows can open, and whether pictures can be rendered without one."""
    from ctypes.util import find_library

    windows = sys.platform in ("win32", "darwin") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return {"window": windows, "egl": find_library("EGL") is not None, "MUJOCO_GL": os.environ.get("MUJOCO_GL")}


def _print_report(report: dict[str, Any]) -> None:
    signs = {True: Styled("ok", "green"), False: Styled("no", "red")}
    rows = [*_machine_rows(report), *_engine_rows(report["engines"]), *_plugin_rows(report), *_display_rows(report)]
    print_table("", ("what", "status", "details"), [(what, signs[ok], details) for what, ok, details in rows])
    # Not in the table, whose cells are broken into lines: these are commands to copy.
    for hint in _hints(report["engines"]):
        print_result(hint)


def _machine_rows(report: dict[str, Any]) -> Iterator[Row]:
    python, torch = report["python"], report["torch"]
    yield "python", True, f"{python['version']} on {python['platform']}"
    yield "torch", torch["version"] is not None, torch["version"] or torch["problem"]
    yield "cuda", bool(torch["devices"]), _devices(torch)
    for pin in report["packages"]:
        yield f"package {pin['package']}", pin["ok"], f"{pin['installed'] or 'missing'} ({pin['details']})"


def _engine_rows(engines: list[dict[str, Any]]) -> Iterator[Row]:
    for engine in engines:
        details = ", ".join(f"{key} {value}" for key, value in engine["details"].items())
        yield f"engine {engine['name']}", engine["ok"], details if engine["ok"] else engine["reason"]
    if not engines:
        yield "engine", False, "none is registered"


def _hints(engines: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each engine that cannot run here, with what to do about it."""
    for engine in engines:
        if not engine["ok"] and engine["hint"]:
            yield f"engine {engine['name']}: {engine['hint']}"
    if not engines:
        yield "engine: pip install 'parkour-lab[mujoco]'"


def _plugin_rows(report: dict[str, Any]) -> Iterator[Row]:
    for name, count in report["plugins"]["components"].items():
        yield f"plugin {name}", True, f"{counted(count, 'component')}"
    for plugin in report["plugins"]["broken"]:
        yield f"plugin {plugin['distribution']} {plugin['version']}", False, plugin["reason"]
    for name, robot in report["assets"]["robots"].items():
        yield f"robot {name}", robot["problem"] is None, robot["problem"] or robot["folder"]
    if report["assets"]["problem"]:
        yield "assets", False, report["assets"]["problem"]


def _display_rows(report: dict[str, Any]) -> Iterator[Row]:
    display = report["display"]
    yield "window", display["window"], "" if display["window"] else "no DISPLAY or WAYLAND_DISPLAY"
    yield "egl", display["egl"], "" if display["egl"] else "libEGL not found; pictures need it"


def _devices(torch: dict[str, Any]) -> str:
    if torch["devices"]:
        return ", ".join(
            f"{device['index']}: {device['name']} {device['memory_gib']} GiB" for device in torch["devices"]
        )
    if torch["version"] is None:
        return "torch is missing"
    return "no CUDA device; training runs on the CPU" if torch["cuda"] else "torch is built without CUDA"
