"""A student trained by PPO: what it draws, what its update takes the gradient of, and that it earns more."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from tensordict import TensorDict
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from parkour.learning.runner import TrainingRunner
from parkour_policies.distillation_storage import TEACHER_LATENTS
from parkour_policies.exploration import Exploration
from parkour_policies.rma_actor import GROUPS as CRITIC_GROUPS
from parkour_policies.rma_student_ppo import rma_student_ppo
from parkour_policies.student_ppo import RmaStudentPPO, adapted
from tests.learning.student_fakes import YAWS, FakeStudentEnv, student_task

STEPS = 10


def make_runner(*sets: str, env: FakeStudentEnv | None = None) -> TrainingRunner:
    torch.manual_seed(0)
    small = ("algorithm.params.mini_batches=1", "algorithm.params.epochs=1", "algorithm.params.critic_iterations=0")
    definition = rma_student_ppo(student_task(*small, *sets, name="go2-student-rl"))
    cfg: dict[str, Any] = {**definition.train_cfg, "num_steps_per_env": STEPS, "save_interval": 1}
    runner = TrainingRunner(env or FakeStudentEnv(), cfg)
    runner.alg.load_teacher(copy.deepcopy(runner.alg.teacher.state_dict()))
    return runner


def algorithm(runner: TrainingRunner) -> RmaStudentPPO:
    return runner.alg  # type: ignore[return-value]


def rollout(runner: TrainingRunner, iteration: int = 0) -> tuple[list[TensorDict], Tensor]:
    """A rollout into the storage; what was observed before each step, and its mean reward."""
    alg = algorithm(runner)
    alg.train_mode()
    alg.begin_iteration(iteration)
    obs, seen, earned = runner.env.get_observations(), [], []
    with torch.inference_mode():
        for _ in range(STEPS):
            seen.append(obs.clone())
            obs, rewards, dones, extras = runner.env.step(alg.act(obs))
            alg.process_env_step(obs, rewards, dones, extras)
            earned.append(rewards)
        alg.compute_returns(obs)
    return seen, torch.stack(earned).mean()


# -- exploration -----------------------------------------------------------------------------------------------------


def test_exploration_is_torchs_normal_distribution() -> None:
    torch.manual_seed(1)
    noise = Exploration(3, 0.5)
    with torch.no_grad():
        noise.log_std += torch.tensor([0.3, 0.0, -0.2])
    means, before, std = torch.randn(5, 3), torch.randn(5, 3), torch.tensor([0.4, 0.6, 0.5])
    normal, drawn = Normal(means, noise.std), noise.draw(means)
    torch.testing.assert_close(noise.log_prob(means, drawn), normal.log_prob(drawn).sum(dim=-1))
    torch.testing.assert_close(noise.entropy().expand(5), normal.entropy().sum(dim=-1))
    wanted = kl_divergence(Normal(before, std), normal).sum(dim=-1)
    torch.testing.assert_close(noise.divergence(before, std, means), wanted)
    many = noise.draw(torch.zeros(20_000, 3))
    torch.testing.assert_close(many.std(dim=0), noise.std.detach(), rtol=0.03, atol=0.0)


# -- rollout ---------------------------------------------------------------------------------------------------------


def test_actions_are_the_students_with_noise_and_are_noted() -> None:
    runner = make_runner()
    alg = algorithm(runner)
    twin = copy.deepcopy(alg.student).train()
    twin.follow_images(runner.env.mdp)
    obs = runner.env.get_observations()
    alg.train_mode()
    alg.begin_iteration(0)
    with torch.inference_mode():
        drawn = alg.act(obs)
        shown = obs.clone()
        shown["yaw_valid"] = torch.ones(8, 1)
        means = twin(shown)
    noted = alg.storage.drawn
    torch.testing.assert_close(noted["means"][0], means)
    assert torch.equal(noted["drawn"][0], drawn) and (drawn - means).std() == pytest.approx(0.3, rel=0.3)
    assert noted["values"][0].shape == (8, 1) and noted["values"][0].any()


def test_what_an_episode_would_have_earned_after_its_time_is_counted() -> None:
    runner = make_runner("algorithm.params.gamma=0.9", env=FakeStudentEnv(length=STEPS))
    alg = algorithm(runner)
    begun: list[Tensor] = []
    step = runner.env.step

    def note(actions: Tensor) -> Any:
        got = step(actions)
        begun.append(got[1])
        return got

    runner.env.step = note  # type: ignore[method-assign]
    rollout(runner)
    earned, values = alg.storage.rewards.squeeze(-1), alg.storage.drawn["values"].squeeze(-1)
    assert torch.equal(earned[:-1], torch.stack(begun[:-1]))
    torch.testing.assert_close(earned[-1], begun[-1] + 0.9 * values[-1])
    # Nothing of the next episode counts: the last step's return is what it earned.
    torch.testing.assert_close(alg.storage.drawn["returns"][-1].squeeze(-1), earned[-1])


def test_critic_is_spared_the_noise_of_the_observations() -> None:
    runner = make_runner()
    alg = algorithm(runner)
    clean = {"proprioception": torch.full((8, 53), 0.25)}
    alg.clean_groups = lambda: clean
    judged: list[Tensor] = []
    alg.critic.register_forward_pre_hook(lambda module, args: judged.append(args[0]["proprioception"]))
    acted: list[Tensor] = []
    alg.student.actor.register_forward_pre_hook(lambda module, args: acted.append(args[0]))
    rollout(runner)
    alg.update()
    assert len(judged) == STEPS + 2 and all((seen == 0.25).all() for seen in judged)
    assert all((seen != 0.25).any(dim=-1).all() for seen in acted)


# -- update ----------------------------------------------------------------------------------------------------------


def reference(runner: TrainingRunner, seen: list[TensorDict], imitation: float, latent_weight: float) -> Tensor:
    """The loss of a first rollout written down again, step by step and with torch's distributions."""
    alg = algorithm(runner)
    encoder: Any = alg.student.depth_encoder
    stored, dones = alg.storage.stored(), alg.storage.dones
    state, held = encoder.initial_state(8), torch.zeros(8, 34)
    losses = []
    for step, shown in enumerate(seen):
        obs = shown.clone()
        new = (obs["perception"] > 0) | (step == 0)
        blind = obs["proprioception"].clone()
        blind[:, YAWS] = 0.0
        output, after = encoder(obs["depth"], blind, state)
        held, state = torch.where(new, output, held), torch.where(new[:, :, None], after, state)
        means = alg.student.act(held, obs["proprioception"], obs["proprioception_history"], torch.ones(8, 1))
        ratio = (
            Normal(means, alg.exploration.std).log_prob(stored["drawn"][step]).sum(dim=-1)
            - stored["log_prob"][step].squeeze(-1)
        ).exp()  # fmt: skip
        gain = ratio * stored["advantages"][step].squeeze(-1)
        values = alg.critic(TensorDict({name: obs[name] for name in CRITIC_GROUPS}, batch_size=[8]))
        value = (values - stored["returns"][step]).square().squeeze(-1)
        action = (stored["teacher_actions"][step] - means).norm(dim=-1)
        yaw = (obs["proprioception"][:, YAWS] - 1.5 * held[:, 32:]).norm(dim=-1)
        latent = (stored[TEACHER_LATENTS][step] - held[:, :32]).norm(dim=-1)
        losses.append((imitation * (action + latent_weight * latent) + yaw + value - gain).mean())
        state = torch.where(dones[step][:, None, None], encoder.initial_state(8), state)
    entropy = Normal(torch.zeros(12), alg.exploration.std).entropy().sum()
    return torch.stack(losses).mean() - 0.01 * entropy


