"""The built-in policy: shapes, sizes, where gradients go, and what each kind of iteration changes."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from rsl_rl.algorithms import PPO
from tensordict import TensorDict
from torch import nn

from parkour.errors import ParkourError, PluginError, TaskError
from parkour.learning.runner import TrainingRunner
from parkour.tasks import load_task
from parkour_policies.encoders import history_conv, privileged_mlp, scan_mlp
from parkour_policies.plugin import register_encoders, register_policies
from parkour_policies.rma_actor import EncoderChoice, RmaActor
from parkour_policies.rma_ppo import RmaPPO, ramp
from parkour_policies.rma_teacher import rma_teacher
from tests.components import load
from tests.learning.fakes import ACTIONS, SIZES, FakeEnv, fake_task


def make_runner(*sets: str, num_envs: int = 8) -> TrainingRunner:
    torch.manual_seed(0)
    cfg: dict[str, Any] = {**rma_teacher(fake_task(*sets)).train_cfg, "num_steps_per_env": 4, "save_interval": 1}
    return TrainingRunner(FakeEnv(num_envs), cfg)


def rollout(runner: TrainingRunner, iteration: int) -> TensorDict:
    runner.alg.train_mode()
    runner.alg.begin_iteration(iteration)
    obs = runner.env.get_observations()
    with torch.inference_mode():
        for _ in range(4):
            actions = runner.alg.act(obs)
            obs, rewards, dones, extras = runner.env.step(actions)
            runner.alg.process_env_step(obs, rewards, dones, extras)
        runner.alg.compute_returns(obs)
    return obs


def changed(before: dict[str, torch.Tensor], module: nn.Module) -> set[str]:
    """Names of the parts (first component of the key) of a module whose weights are not those before."""
    return {key.split(".")[0] for key, value in module.state_dict().items() if not torch.equal(before[key], value)}


def numbers(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_specs_name_things_that_exist() -> None:
    for spec in (*register_encoders(), *register_policies()):
        assert callable(load(spec.target))
        assert spec.params is None or load(spec.params)()


def test_sizes_of_the_networks_are_those_of_the_specification() -> None:
    task = load_task("go2-teacher")
    cfg = copy.deepcopy(rma_teacher(task).train_cfg) | {"num_steps_per_env": 4}
    runner = TrainingRunner(FakeEnv(2), cfg)
    actor, critic = runner.alg.actor, runner.alg.critic
    linear = lambda *dims: sum((a + 1) * b for a, b in pairwise(dims))  # noqa: E731
    assert numbers(actor.scan_encoder) == linear(132, 128, 64, 32)
    assert numbers(actor.privileged_encoder) == linear(29, 64, 20)
    convolutions = (30 * 4 + 1) * 20 + (20 * 2 + 1) * 10
    assert numbers(actor.history_encoder) == linear(53, 30) + convolutions + linear(30, 20)
    assert numbers(actor.estimator) == linear(53, 128, 64, 9)
    assert numbers(actor.mlp) == linear(53 + 32 + 9 + 20, 512, 256, 128, 12)
    assert torch.equal(actor.distribution.std_param, torch.ones(12))
    assert numbers(critic) == linear(753, 512, 256, 128, 1)


def test_scan_latent_is_bounded_and_the_other_latents_share_a_range() -> None:
    assert scan_mlp((132,), 32)(100 * torch.randn(50, 132)).abs().max() <= 1.0
    for latent in (
        privileged_mlp((29,), 20)(9 * torch.randn(50, 29)),
        history_conv((10, 53), 20)(torch.randn(50, 10, 53)),
    ):
        assert latent.min() >= -1.0


def test_history_reads_frames_oldest_first() -> None:
    runner = make_runner()
    obs = runner.env.get_observations()
    seen: list[torch.Tensor] = []
    runner.alg.actor.history_encoder.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    runner.alg.actor.encode_history(obs)
    assert torch.equal(seen[0][:, 0], obs["proprioception_history"][:, :53])
    assert torch.equal(seen[0][:, 9], obs["proprioception_history"][:, 477:])


@pytest.mark.parametrize(
    ("mode", "reads", "ignores"),
    [
        ("train", "privileged_latent", "proprioception_history"),
        ("eval", "proprioception_history", "privileged_latent"),
    ],
)
def test_latent_source_follows_the_mode(mode: str, reads: str, ignores: str) -> None:
    actor = make_runner().alg.actor
    getattr(actor, mode)()
    obs = FakeEnv(4).get_observations()
    before = actor(obs)
    for group, differs in ((reads, True), (ignores, False), ("privileged_explicit", False)):
        other = obs.clone()
        other[group] = torch.randn_like(other[group])
        assert torch.equal(actor(other), before) != differs, group


def test_inference_uses_the_history_whatever_the_mode() -> None:
    actor = make_runner().alg.actor.train()
    obs = FakeEnv(4).get_observations()
    deployed = actor.act_inference(obs)
    assert actor.latent_source == "privileged"
    assert torch.equal(deployed, actor.eval()(obs))


def test_export_equals_the_deployed_actor_bit_for_bit() -> None:
    actor = make_runner().alg.actor.eval()
    obs = FakeEnv(4).get_observations()
    inputs = [obs[name] for name in actor.as_jit().input_names]
    assert torch.equal(actor.as_jit()(*inputs), actor(obs))
    scripted = torch.jit.script(actor.as_jit())
    assert torch.equal(scripted(*inputs), actor(obs))


def test_acting_and_updating_take_the_same_path() -> None:
    runner = make_runner()
    actor, obs = runner.alg.actor.train(), FakeEnv(4).get_observations()
    actions = actor(obs, stochastic_output=True)
    acted = (actor.output_mean.clone(), actor.get_output_log_prob(actions))
    actor.update_distribution(obs)
    assert torch.equal(actor.output_mean, acted[0])
    assert torch.equal(actor.get_output_log_prob(actions), acted[1])


def test_ppo_gives_the_estimator_no_gradient_and_the_estimator_gives_the_actor_none() -> None:
    actor, obs = make_runner().alg.actor, FakeEnv(4).get_observations()
    actor.update_distribution(obs)
    actor.get_output_log_prob(torch.zeros(4, ACTIONS)).sum().backward()
    assert all(p.grad is None for p in actor.estimator.parameters())
    assert all(p.grad is not None for p in actor.privileged_encoder.parameters())
    actor.zero_grad()
    actor.features(obs).estimate.square().mean().backward()
    assert all(p.grad is None for p in actor.mlp.parameters())
    assert all(p.grad is not None for p in actor.estimator.parameters())


def test_ppo_iteration_trains_all_but_the_history_encoder() -> None:
    runner = make_runner()
    before = copy.deepcopy(runner.alg.actor.state_dict())
    rollout(runner, 1)
    losses = runner.alg.update()
    assert changed(before, runner.alg.actor) == {
        "scan_encoder", "privileged_encoder", "estimator", "mlp", "distribution"
    }  # fmt: skip
    assert all(math.isfinite(value) for value in losses.values())


def test_dagger_iteration_trains_only_the_history_encoder() -> None:
    runner = make_runner()
    actor, critic = (copy.deepcopy(net.state_dict()) for net in (runner.alg.actor, runner.alg.critic))
    rollout(runner, 20)
    assert runner.alg.dagger and runner.alg.actor.latent_source == "history"
    runner.alg.update()
    assert changed(actor, runner.alg.actor) == {"history_encoder"}
    assert changed(critic, runner.alg.critic) == set()


def test_ppo_may_train_on_the_rollouts_of_dagger_iterations_too() -> None:
    runner = make_runner("algorithm.params.dagger_with_ppo=true")
    actor, critic = (copy.deepcopy(net.state_dict()) for net in (runner.alg.actor, runner.alg.critic))
    rollout(runner, 20)
    assert runner.alg.dagger and runner.alg.actor.latent_source == "history", "who acts stays the same"
    assert runner.alg.storage.returns.abs().sum() > 0
    losses = runner.alg.update()
    assert changed(actor, runner.alg.actor) == {
        "scan_encoder", "privileged_encoder", "history_encoder", "estimator", "mlp", "distribution"
    }  # fmt: skip
    assert changed(critic, runner.alg.critic)
    assert {"surrogate", "history_latent"} <= losses.keys() and all(math.isfinite(value) for value in losses.values())
    assert runner.alg.storage.step == 0


@pytest.mark.parametrize("joint", [False, True])
def test_gradients_are_clipped_each_or_together(joint: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = make_runner(f"algorithm.params.joint_clipping={str(joint).lower()}", "algorithm.params.max_grad_norm=1e-3")
    alg: RmaPPO = runner.alg  # type: ignore[assignment]
    norms: list[tuple[float, float]] = []

    def norm(parameters: Iterable[nn.Parameter]) -> float:
        return torch.cat([p.grad.view(-1) for p in parameters if p.grad is not None]).norm().item()

    step = lambda: norms.append((norm(alg.actor.policy_parameters()), norm(alg.critic.parameters())))  # noqa: E731
    monkeypatch.setattr(alg.optimizer, "step", step)
    rollout(runner, 1)
    alg.update()
    assert len(norms) == alg.num_learning_epochs * alg.num_mini_batches
    for actor, critic in norms:
        both = math.hypot(actor, critic)
        assert (both if joint else actor) == pytest.approx(1e-3, rel=1e-2)
        assert joint or critic == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize(("own", "rate"), [(0.0, 2e-4), (1e-3, 1e-3)])
def test_the_critic_may_have_a_learning_rate_of_its_own(own: float, rate: float) -> None:
    one_step = ("algorithm.params.epochs=1", "algorithm.params.mini_batches=1", "algorithm.params.desired_kl=0")
    runner = make_runner(*one_step, f"algorithm.params.critic_learning_rate={own}")
    networks = (runner.alg.actor, runner.alg.critic)
    before = [copy.deepcopy(network.state_dict()) for network in networks]
    rollout(runner, 1)
    runner.alg.update()
    # Adam's first step is as long as the learning rate.
    actor, critic = (
        max((after - then[key]).abs().max().item() for key, after in network.state_dict().items() if "estim" not in key)
        for then, network in zip(before, networks, strict=True)
    )
    assert actor == pytest.approx(2e-4, rel=1e-2) and critic == pytest.approx(rate, rel=1e-2)


def test_a_resumed_critic_keeps_its_rate_while_the_actors_adapts() -> None:
    settings = ("algorithm.params.critic_learning_rate=1e-3", "algorithm.params.desired_kl=1e9")
    runner, resumed = make_runner(*settings), make_runner(*settings)
    rollout(runner, 1)
    runner.alg.update()
    resumed.alg.load(copy.deepcopy(runner.alg.save()))
    rollout(resumed, 2)
    resumed.alg.update()
    actor, critic = resumed.alg.optimizer.param_groups
    assert critic["lr"] == 1e-3 and float(actor["lr"]) == pytest.approx(resumed.alg.learning_rate)
    assert resumed.alg.learning_rate > runner.alg.learning_rate > 2e-4


@pytest.mark.parametrize(("before", "now"), [(0.0, 1e-3), (1e-3, 0.0), (1e-3, 5e-4)])
def test_a_run_resumes_under_another_rate_of_the_critic(before: float, now: float) -> None:
    """Its moments stay, of every parameter, and the actor's rate; the critic's is what is asked for now."""
    runner, resumed = (make_runner(f"algorithm.params.critic_learning_rate={rate}") for rate in (before, now))
    rollout(runner, 1)
    runner.alg.update()
    resumed.alg.load(copy.deepcopy(runner.alg.save()))
    old, new = (
        [alg.optimizer.state[p]["exp_avg"] for group in alg.optimizer.param_groups for p in group["params"]]
        for alg in (runner.alg, resumed.alg)
    )
    assert len(old) > 20 and all(torch.equal(a, b) for a, b in zip(old, new, strict=True))
    rates = [float(group["lr"]) for group in resumed.alg.optimizer.param_groups]
    assert rates == [pytest.approx(runner.alg.learning_rate), *([now] if now else [])]
    rollout(resumed, 2)
    resumed.alg.update()


def test_dagger_iterations_bring_the_latents_together() -> None:
    runner = make_runner(
        "algorithm.params.dagger_interval=1", "algorithm.params.history_learning_rate=3e-3", num_envs=64
    )
    gaps = []
    for iteration in range(1, 31):
        rollout(runner, iteration)
        gaps.append(runner.alg.update()["history_latent"])
    assert gaps[-1] < 0.8 * gaps[0]


def test_which_iterations_are_dagger_iterations() -> None:
    alg: RmaPPO = make_runner().alg  # type: ignore[assignment]
    found = []
    for iteration in range(61):
        alg.begin_iteration(iteration)
        found += [iteration] if alg.dagger else []
    assert found == [20, 40, 60]


@pytest.mark.parametrize(
    ("iteration", "coefficient"), [(0, 0.0), (2000, 0.0), (3500, 0.05), (5000, 0.1), (50_000, 0.1)]
)
def test_regularisation_rises_as_the_task_says(iteration: int, coefficient: float) -> None:
    alg = make_runner().alg
    alg.begin_iteration(iteration)
    assert alg.regularisation == pytest.approx(coefficient)


def test_ramp_of_no_length_is_a_step() -> None:
    assert [ramp(i, (0.0, 1.0), (5, 5)) for i in (4, 5, 6)] == [0.0, 0.0, 1.0]


def test_regularisation_pulls_the_privileged_latent_and_leaves_the_history_encoder() -> None:
    """A strong coefficient closes the gap that PPO alone leaves."""
    gaps = {}
    for weight in (0.0, 30.0):
        runner = make_runner(
            f"algorithm.params.latent_regularisation=[{weight}, {weight}]",
            "algorithm.params.latent_regularisation_iterations=[0, 1]",
            "algorithm.params.entropy=0.0",
        )
        history = copy.deepcopy(runner.alg.actor.history_encoder.state_dict())
        for iteration in range(1, 11):
            rollout(runner, iteration)
            runner.alg.update()
        actor, obs = runner.alg.actor, FakeEnv(32).get_observations()
        gaps[weight] = (actor.encode_privileged(obs) - actor.encode_history(obs)).norm(dim=-1).mean().item()
        assert changed(history, actor.history_encoder) == set()
    assert gaps[30.0] < 0.7 * gaps[0.0]


def test_estimator_learns_what_proprioception_tells() -> None:
    runner = make_runner(
        "algorithm.params.estimator_learning_rate=3e-3", "algorithm.params.dagger_interval=0", num_envs=64
    )
    losses = []
    for iteration in range(25):
        rollout(runner, iteration)
        losses.append(runner.alg.update()["estimator"])
    assert losses[-1] < 0.5 * losses[0]


def test_policy_update_equals_stock_ppo_where_they_should_agree() -> None:
    """Without regularisation and with the estimator frozen, the update is rsl-rl's PPO, learning rate included."""
    runner = make_runner("algorithm.params.estimator_learning_rate=0.0", "algorithm.params.critic_learning_rate=0.0")
    rollout(runner, 1)
    stock = _stock_twin(runner)
    torch.manual_seed(7)
    ours = runner.alg.update()
    torch.manual_seed(7)
    theirs = stock.update()
    for key in ("value", "surrogate", "entropy"):
        assert ours[key] == pytest.approx(theirs[key], rel=1e-4, abs=1e-6)
    assert runner.alg.learning_rate == pytest.approx(stock.learning_rate, rel=1e-5)
    for (name, a), b in zip(runner.alg.actor.named_parameters(), stock.actor.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=2e-5, msg=name)


