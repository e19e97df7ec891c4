"""NaN in actions, observations and rewards: counted where it comes from, named, and never passed on."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from parkour.errors import CheckpointError, ExportError, PluginError, TrainingError
from parkour.evaluation.evaluate import EvaluationOptions, check_fit, evaluate
from parkour.learning.train import train
from parkour.mdp.observations import name_not_finite
from parkour.mdp.rewards import NOT_FINITE
from parkour.policies.deployed import DeployedPolicy
from parkour.specs import ObservationField
from parkour.tasks import load_task
from parkour_cli.changes import read_changes
from tests.evaluation.fakes import QUICK, GlidingEnv, gliding_env, write_weights
from tests.learning.fakes import FakeEnv, fake_task
from tests.learning.runs import options

NAN = float("nan")


def gliding(num_envs: int = 4) -> GlidingEnv:
    return GlidingEnv(load_task("go2-teacher", changes=read_changes(QUICK)), num_envs, "cpu", 0)


@pytest.mark.parametrize("value", [NAN, float("inf"), -float("inf")])
def test_a_robot_whose_action_is_none_breaks_is_counted_and_begins_anew(value: float) -> None:
    env = gliding()
    env.reset(seed=0)
    env.mdp.drain_statistics()
    actions = torch.zeros(4, env.num_actions)
    actions[1, 3] = value
    step = env.transition(actions)
    assert step.failed.tolist() == [False, True, False, False]
    assert env.episode_length_buf.tolist() == [1, 0, 1, 1]
    assert all(torch.isfinite(group).all() for group in step.observations.values())
    assert torch.isfinite(step.reward).all()
    log = env.mdp.drain_statistics()
    assert float(log["Physics/nan_actions"]) == 1.0 and float(log["Physics/nan_resets"]) == 1.0
    step = env.transition(torch.zeros(4, env.num_actions))
    assert not step.failed.any() and float(env.mdp.drain_statistics()["Physics/nan_actions"]) == 0.0


def test_a_reward_that_is_none_is_counted_by_its_term() -> None:
    env = gliding()
    env.reset(seed=0)
    rewards = env.mdp.rewards
    term = rewards._terms[2]
    name = rewards.names[2]
    spoilt = lambda ctx, **params: term.call(ctx, **params) + torch.tensor([0.0, NAN, 0.0, float("inf")])  # noqa: E731
    rewards._terms = (*rewards._terms[:2], type(term)(spoilt, 1.0, term.params), *rewards._terms[3:])
    env.mdp.drain_statistics()
    for _ in range(3):
        assert torch.isfinite(env.transition(torch.zeros(4, env.num_actions)).reward).all()
    counts = {key: float(value) for key, value in env.mdp.drain_statistics().items() if key.startswith(NOT_FINITE)}
    assert counts.pop(f"{NOT_FINITE}{name}") == 6.0
    assert not any(counts.values())
    assert not any(float(v) for k, v in env.mdp.drain_statistics().items() if k.startswith(NOT_FINITE))


def test_an_evaluation_of_a_policy_gone_wrong_says_so_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = write_weights(tmp_path)
    monkeypatch.setattr(DeployedPolicy, "__call__", lambda self, obs: torch.full((len(obs), 12), NAN))
    result = evaluate(weights, EvaluationOptions(num_envs=10, steps=20, device="cpu"), make_env=gliding_env)
    assert result.unfit == len(result.episodes) > 0
    with pytest.raises(CheckpointError, match=r"actions? of the policy was NaN or infinite"):
        check_fit([result])
    assert (result.episodes.values["broken"] == 1.0).all() and (result.episodes.values["fall"] == 1.0).all()


def test_a_sound_policy_passes(tmp_path: Path) -> None:
    weights = write_weights(tmp_path)
    result = evaluate(weights, EvaluationOptions(num_envs=10, steps=20, device="cpu"), make_env=gliding_env)
    assert result.unfit == 0
    check_fit([result])


class NanObservation(FakeEnv):
    """A number of one robot's observations is none from some step on."""

    def _draw(self) -> None:
        super()._draw()
        if self.steps > 5:
            self._observations["proprioception"][3, 7] = NAN


def test_a_nan_observation_is_named_and_not_blamed_on_the_learning_rate(tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as caught:
        train(fake_task(), options(tmp_path), make_env=lambda task, n, device, seed: NanObservation(n, seed))
    error = caught.value
    assert "observation group 'proprioception' is NaN or infinite in field all, of robot 3 of 8" in error.message
    assert error.hint is not None and "learning_rate" not in error.hint


def test_fields_and_robots_are_named() -> None:
    fields = [ObservationField(name="joint_pos", size=2), ObservationField(name="tilt", size=1)]
    values = torch.zeros(2, 9, 3)
    assert name_not_finite("x", fields, values) == ""
    values[1, 4, 2] = NAN
    assert name_not_finite("x", fields, values) == (
        "observation group 'x' is NaN or infinite in field tilt, of robot 4 of 9"
    )
    values[0, :, 0] = float("inf")
    assert name_not_finite("x", fields, values) == (
        "observation group 'x' is NaN or infinite in 2 fields (joint_pos, tilt), of 9 robots (0, 1, 2, 3, 4, …) of 9"
    )
    assert "fields (0, 2)" in name_not_finite("x", [], values)


def test_a_first_observation_that_is_none_is_named() -> None:
    env = gliding()
    group = env.mdp.observations._groups["proprioception"]
    call: Any = group.term.__class__.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group.term.__class__, "__call__", lambda self, ctx: call(self, ctx) * NAN)
        with pytest.raises(PluginError, match=r"observation group 'proprioception' is NaN or infinite in \d+ fields"):
            gliding()


def test_training_tells_once_of_a_reward_that_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class NanReward(FakeEnv):
        def step(self, actions: torch.Tensor) -> tuple[Any, ...]:
            obs, reward, done, extras = super().step(actions)
            if "log" in extras:
                extras["log"] = {
                    **extras["log"],
                    f"{NOT_FINITE}bad": torch.tensor(3.0),
                    f"{NOT_FINITE}ok": torch.tensor(0.0),
                }
            return obs, reward, done, extras

    logging.getLogger("parkour").propagate = True
    with caplog.at_level(logging.WARNING, "parkour"):
        result = train(fake_task(), options(tmp_path), make_env=lambda task, n, device, seed: NanReward(n, seed))
    told = [record.getMessage() for record in caplog.records if "'bad'" in record.getMessage()]
    assert len(told) == 1 and "3 times" in told[0]
    assert result.metrics[f"{NOT_FINITE}bad"] == 3.0 and f"{NOT_FINITE}ok" not in result.metrics


def test_sim2sim_says_so_too() -> None:
    from parkour_mujoco.sim2sim.episode import _Walk

    walk = object.__new__(_Walk)
    control = SimpleNamespace(action_clip=1.0, action_scale=1.0)
    walk.run = cast("Any", SimpleNamespace(manifest=SimpleNamespace(control=control), policy=lambda obs: obs * NAN))
    walk.observation, walk._count = np.zeros(12), 3
    with pytest.raises(ExportError, match="action at control step 3 is NaN or infinite"):
        walk.step()
