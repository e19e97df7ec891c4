"""The algorithm of the page trains, is saved, and goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from parkour.learning.train import train
from parkour.policies.checkpoint_file import load_checkpoint
from parkour.registry import registry as registry_module
from parkour.tasks import load_task
from tests.docs.pages import ROOT, blocks
from tests.learning.fakes import make_env
from tests.learning.runs import options

POLICY = """
    import torch
    from parkour import PolicyDefinition, PolicySpec, hookimpl

    def define(task):
        network = {"class_name": "rsl_rl.models:MLPModel", "hidden_dims": [16], "activation": "elu"}
        noise = {"class_name": "GaussianDistribution", "init_std": 1.0}
        return PolicyDefinition(
            runner="parkour.learning.runner:TrainingRunner",
            groups=("proprioception",),
            train_cfg={
                "actor": {**network, "distribution_cfg": noise},
                "critic": dict(network),
                "algorithm": {
                    "class_name": "amp:AmpPPO", "reference": "amp_policy:motions", "group": "proprioception",
                    "weight": 0.5, "symmetry_cfg": None,
                },
                "obs_groups": {"actor": ["proprioception"], "critic": ["proprioception"]},
            },
        )

    def motions():
        return torch.randn(64, 106, generator=torch.Generator().manual_seed(0))

    @hookimpl
    def register_policies():
        yield PolicySpec(name="amp", summary="", target="amp_policy:define", stage="teacher")
"""


def test_amp_trains_and_resumes(install_plugin: Any, tmp_path: Path) -> None:
    (code,) = [block.text for block in blocks(ROOT / "docs" / "write_algorithm.md") if "class AmpPPO" in block.text]
    install_plugin("parkour-amp", {"amp": code, "amp_policy": POLICY}, entry_points={"amp": "amp_policy"})
    registry_module._registry.cache_clear()
    tables = {"extends": "go2-teacher", "policy": {"use": "parkour-amp:amp"}, "algorithm": {"steps_per_env": 4}}
    task = load_task(tables, overlay="train")
    first = train(task, options(tmp_path, iterations=2), make_env=make_env)
    rows = [json.loads(line) for line in (first.run / "metrics.jsonl").read_text().splitlines()]
    assert all(0.0 < row["Loss/discriminator"] < 5.0 for row in rows)
    kept = load_checkpoint(first.checkpoint)
    assert set(kept.optimizers or {}) == {"ppo", "discriminator"}
    again = train(task, options(tmp_path, iterations=4, resume=True), make_env=make_env)
    assert again.iterations == 4
    before, after = (
        checkpoint.model["discriminator_state_dict"] for checkpoint in (kept, load_checkpoint(again.checkpoint))
    )
    assert before.keys() == after.keys() and not torch.equal(before["0.weight"], after["0.weight"])
