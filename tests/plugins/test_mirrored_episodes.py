"""Episodes in a mirror: the same as a training in the mirrored world, and nothing at all where there are none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tensordict import TensorDict
from torch import Tensor, nn

from parkour.errors import TaskError
from parkour.learning.options import TrainOptions
from parkour.learning.runner import TrainingRunner
from parkour.learning.train import train
from parkour.mdp.mirror import Mirror, Sides
from parkour.tasks import load_task
from parkour_cli.changes import read_changes
from parkour_policies.mirrored_episodes import MirroredEpisodes
from tests.contexts import GO2
from tests.learning.student_fakes import FakeStudentEnv, student_task
from tests.plugins import student_runs, test_student_ppo
from tests.plugins.student_runs import STEPS, make_runner, rollout

MakeRunner = Callable[..., TrainingRunner]
TRAININGS = pytest.mark.parametrize(
    ("make", "collect"),
    [(make_runner, rollout), (test_student_ppo.make_runner, test_student_ppo.rollout)],
    ids=["distillation", "ppo"],
)
SIDES = Sides.of(GO2)
ALL, HALF, LATENT = (
    "algorithm.params.mirrored_share=1.0",
    "algorithm.params.mirrored_share=0.5",
    "algorithm.params.latent_coefficient=0.5",
)


def reflect(mirror: Mirror, values: Tensor) -> Tensor:
    return mirror.on("cpu")(values)


def reflected_groups(env: FakeStudentEnv, groups: Any) -> dict[str, Tensor]:
    mirrors = env.mdp.observations.mirrors(list(groups.keys()), SIDES)
    return {name: reflect(mirrors[name], groups[name].flatten(1)).view_as(groups[name]) for name in mirrors}


class NoisyWorld(FakeStudentEnv):
    """A teacher and a critic are spared the noise of the proprioception."""

    def get_observations(self) -> TensorDict:
        here = super().get_observations()
        self.mdp.observations.clean = {"proprioception": 0.9 * here["proprioception"]}
        return here


class MirroredWorld(NoisyWorld):
    """The same robots on the mirror images of their courses."""

    def get_observations(self) -> TensorDict:
        there = super().get_observations()
        there.update(reflected_groups(self, there))
        self.mdp.observations.clean = reflected_groups(self, self.mdp.observations.clean)
        return there

    def step(self, actions: Tensor) -> Any:
        return super().step(reflect(SIDES.joints, actions))


def always_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without drawing, so that whatever else draws finds the numbers that it would have found."""

    def begin(self: MirroredEpisodes, dones: Tensor | None = None) -> None:
        self.which = torch.ones_like(self.which)

    monkeypatch.setattr(MirroredEpisodes, "begin", begin)


def in_the_mirror(teacher: nn.Module, env: FakeStudentEnv) -> Any:
    """What the teacher of the mirrored world does: the mirror image of what ours does in ours."""
    encode = teacher.scan_encoder

    class Other(nn.Module):
        scan_encoder = encode

        def forward(self, obs: TensorDict) -> Tensor:
            true = obs.clone(recurse=False)
            true.update(reflected_groups(env, obs))
            return reflect(SIDES.joints, teacher(true))

    return Other()


def stored(runner: TrainingRunner) -> dict[str, Tensor]:
    return {name: values.clone() for name, values in runner.alg.storage.stored().items()}


