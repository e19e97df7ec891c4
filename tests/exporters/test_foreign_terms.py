"""Somebody else's termination, observation and encoder: through export and sim2sim, and then uninstalled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from parkour.registry import registry as registry_module
from tests.conftest import InstallPlugin
from tests.exporters.conftest import write_checkpoint

pytest.importorskip("mujoco")
pytestmark = pytest.mark.mujoco

HOOKS = """
    from parkour import EncoderSpec, ObservationSpec, TerminationSpec, hookimpl

    PARKOUR_API = "1.1"
    TWINS = {twins}

    @hookimpl
    def register_terminations():
        twin = "lidar_twins:Tired" if TWINS else None
        yield TerminationSpec(name="tired", summary="it has walked its share", target="lidar_terms:Tired",
                              params="lidar_params:TiredParams", twin=twin)

    @hookimpl
    def register_observations():
        twin = "lidar_twins:ahead" if TWINS else None
        yield ObservationSpec(name="ahead", summary="ground ahead", target="lidar_terms:Ahead",
                              params="lidar_params:AheadParams", twin=twin)

    @hookimpl
    def register_encoders():
        yield EncoderSpec(name="flat", summary="one layer", target="lidar_terms:make_encoder", encodes="scan")
"""
PARAMS = """
    from parkour import Params, param

    class TiredParams(Params):
        seconds: float = param(0.2, unit="s", ge=0, le=100, doc="Control time until it is tired.")

    class AheadParams(Params):
        reach: float = param(1.0, unit="m", ge=0, le=5, doc="How far it looks.")
"""
TERMS = """
    import torch
    from parkour import ObservationField

    class Tired:
        def __init__(self, num_envs, device, layout, *, seconds):
            self.walked, self.seconds = torch.zeros(num_envs, device=device), seconds

        def __call__(self, ctx):
            self.walked = self.walked + ctx.step_dt
            return self.walked > self.seconds + 1e-4

        def reset(self, env_ids):
            self.walked[env_ids] = 0.0

    class Ahead:
        def __init__(self, num_envs, device, layout, *, reach):
            self.reach = reach

        def layout(self):
            return [ObservationField(name="ground", size=1, unit="m"), ObservationField(name="body_force", size=1)]

        def __call__(self, ctx):
            way = torch.stack((torch.cos(ctx.robot.yaw), torch.sin(ctx.robot.yaw)), dim=-1)
            height = ctx.course.height(ctx.robot.base_pos[:, :2] + self.reach * way)
            force = ctx.contacts.body_force.norm(dim=-1).amax(dim=-1).clamp(max=100.0)
            return torch.stack((height - ctx.robot.base_pos[:, 2], force), dim=-1)

        def reset(self, env_ids):
            pass

    def make_encoder(input_shape, latent_dim):
        return torch.nn.Sequential(torch.nn.Linear(input_shape[0], latent_dim), torch.nn.Tanh())
"""
TWINS = """
    import numpy as np

    class Tired:
        def __init__(self, layout, *, seconds):
            self.walked, self.seconds = 0.0, seconds

        def __call__(self, ctx):
            self.walked += ctx.step_dt
            return self.walked > self.seconds + 1e-4

        def reset(self):
            self.walked = 0.0

    def ahead(ctx, *, reach):
        way = np.array([np.cos(ctx.robot.yaw), np.sin(ctx.robot.yaw)])
        height = ctx.course.height(ctx.robot.base_pos[:2] + reach * way)
        force = min(np.linalg.norm(ctx.contacts.body_force, axis=-1).max(), 100.0)
        return np.array([height - ctx.robot.base_pos[2], force])
"""
MODULES = {"lidar": HOOKS.format(twins=False), "lidar_params": PARAMS, "lidar_terms": TERMS, "lidar_twins": TWINS}


def parkour(*args: str, site: Path | None = None) -> tuple[int, str, str]:
    """The command in a process of its own, with the plugin installed or not."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PARKOUR_")}
    environment["PYTHONPATH"] = str(site) if site else ""
    command = [sys.executable, "-m", "parkour_cli", *args]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return done.returncode, done.stdout, done.stderr


def figures(export: Path, site: Path) -> tuple[dict[str, Any], str]:
    args = ("sim2sim", str(export), "--episodes", "2", "--terrain", "gap", "--seconds", "1", "--json", "-")
    code, out, err = parkour(*args, site=site)
    assert code == 0, err
    return json.loads(out), err


def test_installed_exported_run_and_uninstalled(
    install_plugin: InstallPlugin, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    site = install_plugin("parkour-lidar", MODULES, version="1.5", entry_points={"lidar": "lidar"})
    request.addfinalizer(registry_module._registry.cache_clear)
    registry_module._registry.cache_clear()
    sets = (
        "policy.params.actor_groups=['ahead']", "policy.params.scan_encoder=flat",
        "policy.params.hidden_dims=[32, 16, 16]", "terminations.tired.params.seconds=0.3",
    )  # fmt: skip
    checkpoint = write_checkpoint(
        tmp_path / "model_1.pt", sets=sets, withs=("observation:ahead", "termination:tired"), gain=1.0
    )
    export = tmp_path / "export"
    exporting = ("export", "onnx", "--checkpoint", str(checkpoint), "--no-rollout", "--out")
    code, _, err = parkour(*exporting, str(export), site=site)
    assert code == 0, err

    by_torch, said = figures(export, site)
    assert by_torch["torch_terms"] == ["termination 'tired'", "observation 'ahead'"]
    (line,) = [line for line in said.splitlines() if "torch term" in line]
    assert "termination 'tired', observation 'ahead'" in line
    metrics = by_torch["overall"]["metrics"]
    assert metrics["fall"]["mean"] == 1.0 and metrics["length"]["mean"] == pytest.approx(0.32)

    # The same with twins: the same walk, and nothing is left to torch.
    (site / "lidar.py").write_text((site / "lidar.py").read_text().replace("TWINS = False", "TWINS = True"))
    by_twins, said = figures(export, site)
    assert by_twins["torch_terms"] == [] and "torch" not in said
    power = by_torch["overall"]["metrics"]["power"]["mean"]
    assert by_twins["overall"]["metrics"]["power"]["mean"] == pytest.approx(power, rel=1e-3)

    for args in (("sim2sim", str(export)), (*exporting, str(tmp_path / "again"))):
        code, out, err = parkour(*args)
        (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
        assert (code, out) == (1, "") and "Traceback" not in err
        assert "comes from the plugin parkour-lidar 1.5, which is not installed" in line
