"""What steps the worlds on a CPU: the choice, and what the terminal shows of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from parkour.errors import EngineError
from parkour.tasks import load_task

pytestmark = pytest.mark.mujoco
engine_module = pytest.importorskip("parkour_mujoco.engine")


@pytest.mark.parametrize(
    ("device", "options", "message"),
    [
        ("cpu", {"cpu_sim": "gpu"}, "--cpu-sim: got 'gpu', expected native or warp"),
        ("cuda:0", {"cpu_sim": "warp"}, "--cpu-sim: got 'warp' for device 'cuda:0', expected the device cpu"),
        ("cpu", {"gpu_sim": "warp"}, "--gpu-sim: engine 'mujoco' has no such option"),
    ],
)
def test_bad_choices(device: str, options: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parkour.engines.device.check_device", lambda device: None)
    with pytest.raises(EngineError, match=message):
        engine_module.MujocoEngine().make_env(load_task("go2-teacher"), num_envs=1, device=device, seed=0, **options)


def test_c_mujoco_needs_no_physics_kernels_and_says_nothing(tmp_path: Path) -> None:
    """With an empty cache of kernels: no notice, nothing about missing GPUs, and none of the physics in the cache."""
    script = (
        "import torch, warp\n"
        f"warp.config.kernel_cache_dir = {str(tmp_path / 'kernels')!r}\n"
        "from parkour.tasks import load_task\n"
        "from parkour_mujoco.engine import MujocoEngine\n"
        "task = load_task('go2-teacher', changes={'course.levels': 2, 'course.columns': 5})\n"
        "env = MujocoEngine().make_env(task, num_envs=2, device='cpu', seed=0)\n"
        "env.step(torch.zeros(2, 12))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout == ""
    assert done.stderr == ""
    assert not list(tmp_path.rglob("*mujoco_warp*"))
