"""Legacy checkpoints, made here with exactly its keys: what they hold acts as it did there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from parkour.errors import CheckpointError
from parkour.learning.options import TrainOptions
from parkour.learning.train import train
from parkour.policies.checkpoint_file import load_checkpoint
from parkour.policies.deployed import load_actor
from parkour.policies.fit import check_meaning
from parkour.policies.legacy_checkpoint import FORMAT
from parkour.policies.source import weights_at
from parkour.policies.task import task_of
from parkour.registry import registry as registry_module
from parkour.tasks import load_task
from parkour_cli.changes import read_changes
from tests.learning.fakes import ACTIONS, FakeEnv
from tests.learning.student_fakes import FakeStudentEnv

PROPRIOCEPTION, SCAN, EXPLICIT, LATENT, HISTORY = 53, 132, 9, 29, 530


def layers(*dims: int, last: nn.Module | None = None) -> nn.Sequential:
    """Linear layers with one shared activation between them, numbered as nn.Sequential does."""
    shared = nn.ELU()
    parts: list[nn.Module] = []
    for a, b in pairwise(dims):
        parts += [nn.Linear(a, b), shared]
    return nn.Sequential(*parts[:-1], *([last] if last else []))


class EarlierActor(nn.Module):
    """Sub-modules under the names of legacy checkpoints, and their order of the actor's inputs."""

    def __init__(self) -> None:
        super().__init__()
        shared = nn.ELU()
        self.scan_encoder = layers(SCAN, 128, 64, 32, last=nn.Tanh())
        self.priv_encoder = layers(LATENT, 64, 20, last=shared)
        self.history_encoder = nn.ModuleDict(
            {
                "encoder": nn.Sequential(nn.Linear(PROPRIOCEPTION, 30), shared),
                "conv_layers": nn.Sequential(
                    nn.Conv1d(30, 20, 4, 2), shared, nn.Conv1d(20, 10, 2, 1), shared, nn.Flatten()
                ),
                "linear_output": nn.Sequential(nn.Linear(30, 20), shared),
            }
        )
        self.actor_backbone = layers(PROPRIOCEPTION + 32 + EXPLICIT + 20, 512, 256, 128, ACTIONS)

    def act(self, proprioception: Tensor, scan: Tensor, explicit: Tensor, history: Tensor) -> Tensor:
        parts = self.history_encoder
        frames = parts["encoder"](history.view(-1, 10, PROPRIOCEPTION))
        latent = parts["linear_output"](parts["conv_layers"](frames.permute(0, 2, 1)))
        return self.actor_backbone(torch.cat((proprioception, scan, explicit, latent), dim=-1))


class EarlierDepthEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        shared = nn.ELU()
        self.base_backbone = nn.ModuleDict(
            {
                "image_compression": nn.Sequential(
                    nn.Conv2d(1, 32, 5), nn.MaxPool2d(2, 2), shared, nn.Conv2d(32, 64, 3), shared, nn.Flatten(),
                    nn.Linear(64 * 25 * 39, 128), shared, nn.Linear(128, 32),
                )
            }
        )  # fmt: skip
        self.combination_mlp = layers(32 + PROPRIOCEPTION, 128, 32)
        self.rnn = nn.GRU(32, 512, batch_first=True)
        self.output_mlp = nn.Sequential(nn.Linear(512, 34), nn.Tanh())

    def forward(self, image: Tensor, proprioception: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
        seen = nn.functional.elu(self.base_backbone["image_compression"](image.unsqueeze(1)))
        joined = self.combination_mlp(torch.cat((seen, proprioception), dim=-1))
        output, hidden = self.rnn(joined[:, None, :], hidden)
        return self.output_mlp(output.squeeze(1)), hidden


def nested(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {f"{prefix}{key}": weight for key, weight in module.state_dict().items()}


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    torch.manual_seed(5)
    return {
        "actor": EarlierActor(),
        "critic": layers(753, 512, 256, 128, 1),
        "estimator": layers(PROPRIOCEPTION, 128, 64, EXPLICIT),
        "depth_actor": EarlierActor(),
        "depth_encoder": EarlierDepthEncoder(),
    }


def contents(networks: dict[str, nn.Module], *, student: bool = False) -> dict[str, Any]:
    model = (
        nested(networks["actor"], "actor.") | nested(networks["critic"], "critic.") | {"std": torch.full((12,), 0.4)}
    )
    data: dict[str, Any] = {
        "model_state_dict": model,
        "estimator_state_dict": nested(networks["estimator"], "estimator."),
        "optimizer_state_dict": {"state": {}, "param_groups": [{"lr": 2e-4}]},
        "iter": 49_999,
        "infos": None,
    }
    if student:
        data["depth_encoder_state_dict"] = networks["depth_encoder"].state_dict()
        data["depth_actor_state_dict"] = networks["depth_actor"].state_dict()
    return data


def write(path: Path, data: dict[str, Any]) -> Path:
    torch.save(data, path)
    return path


def test_teacher_acts_as_it_did(tmp_path: Path, networks: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "model_49999.pt", contents(networks))
    env = FakeEnv(4)
    with caplog.at_level(logging.WARNING):
        actor = load_actor(weights_at(path), load_task("go2-teacher"), env)
    obs = env.get_observations()
    actions = actor(obs)
    scan = networks["actor"].scan_encoder(obs["height_scan"])
    estimate = networks["estimator"](obs["proprioception"])
    wanted = networks["actor"].act(obs["proprioception"], scan, estimate, obs["proprioception_history"])
    assert torch.equal(actions, wanted)
    torch.testing.assert_close(actor.encode_privileged(obs), networks["actor"].priv_encoder(obs["privileged_latent"]))
    assert torch.equal(actor.distribution.std_param, torch.full((12,), 0.4))
    line, warning = (
        record.getMessage() for record in caplog.records if record.name == "parkour.policies.legacy_checkpoint"
    )
    assert "Extreme Parkour's own weights have the same layout and are an A1's" in warning
    assert "--set robot=NAME --allow-mismatch" in warning
    assert "a teacher after 49999 iterations, 753 observations, 12 actions (actor " in line and "\n" not in line


def test_weights_of_another_robot_run_with_the_options_that_the_warning_names(
    tmp_path: Path, networks: dict[str, Any], install_plugin: Callable[..., Path]
) -> None:
    hook = """
        from parkour import RobotSpec, hookimpl

        @hookimpl
        def register_robots():
            yield RobotSpec(name="walker", summary="a walker", target="some_walkers:walker")
    """
    folder = install_plugin("parkour-walkers", {"walkers": hook}) / "some_walkers" / "walker"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("")
    text = (Path(str(files("parkour_assets"))) / "go2" / "robot.toml").read_text()
    (folder / "robot.toml").write_text(text.replace('name = "go2"', 'name = "walker"'))
    (folder / "go2.xml").write_text("<mujoco/>")
    registry_module._registry.cache_clear()
    try:
        weights = weights_at(write(tmp_path / "model_49999.pt", contents(networks)))
        task = task_of(weights, changes={"robot": "walker"})
        with pytest.raises(CheckpointError, match="robot"):
            check_meaning(weights.path, weights.checkpoint, task, ())
        check_meaning(weights.path, weights.checkpoint, task, (), allow_mismatch=True)
        assert task.robot.name == "walker"
    finally:
        registry_module._registry.cache_clear()


def test_the_753_numbers_have_the_order_of_the_specification(tmp_path: Path, networks: dict[str, Any]) -> None:
    weights = weights_at(write(tmp_path / "model_49999.pt", contents(networks)))
    checkpoint = weights.checkpoint
    assert list(checkpoint.stamp.observations.items()) == [
        ("proprioception", (53,)), ("height_scan", (132,)), ("privileged_explicit", (9,)),
        ("privileged_latent", (29,)), ("proprioception_history", (530,)),
    ]  # fmt: skip
    assert list(load_task("go2-teacher").observations) == list(checkpoint.stamp.observations)
    assert task_of(weights).name == "go2-teacher" and checkpoint.iteration == 49_999
    assert checkpoint.slim and checkpoint.versions == {"format": FORMAT}


@pytest.mark.parametrize("prefix", ["", "actor."])
def test_student_acts_as_it_did(tmp_path: Path, networks: dict[str, Any], prefix: str) -> None:
    data = contents(networks, student=True)
    data["depth_actor_state_dict"] = nested(networks["depth_actor"], prefix)
    path = write(tmp_path / "model_9.pt", data)
    env = FakeStudentEnv(3, image=(58, 87), length=100)
    student = load_actor(weights_at(path), load_task("go2-student"), env)
    obs, hidden, output = env.get_observations(), None, torch.zeros(0)
    for step in range(7):
        if step % 5 == 0:
            blind = obs["proprioception"].clone()
            blind[:, 6:8] = 0.0
            output, hidden = networks["depth_encoder"](obs["depth"], blind, hidden)
        shown = obs["proprioception"].clone()
        shown[:, 6:8] = 1.5 * output[:, 32:]
        estimate = networks["estimator"](shown)
        wanted = networks["depth_actor"].act(shown, output[:, :32], estimate, obs["proprioception_history"])
        torch.testing.assert_close(student(obs), wanted, rtol=1e-5, atol=1e-6)
        obs, *_ = env.step(torch.zeros(3, 12))
    stored = load_checkpoint(path)
    assert stored.stamp.stage == "student" and stored.stamp.actions == 12
    assert stored.model.keys() == {"student_state_dict", "teacher_state_dict"}


def test_teacher_teaches_and_a_student_does_not(tmp_path: Path, networks: dict[str, Any]) -> None:
    def run(path: Path, **changes: Any) -> Any:
        options = TrainOptions(
            num_envs=2, iterations=1, device="cpu", log_root=tmp_path, logger="none", progress=False, checkpoint=path,
            **changes,
        )  # fmt: skip
        task = load_task(
            "go2-student", overlay="train",
            changes=read_changes(("algorithm.steps_per_env=6", "policy.encoders.depth_encoder.params.memory=16")),
        )  # fmt: skip
        return train(task, options, make_env=lambda task, n, device, seed: FakeStudentEnv(n, seed))

    teacher = write(tmp_path / "model_1.pt", contents(networks))
    result = run(teacher)
    weights = load_checkpoint(result.checkpoint).model["teacher_state_dict"]
    assert torch.equal(weights["mlp.0.weight"], networks["actor"].actor_backbone[0].weight)
    student = write(tmp_path / "model_2.pt", contents(networks, student=True))
    with pytest.raises(CheckpointError, match="is a student, expected a teacher"):
        run(student)
    with pytest.raises(CheckpointError, match="holds weights alone, without optimizers"):
        run(student, resume=True)


def change(data: dict[str, Any], part: str, key: str, value: Any) -> None:
    if value is None:
        del data[part][key]
    else:
        data[part][key] = value


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("model_state_dict", "actor.actor_backbone.2.weight", None, r"lacks the weights actor\.mlp\.2\.weight"),
        ("model_state_dict", "actor.actor_backbone.2.weight", torch.zeros(3, 512), "mlp.2.weight has shape 3x512"),
        ("model_state_dict", "actor.history_encoder.conv_layers.0.weight", torch.zeros(20, 30, 5), "has shape 20x30x5"),
        ("model_state_dict", "actor.priv_encoder.0.weight", torch.zeros(64, 30), "leaves 529 numbers for the history"),
        ("model_state_dict", "actor.lidar.0.weight", torch.zeros(2), "model_state_dict has 'actor.lidar.0.weight'"),
        ("model_state_dict", "std", 0.4, "model_state_dict has 'std', expected tensors"),
        ("model_state_dict", "actor.scan_encoder.0.weight", None, "has no linear layer scan_encoder.0.weight"),
        ("estimator_state_dict", "estimator.0.weight", torch.zeros(128, 40), "numbers for the history"),
    ],
)
def test_wrong_parts_of_a_teacher_are_told(
    tmp_path: Path, networks: dict[str, Any], part: str, key: str, value: Any, message: str
) -> None:
    data = contents(networks)
    change(data, part, key, value)
    path = write(tmp_path / "model_1.pt", data)
    with pytest.raises(CheckpointError, match=message):
        load_actor(weights_at(path), load_task("go2-teacher"), FakeEnv(2))


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("depth_encoder_state_dict", "rnn.weight_hh_l0", torch.zeros(9, 9), "depth_encoder.rnn.weight_hh_l0 has shape"),
        ("depth_encoder_state_dict", "output_mlp.0.bias", None, "lacks the weights student.depth_encoder.output_mlp"),
        ("depth_encoder_state_dict", "other.0.weight", torch.zeros(1), "depth_encoder_state_dict has 'other.0.weight'"),
        ("depth_actor_state_dict", "actor_backbone.0.bias", torch.zeros(4), r"actor\.mlp\.0\.bias has shape 4"),
        ("depth_actor_state_dict", "", None, "lacks depth_actor_state_dict"),
    ],
)
def test_wrong_parts_of_a_student_are_told(
    tmp_path: Path, networks: dict[str, Any], part: str, key: str, value: Any, message: str
) -> None:
    data = contents(networks, student=True)
    if key:
        change(data, part, key, value)
    else:
        del data[part]
    path = write(tmp_path / "model_1.pt", data)
    with pytest.raises(CheckpointError, match=message):
        load_actor(weights_at(path), load_task("go2-student"), FakeStudentEnv(2, image=(58, 87)))