def _stock_twin(runner: TrainingRunner) -> PPO:
    """rsl-rl's PPO on copies of the same networks and the same rollout."""
    alg = runner.alg
    alg.actor.distribution._distribution = None  # holds a graph, which cannot be copied
    actor, critic = copy.deepcopy(alg.actor), copy.deepcopy(alg.critic)
    return PPO(
        actor, critic, copy.deepcopy(alg.storage),
        num_learning_epochs=alg.num_learning_epochs, num_mini_batches=alg.num_mini_batches,
        clip_param=alg.clip_param, gamma=alg.gamma, lam=alg.lam, value_loss_coef=alg.value_loss_coef,
        entropy_coef=alg.entropy_coef, learning_rate=alg.learning_rate, max_grad_norm=alg.max_grad_norm,
        desired_kl=alg.desired_kl,
    )  # fmt: skip


def test_encoder_of_a_third_party_is_built_and_checked() -> None:
    choice = EncoderChoice("mine:flat", lambda shape, latent, gain: nn.Linear(shape[0], latent), 7, {"gain": 2.0})
    assert choice.build((3,))(torch.zeros(5, 3)).shape == (5, 7)
    wrong = EncoderChoice("mine:wrong", lambda shape, latent: nn.Linear(shape[0], latent + 1), 7, {})
    with pytest.raises(PluginError, match=r"'mine:wrong'.*\(2, 8\), expected \(2, 7\)"):
        wrong.build((3,))


