"""RMA networks read further observation groups that a task names: in training, distillation and export."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from tensordict import TensorDict

from parkour.errors import PluginError, TaskError
from parkour.exporters.exporter import ExportOptions, export_policy
from parkour.exporters.graphs import deployed_graphs
from parkour.learning.runner import TrainingRunner
from parkour.policies.definition import define_policy
from parkour.policies.source import weights_at
from parkour.tasks import load_task
from parkour_cli.changes import read_changes
from parkour_policies.rma_teacher import rma_teacher
from tests.exporters.conftest import write_checkpoint
from tests.learning.fakes import SIZES, FakeEnv
from tests.learning.student_fakes import NETWORKS, SMALL, FakeStudentEnv

MORE = 132
"""Numbers of the group ``more``, which is a second height scan."""
ADDED = ("observation:more",)
GROUP = "observations.more.use='height_scan'"
ACTOR, CRITIC = "policy.params.actor_groups=['more']", "policy.params.critic_groups=['more','yaw_valid']"


def task_with(*sets: str, withs: tuple[str, ...] = (), name: str = "go2-teacher") -> Any:
    small = NETWORKS if name == "go2-teacher" else (*SMALL, "algorithm.steps_per_env=10")
    return load_task(name, overlay="train", changes=read_changes((*small, *sets), withs))


def changed(obs: TensorDict, group: str) -> TensorDict:
    other = obs.clone()
    other[group] = other[group] + 1.0
    return other


def test_the_teacher_reads_and_learns_from_them() -> None:
    env = FakeEnv(sizes={**SIZES, "more": MORE, "yaw_valid": 1})
    torch.manual_seed(0)
    definition = define_policy(task_with(GROUP, ACTOR, CRITIC, withs=(*ADDED, "observation:yaw_valid")))
    assert definition.groups == (*SIZES, "more", "yaw_valid")
    runner = TrainingRunner(env, {**definition.train_cfg, "num_steps_per_env": 4, "save_interval": 1})
    alg: Any = runner.alg
    obs = env.get_observations()
    for network, read in ((alg.actor, ("more",)), (alg.critic, ("more", "yaw_valid"))):
        for group in ("more", "yaw_valid"):
            same = torch.equal(network(obs), network(changed(obs, group)))
            assert same == (group not in read)
    before = copy.deepcopy(alg.actor.state_dict())
    runner.learn(1)
    first = next(key for key in before if key.startswith("mlp.0.weight"))
    moved = (alg.actor.state_dict()[first] - before[first]).abs()
    assert (moved[:, -MORE:].amax(dim=0) > 0.0).all()


@pytest.mark.parametrize("name", ["go2-student", "go2-student-rl"])
def test_the_student_takes_them_over_from_its_teacher(name: str) -> None:
    class Env(FakeStudentEnv):
        def _draw(self) -> None:
            super()._draw()
            self._observations["more"] = torch.randn(self.num_envs, MORE, generator=self.generator)
            self._observations["extra"] = self._observations["more"][:, :2]

    sets = (GROUP, ACTOR, "policy.params.critic_groups=['more','extra']", "observations.extra.use='yaw_valid'")
    env = Env()
    torch.manual_seed(0)
    definition = define_policy(task_with(*sets, withs=(*ADDED, "observation:extra"), name=name))
    assert "more" in definition.groups and ("extra" in definition.groups) == (name == "go2-student-rl")
    runner = TrainingRunner(env, {**definition.train_cfg, "num_steps_per_env": 10, "save_interval": 1})
    alg: Any = runner.alg
    alg.load_teacher(copy.deepcopy(alg.teacher.state_dict()))
    obs = env.get_observations()
    student = copy.deepcopy(alg.student).eval()
    student(obs)
    student.use_observed_yaw(True)
    latent = torch.cat((alg.teacher.scan_encoder(obs["height_scan"]), torch.zeros(8, 2)), dim=-1)
    with torch.inference_mode():
        # What the teacher's scan encoder sees given, the student's actor is the teacher's.
        torch.testing.assert_close(student.act_on(latent, obs), alg.teacher.eval()(obs))
        assert not torch.equal(student.act_on(latent, obs), student.act_on(latent, changed(obs, "more")))
    before = copy.deepcopy(alg.student.actor.mlp.state_dict())
    runner.learn(1)
    moved = (alg.student.actor.mlp.state_dict()["0.weight"] - before["0.weight"]).abs()
    assert (moved[:, -MORE:].amax(dim=0) > 0.0).all()
    graphs = deployed_graphs(alg.student.eval(), {key: value[0].numel() for key, value in obs.items()}, 12)
    assert [port.source for port in graphs[1].inputs][-1] == "group:more"


@pytest.mark.parametrize(("stage", "format", "dtype"), [("teacher", "onnx", "float16"), ("student", "onnx", "float32")])
def test_exports_take_them(tmp_path: Path, stage: str, format: Any, dtype: Any) -> None:
    small = (*(SMALL[1:] if stage == "student" else ()), "policy.params.hidden_dims=[32, 16, 16]")
    path = write_checkpoint(tmp_path / "model_1.pt", stage, sets=(GROUP, ACTOR, *small), withs=ADDED, gain=1.0)
    options = ExportOptions(format=format, dtype=dtype, rollout=False)
    result = export_policy(weights_at(path), tmp_path / "out", options)
    read = {group.name for group in result.manifest.observation.groups if group.read}
    assert "more" in read


@pytest.mark.parametrize(
    ("sets", "error", "message"),
    [
        (("policy.params.actor_groups=['more']",), TaskError, "the task lacks more"),
        (("policy.params.actor_groups=['height_scan']",), TaskError, "actor_groups: 'height_scan' is read already"),
        (("policy.params.critic_groups=['a','a']",), TaskError, "critic_groups: 'a' is read already"),
    ],
)
def test_what_cannot_be_read_is_a_line(sets: tuple[str, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        define_policy(task_with(*sets))


@pytest.mark.parametrize("network", ["actor", "critic"])
def test_an_image_is_refused_by_its_name(network: str) -> None:
    definition = rma_teacher(task_with(f"policy.params.{network}_groups=['depth']"))
    env = FakeEnv(sizes={**SIZES, "depth": 8})
    env._observations["depth"] = torch.zeros(8, 4, 2)
    env._draw = lambda: None  # type: ignore[method-assign]
    with pytest.raises(PluginError, match=r"observation group 'depth' has shape 4 x 2, but actor and critic read rows"):
        TrainingRunner(env, {**definition.train_cfg, "num_steps_per_env": 4, "save_interval": 1})
