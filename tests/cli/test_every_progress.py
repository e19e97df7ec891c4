"""Every command: what takes seconds names what it does meanwhile, and what names nothing is quick.

How a terminal shows the names is :mod:`tests.cli.test_progress`. What takes seconds here is to import torch, to build
courses and to draw: commands that do none of it are quick.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from parkour.stages import shown_by
from parkour_cli.__main__ import main
from tests.cli.test_options import COMMANDS
from tests.cli.test_runs_compare import write_run
from tests.evaluation.fakes import write_weights
from tests.learning.runs import run as train_a_little

ELSEWHERE = {
    "eval": "tests/evaluation/test_eval_command.py",
    "play": "tests/cli/test_progress.py",
    "sim2sim": "tests/cli/test_progress.py",
    "export onnx": "tests/cli/test_progress.py",
    "pipeline": "tests/pipeline/test_display.py",
}
"""Commands that another test puts on a terminal."""
QUICK = {
    "plugins list": "--json", "plugins show": "gap --json", "plugins new": "parkour-a --kind reward --out {folder}",
    "tasks list": "--json", "assets list": "--folder {folder} --json", "deploy": "list",
}  # fmt: skip
"""Those that name nothing, with arguments."""
NAMED = {
    "tasks show": ("go2-teacher --json", "loading"),
    "runs list": ("--log-root {folder} --json", "looking through the runs"),
    "runs prune": ("--log-root {folder} --keep 1 --json", "reading checkpoints, run (of 1)"),
    "runs compare": ("{folder}/a {folder}/b --out {folder}/a.png --json", "drawing"),
    "export weights": ("--checkpoint {checkpoint} --out {folder}/w.pt", "loading"),
    "terrains preview": ("gap --out {folder}/b.png", "building courses (of 1)"),
    "terrains import": ("{folder}/hills.npy --out {folder}/hills.npz", "laying boxes, cells covered (of 7500)"),
    "terrains edit": ("gap --out {folder}/gap.toml --port 0", "loading"),
    "doctor": ("--json", "looking around"),
    "assets fetch": ("--source http://127.0.0.1:9 --folder {folder}/mirror", "fetching"),
}
"""Arguments, and what is named."""
WITH_ENGINE = {
    "train": (
        "go2-teacher --num-envs 1 --iterations 1 --device cpu --log-root {folder}/logs --logger none",
        "building courses for 1 robot",
    ),
    "demo": (
        "go2-teacher --pretrained --script {folder}/drive.csv --terrain flat --video {folder}/d.mp4 --steps 2",
        "filming, control step (of 2)",
    ),
    "bench env": ("go2-teacher --num-envs 1 --steps 2 --device cpu --json", "measuring"),
    "export jit": ("go2-teacher --pretrained --no-rollout --out {folder}/jit --json", "writing graphs"),
    "export card": ("go2-teacher --pretrained --no-rollout --out {folder}/card --json", "writing graphs"),
    "plugins check": ("{folder}/parkour-a --no-compile --seeds 1 --json", "checking"),
    "fake-go2": ("{folder}/nowhere", "building the course"),
}
"""The same, with a simulator."""


class Names:
    """A :class:`parkour.stages.StageDisplay` that keeps what was named."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.open = 0

    def begin(self, text: str, total: int | None) -> None:
        self.begun.append(text if total is None else f"{text} (of {total})")
        self.open += 1

    def step(self) -> None: ...

    def end(self) -> None:
        self.open -= 1

    def clear(self) -> None: ...


def test_no_command_is_forgotten() -> None:
    listed = [*ELSEWHERE, *QUICK, *NAMED, *WITH_ENGINE]
    assert sorted(listed) == sorted(name for name in COMMANDS if name)
    root = Path(__file__).resolve().parents[2]
    for name, place in ELSEWHERE.items():
        assert name.split()[-1] in (root / place).read_text(), place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Runs, ground, a script and a plugin to work on."""
    train_a_little(tmp_path, iterations=4, save_interval=1, keep=0)
    for name in "ab":
        write_run(tmp_path / name, 1.0)
    np.save(tmp_path / "hills.npy", np.zeros((150, 50)))
    (tmp_path / "drive.csv").write_text("time,speed,turn\n0,0.3,0\n1,0.3,0\n")
    return tmp_path


def names(line: str, command: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> tuple[list[str], str]:
    """What a command named while it ran, and what it wrote on stdout."""
    checkpoint = folder / "weights" / "model_3.pt"
    if "{checkpoint}" in line:
        write_weights(checkpoint.parent)
    words = [word.format(folder=folder, checkpoint=checkpoint) for word in line.split()]
    shown = Names()
    capfd.readouterr()
    with shown_by(shown), pytest.raises(SystemExit):
        main([*command.split(), *words])
    assert shown.open == 0
    return shown.begun, capfd.readouterr().out


@pytest.mark.parametrize("command", NAMED)
def test_what_takes_seconds_is_named(command: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    line, wanted = NAMED[command]
    named, out = names(line, command, folder, capfd)
    assert wanted in named
    if "--json" in line:
        json.loads(out)


@pytest.mark.mujoco
@pytest.mark.parametrize("command", WITH_ENGINE)
def test_what_takes_seconds_with_a_simulator_is_named(
    command: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mjlab")
    if command == "plugins check":
        names(QUICK["plugins new"], "plugins new", folder, capfd)
    line, wanted = WITH_ENGINE[command]
    named, out = names(line, command, folder, capfd)
    assert wanted in named
    if "--json" in line:
        json.loads(out)


@pytest.mark.parametrize("command", QUICK)
def test_what_names_nothing_is_quick(command: str, tmp_path: Path) -> None:
    """It imports neither torch nor what draws nor a simulator."""
    line = f"{command} {QUICK[command].format(folder=tmp_path)}".split()
    slow = ("torch", "matplotlib", "mujoco", "warp", "scipy")
    code = (
        "import sys\nfrom parkour_cli.__main__ import main\n"
        f"try: main({line})\nexcept SystemExit as end: assert not end.code, end.code\n"
        f"assert not (found := set({slow}) & sys.modules.keys()), found"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    if "--json" in line:
        json.loads(done.stdout)
