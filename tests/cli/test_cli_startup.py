"""What starting costs: time, and modules imported."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys

import pytest

HEAVY = {"torch", "numpy", "rsl_rl", "mjlab", "mujoco", "warp", "matplotlib", "onnx"}
_PROBE = """
import json, sys
from parkour_cli.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    code = stop.code or 0
print(json.dumps({"code": code, "modules": sorted(sys.modules)}), file=sys.stderr)
"""
PACKS = {f"parkour_{name}" for name in ("mujoco", "isaaclab", "assets", "policies", "rewards", "tasks", "terrains")}


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("PARKOUR_", "COV_"))}


def modules_of(*args: str) -> set[str]:
    """Names of all modules that a command imports, without those of plugins in this machine's environment."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, *args], capture_output=True, text=True, check=True, env=_environment()
    )
    report = json.loads(done.stderr.splitlines()[-1])
    assert report["code"] == 0
    return set(report["modules"])


@pytest.mark.parametrize("args", [["--help"], ["plugins", "list", "--json"], ["plugins", "list"], ["tasks", "list"]])
def test_light_commands_import_nothing_heavy(args: list[str]) -> None:
    assert not HEAVY & {name.partition(".")[0] for name in modules_of(*args)}


def test_help_looks_into_no_pack_of_ours() -> None:
    modules = modules_of("--no-plugins", "--help")
    assert "parkour_cli.commands" in modules
    of_commands = {"parkour.registry", "parkour.specs", "pluggy", "importlib.metadata", "logging", "gymnasium"}
    assert not modules & (PACKS | of_commands)


def test_lists_in_a_pipe_are_written_without_rich() -> None:
    assert not {"rich.table", "rich.console", "rich.text"} & modules_of("plugins", "list")


@pytest.mark.parametrize(("args", "limit"), [(["--help"], 0.3), (["plugins", "list", "--json"], 0.5)])
def test_light_commands_are_quick(args: list[str], limit: float) -> None:
    """Processor time of the quickest of several runs: what other processes on the machine do does not count.

    On an idle machine it is the time that passes: a start waits for nothing.
    """
    command = [sys.executable, "-m", "parkour_cli", *args]
    best = float("inf")
    for _ in range(6):
        before = _children_seconds()
        subprocess.run(command, capture_output=True, check=True, env=_environment())
        best = min(best, _children_seconds() - before)
        if best < limit:
            break
    assert best < limit


def _children_seconds() -> float:
    """Processor time of all processes started from here that have ended [s]."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_the_page_of_play_waits_for_nothing_it_does_not_show() -> None:
    """Half of what it once took to show it were imports; and nobody looks for garbage among what they make."""
    pytest.importorskip("viser")
    pytest.importorskip("mujoco")
    late = {"trimesh", "scipy", "networkx", "mjlab", "warp", "wandb", "matplotlib", "onnx", "gymnasium"}
    probe = (
        "import gc, sys; passes = []; gc.callbacks.append(lambda phase, info: passes.append(phase));"
        "import parkour_cli.watching as watching; told = watching.notice;"
        "watching.notice = lambda line: (told(line),"
        " told(f'passes {passes.count(\"start\")}') if 'Ctrl-C' in line else None);" + _PROBE
    )
    args = ["play", "--pretrained", "--viewer", "web", "--steps", "1"]
    done = subprocess.run(
        [sys.executable, "-c", probe, *args], capture_output=True, text=True, check=True, env=_environment()
    )
    lines = done.stderr.splitlines()
    report = json.loads(lines[-1])
    assert report["code"] == 0
    assert not late & {name.partition(".")[0] for name in report["modules"]}
    passes = [int(line.split()[1]) for line in lines if line.startswith("passes ")]
    assert len(passes) == 1 and passes[0] < 200  # With collection on it is more than 700.
