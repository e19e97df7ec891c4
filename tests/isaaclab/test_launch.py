"""Isaac Sim's start, and the ways of Isaac Lab's own scripts into the tasks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from parkour.tasks import load_task

pytestmark = pytest.mark.isaaclab

STARTS = """
import json, sys
from tests.isaaclab.harness import install
install()
from tests.isaaclab.harness.simulation import SimulationApp
from parkour_isaaclab.launch import launch
seen = []
start = SimulationApp.__init__
def spy(self, config, experience=""):
    seen.append(list(sys.argv[1:]))
    start(self, config, experience)
SimulationApp.__init__ = spy
out, sys.argv = sys.stdout, ["parkour", "train", "--engine", "isaaclab"]
launch(device="cpu", headless={headless}, cameras={cameras})
launch(device="cpu")
assert sys.stdout is out and sys.argv[1] == "train"
config, = SimulationApp.launched_with
said = {{"headless": config["headless"], "experience": config["experience"], "arguments": seen}}
print(json.dumps(said), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("headless", "cameras", "experience"),
    [
        (True, False, "isaaclab.python.headless.kit"),
        (True, True, "isaaclab.python.headless.rendering.kit"),
        (False, False, "isaaclab.python.kit"),
        (False, True, "isaaclab.python.rendering.kit"),
    ],
)
def test_it_is_started_once_with_what_was_asked_for(headless: bool, cameras: bool, experience: str) -> None:
    """The launcher is Isaac Lab's own. It gets none of our arguments, and what it takes over is given back."""
    script = STARTS.format(headless=headless, cameras=cameras)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stderr.strip().splitlines()[-1])
    assert said["headless"] is headless
    assert said["experience"].endswith(experience)
    assert "train" not in said["arguments"][0]


SCRIPT = """
import argparse
from isaaclab.app import AppLauncher
parser = argparse.ArgumentParser()
parser.add_argument("--task")
AppLauncher.add_app_launcher_args(parser)
arguments = parser.parse_args()
app = AppLauncher(arguments).app
import sys
import gymnasium
import torch
import isaaclab_tasks
from isaaclab_tasks.utils import parse_env_cfg
cfg = parse_env_cfg(arguments.task, device=arguments.device, num_envs=2)
env = gymnasium.make(arguments.task, cfg=cfg)
observations, _ = env.reset()
for _ in range(3):
    observations, *_ = env.step(torch.zeros(env.action_space.shape))
print(type(env.unwrapped).__name__, sorted(observations), file=sys.stderr)
env.close()
"""
RUNS = """
import runpy, sys
from tests.isaaclab.harness import install
install()
runpy.run_module("parkour_isaaclab", run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow
def test_isaac_labs_scripts_find_the_tasks(tmp_path: Path) -> None:
    """A script as Isaac Lab's are, which knows nothing of this project."""
    script, task = tmp_path / "zero_agent.py", "Isaac-Extreme-Parkour-Student-Unitree-Go2-Play-v0"
    script.write_text(SCRIPT)
    command = [sys.executable, "-c", RUNS, str(script), "--task", task, "--headless", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    groups = sorted(load_task("go2-student", overlay="play").observations)
    assert f"ManagerBasedRLEnv {groups}" in done.stderr


def test_a_script_that_is_not_there_is_told() -> None:
    done = subprocess.run([sys.executable, "-m", "parkour_isaaclab", "nowhere.py"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: got 'nowhere.py', expected the path of a script" in done.stderr