@pytest.mark.parametrize("block", [5, 1024])
def test_update_takes_the_gradient_of_the_loss_as_written(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    env = FakeStudentEnv(length=7)
    env.episode_length_buf += torch.arange(8) % 7
    runner = make_runner(
        f"algorithm.params.image_block={block}", "algorithm.params.imitation=[0.8, 0.4]",
        "algorithm.params.latent_coefficient=0.5", "algorithm.params.entropy=0.01",
        "algorithm.params.max_grad_norm=1000", env=env,
    )  # fmt: skip
    alg = algorithm(runner)
    alg.follow(0.5)
    seen, _ = rollout(runner)
    grads: list[Tensor] = []
    wanted = torch.autograd.grad(reference(runner, seen, 0.6, 0.5), alg.trained)
    monkeypatch.setattr(alg.optimizer, "step", lambda: grads.extend(p.grad.clone() for p in alg.trained))
    losses = alg.update()
    for mine, theirs in zip(grads, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=2e-3, atol=2e-6)
    # Nothing has moved yet: the ratio is one everywhere, and advantages are normalised.
    assert losses["kl"] == pytest.approx(0.0, abs=1e-5) and losses["surrogate"] == pytest.approx(0.0, abs=1e-4)
    assert losses["imitation_weight"] == pytest.approx(0.6)


def test_rewards_train_the_critic_alone_at_first() -> None:
    """Without imitation nothing but the yaws' loss, which knows no actor, reaches the student."""
    runner = make_runner("algorithm.params.critic_iterations=1", "algorithm.params.imitation=[0.0, 0.0]")
    alg = algorithm(runner)
    begun = copy.deepcopy(alg.student.actor.state_dict())
    critic = copy.deepcopy(alg.critic.state_dict())
    changed = lambda: [k for k, v in alg.student.actor.state_dict().items() if not torch.equal(v, begun[k])]  # noqa: E731
    rollout(runner)
    alg.update()
    assert not changed() and alg.exploration.std.mean().item() == pytest.approx(0.3)
    assert all(not torch.equal(value, critic[key]) for key, value in alg.critic.state_dict().items())
    rollout(runner, 1)
    alg.update()
    assert changed() and not any(key.startswith("estimator.") for key in changed())


@pytest.mark.parametrize("highest", [1e-8, 2e-4])
def test_learning_rate_is_the_one_that_was_used(highest: float) -> None:
    """What is logged after an update, and kept in checkpoints, is not what the next one may get."""
    runner = make_runner(f"algorithm.params.learning_rate={highest}")
    alg = algorithm(runner)
    for iteration in range(3):
        rollout(runner, iteration)
        alg.update()
        assert alg.learning_rate == alg.optimizer.param_groups[0]["lr"] <= highest


def test_learning_rate_follows_the_divergence_below_its_schedule() -> None:
    assert adapted(1e-4, 0.03, 0.01) == pytest.approx(1e-4 / 1.5)
    assert adapted(1e-4, 0.01, 0.01) == 1e-4
    assert adapted(1e-4, 0.001, 0.01) == pytest.approx(1.5e-4)
    assert adapted(1e-5, 1.0, 0.01) == 1e-5
    alg = algorithm(make_runner("algorithm.params.learning_rate_schedule='cosine'"))
    rates = []
    for known, progress in ((5e-5, 0.0), (1.0, 0.0), (5e-5, 1.0)):
        alg.learning_rate = known
        alg.follow(progress)
        alg.begin_iteration(7)
        rates.append(alg.optimizer.param_groups[0]["lr"])
    assert rates == [pytest.approx(5e-5), pytest.approx(2e-4), pytest.approx(1e-5)]


def test_student_earns_more_without_a_teacher() -> None:
    sets = (
        "algorithm.params.imitation=[0.0, 0.0]", "algorithm.params.learning_rate=2e-3",
        "algorithm.params.epochs=4", "algorithm.params.mini_batches=2", "algorithm.params.gamma=0.0",
    )  # fmt: skip
    runner = make_runner(*sets, env=FakeStudentEnv(48, length=30))
    earned, losses = [], []
    for iteration in range(40):
        earned.append(rollout(runner, iteration)[1].item())
        losses.append(algorithm(runner).update())
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    assert mean(earned[-5:]) > mean(earned[:5]) + 0.1
    assert mean([one["value"] for one in losses[-5:]]) < 0.8 * mean([one["value"] for one in losses[:5]])
    assert max(one["kl"] for one in losses) < 0.2


def test_with_a_teacher_it_stays_near_it() -> None:
    found = []
    for weight in (0.0, 3.0):
        sets = (
            f"algorithm.params.imitation=[{weight}, {weight}]", "algorithm.params.learning_rate=2e-3",
            "algorithm.params.epochs=4", "algorithm.params.mini_batches=2", "algorithm.params.gamma=0.0",
        )  # fmt: skip
        runner = make_runner(*sets, env=FakeStudentEnv(24, length=30))
        for iteration in range(15):
            rollout(runner, iteration)
            losses = algorithm(runner).update()
        found.append(losses["action"])
    assert found[1] < 0.7 * found[0]
