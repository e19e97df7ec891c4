"""The tutorial's commands run as they stand there, with smaller numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "tutorial.md"
TINY = "--num-envs 4 --iterations 1 --device cpu"
SMALLER = [
    # Installed already, and nobody is there to watch.
    ("python3 -m venv .venv && .venv/bin/pip install -e '.[mujoco,go2]'", "true"),
    (". .venv/bin/activate", "true"),
    ("--viewer web", "--viewer web --steps 5"),
    ("--steps 500", "--steps 5"),
    ("parkour train go2-teacher --time-limit 5", f"parkour train go2-teacher {TINY}"),
    ("--resume --time-limit 10", "--resume --iterations 2"),
    ("parkour eval", "parkour eval --num-envs 5 --steps 5 --set timing.episode_length=0.2"),
    ("--with terrain:logs=0.5 --time-limit 5", f"--with terrain:logs=0.5 {TINY}"),
    ("scan_encoder=mine --time-limit 5", f"scan_encoder=mine {TINY}"),
    ("pip install -e './parkour-terrain-logs[test]'", "$PIP ./parkour-terrain-logs"),
    ("pip install -e './parkour-encoder-mine[test]'", "$PIP ./parkour-encoder-mine"),
    ("plugins check ", "plugins check --no-compile --seeds 2 "),
    ("--grid 3", "--grid 2"),
    ("--out exported\n", "--no-rollout --out exported\n"),
    ("--episodes 2", "--episodes 1 --terrain flat --seconds 1"),
    ("--seconds 20", "--seconds 6"),
]
"""What stands there, and what the test runs: the same commands on less."""


def script() -> str:
    text = "".join(block.text for block in blocks(PAGE) if block.language == "sh")
    for stands, runs in SMALLER:
        assert stands in text, f"the tutorial has no {stands!r} any more"
        text = text.replace(stands, runs)
    return text


@pytest.mark.mujoco
@pytest.mark.slow
def test_the_commands_run_in_order(tmp_path: Path) -> None:
    pytest.importorskip("mjlab")
    pytest.importorskip("cyclonedds")
    site, bin_folder = tmp_path / "site", tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "parkour").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m parkour_cli "$@"\n')
    (bin_folder / "parkour").chmod(0o755)
    pip = f"{sys.executable} -m pip install --quiet --no-index --no-deps --no-build-isolation --upgrade --target {site}"
    # Another test may have left a choice of plugins behind.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PARKOUR_")}
    environment = kept | {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        # Plugins are installed beside this environment, not into it.
        "PYTHONPATH": os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH", "")))),
        "PIP": pip,
    }
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script()], cwd=work, env=environment, capture_output=True, text=True,
        timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    made = ["student.mp4", "mine.html", "pretrained.html", "logs.png", "exported/policy.onnx", "sim2sim.json"]
    assert [name for name in (*made, "drive.npz") if not (work / name).is_file()] == []
    assert len(list((work / "logs" / "rsl_rl" / "go2-teacher").iterdir())) == 3