@TRAININGS
def test_it_is_a_training_in_the_mirrored_world(
    make: MakeRunner, collect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rollouts, losses and weights of two iterations, bit for bit: memory, noise, critic and teacher included."""
    found = []
    for world, sets in ((NoisyWorld, (ALL, LATENT)), (MirroredWorld, (LATENT,))):
        runner = make(*sets, env=world(length=7))
        if world is NoisyWorld:
            always_mirrored(monkeypatch)
        else:
            runner.alg.teacher = in_the_mirror(runner.alg.teacher, runner.env)  # type: ignore[arg-type]
        torch.manual_seed(5)
        rollouts, losses = [], []
        for _ in range(2):
            collect(runner)
            rollouts.append(stored(runner))
            losses.append(runner.alg.update())
        found.append((rollouts, losses, copy.deepcopy(runner.alg.student.state_dict())))
    (mine, losses, weights), (theirs, expected, wanted) = found
    for one, other in zip(mine, theirs, strict=True):
        assert one.keys() == other.keys()
        assert [name for name in one if not torch.equal(one[name], other[name])] == []
    assert losses == expected
    assert all(torch.equal(weights[key], value) for key, value in wanted.items())


def test_robots_do_what_the_student_does_in_the_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    class Listening(FakeStudentEnv):
        def step(self, actions: Tensor) -> Any:
            heard.append(actions)
            return super().step(actions)

    heard: list[Tensor] = []
    always_mirrored(monkeypatch)
    runner = make_runner(ALL, "algorithm.params.teacher_iterations=1", env=Listening())
    seen = rollout(runner)
    with torch.inference_mode():
        wanted = torch.stack([runner.alg.teacher(obs) for obs in seen])
    assert torch.equal(torch.stack(heard), wanted), "the teacher drives as it would"
    assert torch.equal(runner.alg.storage.teacher_actions, reflect(SIDES.joints, wanted)), "and is copied mirrored"


def test_half_of_the_episodes_each_from_its_first_step_to_its_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the world does depends on no action here, so each episode is to be one of two known ones."""
    rollouts: dict[str, Any] = {}
    which: list[Tensor] = []
    observed = MirroredEpisodes.observed
    monkeypatch.setattr(
        MirroredEpisodes, "observed", lambda self, obs: (which.append(self.which), observed(self, obs))[1]
    )
    for name, sets in (("plain", ()), ("half", (HALF,))):
        runner = make_runner(*sets, env=FakeStudentEnv(64, length=7))
        seen = [obs for _ in range(2) for obs in (rollout(runner), runner.alg.storage.clear())[0]]
        rollouts[name] = runner.alg.storage
    share = torch.stack(which).float().mean()
    assert 0.35 < share < 0.65, share
    flags = torch.stack(which)[STEPS:]
    ended = rollouts["half"].dones[:-1].unsqueeze(-1)
    changed = flags[1:] != flags[:-1]
    assert not changed[~ended].any() and 0.3 < changed[ended].float().mean() < 0.7
    groups = reflected_groups(runner.env, seen[STEPS])
    for name in ("proprioception", "proprioception_history"):
        mirrored = torch.stack([reflected_groups(runner.env, obs)[name] for obs in seen[STEPS:]])
        plain = rollouts["plain"].groups[name]
        assert torch.equal(rollouts["half"].groups[name], torch.where(flags, mirrored, plain))
        assert not torch.equal(groups[name], seen[STEPS][name])
    plain = rollouts["plain"].teacher_actions
    mirrored = reflect(SIDES.joints, plain)
    assert torch.equal(rollouts["half"].teacher_actions, torch.where(flags, mirrored, plain))


@TRAININGS
def test_off_it_is_not_there(make: MakeRunner, collect: Any) -> None:
    """Nothing drawn, nothing copied; and a draw that mirrors nobody changes nothing."""
    weights = []
    for sets in ((), ("algorithm.params.mirrored_share=1e-30",)):
        runner = make(*sets, env=FakeStudentEnv(length=7))
        if not sets:
            assert runner.alg.mirrored is None
            obs = runner.env.get_observations()
            assert runner.alg._shown(obs) is obs
        torch.manual_seed(5)
        before = torch.get_rng_state()
        collect(runner)
        if make is make_runner:
            assert torch.equal(before, torch.get_rng_state()) == (not sets)
        runner.alg.update()
        weights.append(copy.deepcopy(runner.alg.student.state_dict()))
    if make is make_runner:
        assert all(torch.equal(weights[0][key], value) for key, value in weights[1].items())


def test_it_waits_for_no_device_and_compiles_into_one_graph() -> None:
    """Tensors without values have nothing to wait for; a graph without a break reads none back."""
    groups = FakeStudentEnv().mdp.observations.mirrors(["proprioception", "depth"], SIDES)
    shown = {"proprioception": torch.randn(4, 53), "depth": torch.randn(4, 16, 18)}

    def step(episodes: MirroredEpisodes, obs: dict[str, Tensor], dones: Tensor) -> tuple[Tensor, ...]:
        episodes.begin(dones)
        there = episodes.observed_groups(obs)
        return (
            there["proprioception"],
            episodes.images(obs["depth"], None),
            episodes.acted(obs["proprioception"][:, :12]),
        )

    nowhere = {name: values.to("meta") for name, values in shown.items()}
    results = step(MirroredEpisodes(0.5, groups, SIDES.joints, 4, "meta"), nowhere, torch.ones(4, device="meta"))
    assert all(result.device.type == "meta" for result in results)
    episodes = MirroredEpisodes(1.0, groups, SIDES.joints, 4, "cpu")
    compiled = torch.compile(step, fullgraph=True, backend="eager")
    expected = step(episodes, shown, torch.ones(4))
    assert all(torch.equal(a, b) for a, b in zip(compiled(episodes, shown, torch.ones(4)), expected, strict=True))
    assert torch.equal(expected[1], shown["depth"].flip(-1))


# -- a student without a side ------------------------------------------------------------------------------------


class EvenActor(nn.Module):
    """The mean of an actor's actions and of the mirror image of those that it takes in the mirror."""

    def __init__(self, actor: Any, groups: dict[str, Mirror]) -> None:
        super().__init__()
        self.actor, self.groups = actor, groups

    def forward(self, proprioception: Tensor, latent: Tensor, history: Tensor, further: Tensor | None) -> Tensor:
        there = self.actor(
            reflect(self.groups["proprioception"], proprioception), latent,
            reflect(self.groups["proprioception_history"], history),
        )  # fmt: skip
        return 0.5 * (self.actor(proprioception, latent, history) + reflect(SIDES.joints, there))


class EvenEncoder(nn.Module):
    """An encoder that sees each image and its mirror image: one latent of both, yaws that are opposite."""

    def __init__(self, encoder: Any, groups: dict[str, Mirror]) -> None:
        super().__init__()
        self.encoder, self.groups = encoder, groups

    def initial_state(self, num_envs: int) -> Tensor:
        return torch.stack([self.encoder.initial_state(num_envs)] * 2, dim=1)

    def compress(self, depth: Tensor) -> Tensor:
        return torch.stack((self.encoder.compress(depth), self.encoder.compress(depth.flip(-1))), dim=1)

    def advance(self, features: Tensor, felt: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        one, here = self.encoder.advance(features[:, 0], felt, state[:, 0])
        there = reflect(self.groups["proprioception"], felt)
        other, after = self.encoder.advance(features[:, 1], there, state[:, 1])
        sides = torch.ones(one.shape[-1])
        sides[32:] = -1.0
        return 0.5 * (one + other * sides), torch.stack((here, after), dim=1)


@pytest.mark.parametrize("even", [True, False])
def test_a_student_without_a_side_finds_both_worlds_as_hard(even: bool) -> None:
    losses = []
    for sets in ((), (ALL,)):
        runner = make_runner(*sets, env=FakeStudentEnv(length=7))
        student: Any = runner.alg.student
        if even:
            groups = runner.env.mdp.observations.mirrors(["proprioception", "proprioception_history"], SIDES)
            student.actor, student.depth_encoder = (
                EvenActor(student.actor, groups), EvenEncoder(student.depth_encoder, groups),
            )  # fmt: skip
        rollout(runner)
        losses.append(runner.alg.update())
    same = all(losses[1][name] == pytest.approx(value, rel=1e-5) for name, value in losses[0].items())
    assert same == even, losses


# -- what cannot be mirrored -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sets", "line"),
    [
        (("camera.yaw=0.1",), r"observations.depth: the image has no mirror image: camera.yaw is 0.1, expected 0"),
        (
            ("observations.height_scan.params.y=[-0.75, 0.6]", LATENT),
            r"height_scan: the scan from y = -0.75 to 0.6 m has no mirror image",
        ),
        (
            ("policy.params.actor_groups=['commands']", "observations.commands.params.names=['turn_rate', 'gait']"),
            "algorithm.params.mirrored_share=0.5: observations.commands: 'gait' has no known mirror image",
        ),
    ],
)  # fmt: skip
def test_what_has_no_mirror_image_is_told_before_anything_slow(
    sets: tuple[str, ...], line: str, tmp_path: Path
) -> None:
    def never(*args: Any) -> Any:
        raise AssertionError("an environment was made")

    added = ("observation:commands", "command_term:lateral_speed", "command_term:turn_rate")
    task = load_task("go2-student", overlay="train", changes=read_changes((HALF, *sets), added))
    options = TrainOptions(
        num_envs=8, iterations=1, device="cpu", log_root=tmp_path, logger="none", checkpoint=tmp_path / "model_1.pt"
    )
    with pytest.raises(TaskError, match=line):
        train(task, options, make_env=never)


def test_a_policy_of_such_a_training_acts_under_any_camera() -> None:
    task = student_task(HALF, "camera.yaw=0.1")
    assert task.policy.target(task).check_training is not None  # which evaluation does not call
    assert student_runs.make_runner() is not None
