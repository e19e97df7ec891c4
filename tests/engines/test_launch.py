"""What stands in the way of the simulator is said in one line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.mujoco


def test_renderer_that_mujoco_does_not_know() -> None:
    command = [
        sys.executable,
        "-m",
        "parkour_cli",
        "bench",
        "env",
        "--num-envs",
        "2",
        "--steps",
        "1",
        "--device",
        "cpu",
    ]
    ended = subprocess.run(
        command, env=os.environ | {"MUJOCO_GL": "crayon"}, capture_output=True, text=True, check=False
    )
    errors = [line for line in ended.stderr.splitlines() if line.startswith("error:")]
    assert ended.returncode == 1 and len(errors) == 1 and "Traceback" not in ended.stderr
    assert "MUJOCO_GL=crayon" in errors[0]