def test_dimensions_come_from_the_observations() -> None:
    sizes = {**SIZES, "proprioception": 50, "proprioception_history": 400, "height_scan": 60, "privileged_latent": 11}
    cfg = copy.deepcopy(rma_teacher(fake_task()).train_cfg) | {"num_steps_per_env": 4}
    actor: RmaActor = TrainingRunner(FakeEnv(4, sizes=sizes), cfg).alg.actor  # type: ignore[assignment]
    assert actor.history_shape == (8, 50)
    assert actor(FakeEnv(4, sizes=sizes).get_observations()).shape == (4, ACTIONS)


def test_history_must_be_whole_frames() -> None:
    cfg = copy.deepcopy(rma_teacher(fake_task()).train_cfg) | {"num_steps_per_env": 4}
    with pytest.raises(PluginError, match=r"proprioception_history has 531 numbers, expected a multiple of"):
        TrainingRunner(FakeEnv(4, sizes={**SIZES, "proprioception_history": 531}), cfg)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("algorithm.params.learning_rat=1", "did you mean 'learning_rate'"),
        ("algorithm.params.clip='much'", "algorithm.params.clip"),
        ("algorithm.params.gamma=1.5", "at most 1"),
    ],
)
def test_bad_algorithm_numbers_are_told(change: str, message: str) -> None:
    with pytest.raises(ParkourError, match=message):
        fake_task(change)


def test_a_recurrent_scan_encoder_is_refused_in_a_line() -> None:
    task = fake_task()
    part = task.encoders["scan_encoder"]
    encoders = {**task.encoders, "scan_encoder": replace(part, spec=replace(part.spec, recurrent=True))}
    with pytest.raises(TaskError, match=r"policy.params.scan_encoder: parkour-lab:scan_mlp is recurrent, expected"):
        rma_teacher(replace(task, encoders=encoders))
