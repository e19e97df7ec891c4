"""Where the gradients of the distillation go, who drives meanwhile, and what is learnt."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from tensordict import TensorDict
from torch import Tensor, nn

from parkour.errors import TrainingError
from parkour.learning.runner import TrainingRunner
from parkour.policies.protocols import ReportsScalars
from parkour_policies import student_gradients
from parkour_policies.distillation import RmaDistillation
from parkour_policies.rma_actor import EncoderChoice, RmaActor
from parkour_policies.student_model import Memory
from tests.learning.student_fakes import (
    FLAT,
    NETWORKS,
    PERIOD,
    YAWS,
    FakeStudentEnv,
)
from tests.plugins.student_runs import STEPS, make_runner, rollout, small_gru


def reference_losses(
    runner: TrainingRunner, seen: list[TensorDict], begin: Memory | None, envs: Any = slice(None)
) -> tuple[Tensor, Tensor, Tensor]:
    """All losses over ``envs`` written down again, in one piece and with the images encoded where they are seen."""
    alg: RmaDistillation = runner.alg  # type: ignore[assignment]
    encoder: Any = alg.student.depth_encoder
    num_envs = runner.env.num_envs
    state = encoder.initial_state(num_envs) if begin is None else begin.state.clone()
    held = torch.zeros(num_envs, 34) if begin is None else begin.output.clone()
    dones, losses = alg.storage.dones, []
    for step, obs in enumerate(seen):
        obs = obs.clone()
        new = (obs["perception"] > 0) | (begin is None and step == 0)
        blind = obs["proprioception"].clone()
        blind[:, YAWS] = 0.0
        output, after = encoder(obs["depth"], blind, state)
        held = torch.where(new, output, held)
        state = torch.where(new[:, :, None], after, state)
        shown = obs["proprioception"].clone()
        yaw, valid = 1.5 * held[:, 32:], obs["yaw_valid"] > 0
        shown[:, YAWS] = torch.where(
            valid & (shown[:, FLAT, None] == 0.0), yaw.detach(), obs["proprioception"][:, YAWS]
        )
        actor = alg.student.actor
        latent = actor.history_encoder(obs["proprioception_history"].view(num_envs, 10, 53))
        estimate = actor.estimator(shown).detach()
        actions = actor.mlp(torch.cat((shown, held[:, :32], estimate, latent), dim=-1))
        wanted = alg.teacher.act_inference(obs)
        losses.append(
            torch.stack(
                (
                    (wanted - actions).norm(dim=-1)[envs].mean(),
                    (obs["proprioception"][:, YAWS] - yaw).norm(dim=-1)[envs].mean(),
                    (alg.teacher.scan_encoder(obs["height_scan"]) - held[:, :32]).norm(dim=-1)[envs].mean(),
                )
            )
        )
        state = torch.where((dones[step] > 0)[:, None, None], encoder.initial_state(num_envs), state)
    action, yaw, latent = torch.stack(losses).mean(dim=0)
    return action, yaw, latent


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize(("block", "coefficient"), [(1, 0.0), (5, 0.7), (1024, 0.0), (1024, 0.7)])
def test_update_takes_the_gradient_of_the_losses_as_written(
    tells: bool, block: int, coefficient: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two windows: the second goes on from what was remembered, held constant. Blocks change nothing."""
    monkeypatch.setattr(student_gradients, "ACTOR_BLOCK", 3 * 8)
    env = FakeStudentEnv(length=7, tells=tells)
    env.episode_length_buf += torch.arange(8) % 7
    runner = make_runner(
        f"algorithm.params.image_block={block}",
        f"algorithm.params.latent_coefficient={coefficient}",
        "algorithm.params.max_grad_norm=1000",
        env=env,
    )
    alg = runner.alg
    grads: list[Tensor] = []
    monkeypatch.setattr(alg.optimizer, "step", lambda: grads.extend(p.grad.clone() for p in alg.trained))
    for _ in range(2):
        begin = alg.student.memory
        seen = rollout(runner)
        expected = dict(zip(("action", "yaw", "latent"), reference_losses(runner, seen, begin), strict=True))
        loss = expected["action"] + expected["yaw"] + coefficient * expected["latent"]
        wanted = torch.autograd.grad(loss, alg.trained)
        if not coefficient:
            del expected["latent"]
        grads.clear()
        assert alg.update() == {name: pytest.approx(value.item(), rel=1e-4) for name, value in expected.items()}
        for mine, theirs in zip(grads, wanted, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-6)


def test_each_epoch_takes_the_gradient_at_the_weights_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    env = FakeStudentEnv(length=7)
    runner = make_runner("algorithm.params.epochs=3", "algorithm.params.max_grad_norm=1000", env=env)
    alg = runner.alg
    grads, wanted = [], []
    adam_step = alg.optimizer.step

    def note_and_step() -> None:
        action, yaw, _ = reference_losses(runner, seen, begin)
        wanted.append(torch.autograd.grad(action + yaw, alg.trained))
        grads.append([p.grad.clone() for p in alg.trained])
        adam_step()

    monkeypatch.setattr(alg.optimizer, "step", note_and_step)
    begin = alg.student.memory
    seen = rollout(runner)
    alg.update()
    assert len(grads) == 3 and not torch.allclose(grads[0][0], grads[1][0], rtol=1e-3)
    for mine, theirs in zip(grads, wanted, strict=True):
        for one, other in zip(mine, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


def test_mini_batches_are_parts_of_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    env = FakeStudentEnv(length=7)
    env.episode_length_buf += torch.arange(8) % 7
    runner = make_runner("algorithm.params.mini_batches=3", "algorithm.params.max_grad_norm=1000", env=env)
    alg = runner.alg
    chosen: list[Tensor] = []
    draw = alg._mini_batches
    monkeypatch.setattr(alg, "_mini_batches", lambda: chosen.extend(draw()) or chosen)
    checked = []
    adam_step = alg.optimizer.step

    def check_and_step() -> None:
        losses = reference_losses(runner, seen, begin, chosen[len(checked)])[:2]
        for parameter, wanted in zip(alg.trained, torch.autograd.grad(sum(losses), alg.trained), strict=True):
            torch.testing.assert_close(parameter.grad, wanted, rtol=1e-3, atol=1e-6)
        checked.append(torch.stack(losses).detach())
        adam_step()

    monkeypatch.setattr(alg.optimizer, "step", check_and_step)
    rollout(runner)
    monkeypatch.setattr(alg.optimizer, "step", adam_step)
    alg.update()
    chosen.clear()
    monkeypatch.setattr(alg.optimizer, "step", check_and_step)
    begin, seen = alg.student.memory, rollout(runner)
    losses = alg.update()
    assert sorted(torch.cat(chosen).tolist()) == list(range(8)) and len(checked) == 3
    assert list(losses.values()) == pytest.approx(torch.stack(checked).mean(dim=0).tolist(), rel=1e-4)


def test_mini_batch_that_saw_nothing_new_goes_by_what_it_remembers() -> None:
    """Two steps between perception steps, in which only those see that begin an episode."""
    env = FakeStudentEnv(length=7)
    env.episode_length_buf += torch.arange(8) % 7
    runner = make_runner("algorithm.params.mini_batches=8", env=env)
    rollout(runner, 2)
    runner.alg.update()
    rollout(runner, 2)
    alone = [step for step in runner.alg.storage.glimpses if step is not None and step.env_ids is not None]
    assert 0 < sum(len(step.env_ids) for step in alone) < 8
    assert all(value > 0 for value in runner.alg.update().values())


def test_learning_rate_halves() -> None:
    alg = make_runner("algorithm.params.learning_rate_half_life=100").alg
    for iteration, factor in ((0, 1.0), (100, 0.5), (250, 0.5**2.5)):
        alg.begin_iteration(iteration)
        assert alg.learning_rate == pytest.approx(1e-3 * factor)
        assert [group["lr"] for group in alg.optimizer.param_groups] == [pytest.approx(1e-3 * factor)]


def test_learning_rate_falls_along_a_cosine_over_the_run() -> None:
    sets = ("algorithm.params.learning_rate_schedule='cosine'", "algorithm.params.learning_rate_half_life=5")
    alg = make_runner(*sets).alg
    for progress, wanted in ((0.0, 1e-3), (0.5, 0.5 * (1e-3 + 1e-5)), (1.0, 1e-5), (1.3, 1e-5)):
        alg.follow(progress)
        alg.begin_iteration(40)
        assert [group["lr"] for group in alg.optimizer.param_groups] == [pytest.approx(wanted)]


def test_half_precision_is_for_gpus() -> None:
    """On a CPU the losses are those of single precision to the last bit."""
    losses = []
    for precision in ("float32", "bfloat16"):
        runner = make_runner(f"algorithm.params.image_precision='{precision}'")
        rollout(runner)
        losses.append(runner.alg.update())
    assert losses[0] == losses[1]


def test_student_with_the_small_encoder_learns() -> None:
    sets = ("policy.params.depth_encoder='depth_strided_gru'", "algorithm.params.learning_rate=3e-3")
    runner = make_runner(*sets, env=FakeStudentEnv(48, length=30), small=NETWORKS)
    losses = []
    for _ in range(20):
        rollout(runner)
        losses.append(runner.alg.update())
    first, last = (
        {k: sum(one[k] for one in part) / 5 for k in ("action", "yaw")} for part in (losses[:5], losses[-5:])
    )
    assert last["action"] < 0.9 * first["action"] and last["yaw"] < 0.8 * first["yaw"]


def test_encoder_and_actor_are_trained_and_nothing_else() -> None:
    runner = make_runner()
    alg = runner.alg
    before = {
        name: copy.deepcopy(net.state_dict()) for name, net in (("student", alg.student), ("teacher", alg.teacher))
    }
    rollout(runner)
    alg.update()
    changed = {key for key, value in alg.student.state_dict().items() if not torch.equal(before["student"][key], value)}
    kept = set(before["student"]) - changed
    assert kept and all(key.startswith("actor.estimator.") for key in kept)
    assert all(torch.equal(before["teacher"][key], value) for key, value in alg.teacher.state_dict().items())
    assert all(p.grad is None for p in alg.teacher.parameters())


def test_share_of_the_robots_goes_by_predicted_yaws_everywhere() -> None:
    env = FakeStudentEnv()
    alg = (runner := make_runner("algorithm.params.predicted_yaw_share=0.5", env=env)).alg
    seen = rollout(runner)
    stored = alg.storage.groups["yaw_valid"]
    given = torch.stack([obs["yaw_valid"] for obs in seen])
    assert (given[:, :4] == 0).any() and (stored[:, :4] == 1).all()
    assert torch.equal(stored[:, 4:], given[:, 4:])
    alg.storage.clear()
    obs = env.get_observations()
    before = obs["yaw_valid"].clone()
    with torch.inference_mode():
        alg.act(obs)
    assert torch.equal(obs["yaw_valid"], before)


def test_actor_waits_until_the_encoder_has_begun() -> None:
    alg = (runner := make_runner("algorithm.params.encoder_iterations=2")).alg
    for iteration in range(4):
        before = copy.deepcopy(alg.student.state_dict())
        rollout(runner)
        alg.begin_iteration(iteration)
        alg.update()
        changed = {key for key, value in alg.student.state_dict().items() if not torch.equal(before[key], value)}
        assert any(key.startswith("depth_encoder.") for key in changed)
        assert any(key.startswith("actor.mlp.") for key in changed) == (iteration >= 2)


def test_gradient_is_clipped_over_encoder_and_actor_together(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = make_runner("algorithm.params.max_grad_norm=0.01")
    alg, norms = runner.alg, []
    monkeypatch.setattr(
        alg.optimizer, "step", lambda: norms.append(torch.cat([p.grad.view(-1) for p in alg.trained]).norm().item())
    )
    rollout(runner)
    alg.update()
    assert norms == [pytest.approx(0.01, rel=1e-3)]


def test_teacher_acts_as_in_evaluation_bit_for_bit() -> None:
    runner = make_runner()
    alone = copy.deepcopy(runner.alg.teacher)
    assert isinstance(alone, RmaActor)
    seen = rollout(runner)
    for step, obs in enumerate(seen):
        assert torch.equal(runner.alg.storage.teacher_actions[step], alone.train().act_inference(obs))
        assert torch.equal(runner.alg.storage.teacher_actions[step], alone.eval()(obs))
    runner.alg.train_mode()
    assert not runner.alg.teacher.training and runner.alg.teacher.latent_source == "history"


def test_student_drives() -> None:
    class Listening(FakeStudentEnv):
        def step(self, actions: Tensor) -> Any:
            heard.append(actions)
            return super().step(actions)

    heard: list[Tensor] = []
    runner = make_runner(env=Listening())
    twin = copy.deepcopy(runner.alg.student).train()
    twin.follow_images(runner.env.mdp)
    seen = rollout(runner, PERIOD)
    twin._images = None
    for obs, actions in zip(seen, heard, strict=True):
        with torch.inference_mode():
            again = twin(obs)
        torch.testing.assert_close(actions, again)


def test_teacher_drives_first_if_it_is_to() -> None:
    """Its actions are those noted as wanted; the student, which looked on, learns from the rollout all the same."""

    class Listening(FakeStudentEnv):
        def step(self, actions: Tensor) -> Any:
            heard.append(actions)
            return super().step(actions)

    heard: list[Tensor] = []
    runner = make_runner("algorithm.params.teacher_iterations=2", env=Listening())
    for iteration in range(3):
        heard.clear()
        rollout(runner, PERIOD, iteration)
        wanted = runner.alg.storage.teacher_actions[:PERIOD]
        assert torch.equal(torch.stack(heard), wanted) == (iteration < 2)
        before = copy.deepcopy(runner.alg.student.state_dict())
        runner.alg.update()
        assert any(not torch.equal(before[key], value) for key, value in runner.alg.student.state_dict().items())


def test_share_of_valid_yaws_is_told() -> None:
    runner = make_runner("algorithm.params.predicted_yaw_share=0.5")
    for _ in range(2):
        seen = rollout(runner)
        runner.alg.update()
        share = torch.stack([obs["yaw_valid"] for obs in seen]).mean().item()
        assert 0.0 < share < 1.0
        assert isinstance(runner.alg, ReportsScalars)
        assert runner.alg.scalars() == {"Policy/yaw_valid": pytest.approx(share)}, "as given, not as used"


def test_memory_is_carried_from_one_update_to_the_next() -> None:
    runner = make_runner(env=FakeStudentEnv(length=100))
    rollout(runner)
    carried = runner.alg.student.memory.state
    runner.alg.update()
    assert torch.equal(runner.alg.student.memory.state, carried) and carried.abs().sum() > 0
    rollout(runner, 1)
    assert torch.equal(runner.alg.storage.memory.state, carried)


def test_images_are_stored_once_per_frame() -> None:
    runner = make_runner(env=FakeStudentEnv(length=100))
    rollout(runner)
    assert [g is not None for g in runner.alg.storage.glimpses] == [step % PERIOD == 0 for step in range(STEPS)]
    runner.alg.update()
    assert runner.alg.storage.glimpses == [] and runner.alg.storage.step == 0


@pytest.mark.parametrize("kind", ["memoryless", "unsplit"])
def test_encoders_of_other_forms_are_trained(kind: str) -> None:
    class Whole(nn.Module):
        def __init__(self, shape: tuple[int, ...], latent: int) -> None:
            super().__init__()
            self.inner = small_gru(latent)

        def initial_state(self, num_envs: int) -> Tensor:
            return self.inner.initial_state(num_envs)

        def forward(self, depth: Tensor, proprioception: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            return self.inner(depth, proprioception, state)

    if kind == "unsplit":
        # The same network in one piece gets the same gradients as in two.
        losses = []
        for factory in (lambda shape, latent: small_gru(latent), Whole):
            runner = make_runner(encoder=EncoderChoice("mine:eye", factory, 34, {}))
            losses.append([(rollout(runner), runner.alg.update())[1] for _ in range(3)])
        assert losses[0] == [pytest.approx(one, rel=1e-4) for one in losses[1]]
        return
    runner = make_runner("policy.params.depth_encoder='depth_cnn58x87'", small=NETWORKS)
    before = copy.deepcopy(runner.alg.student.depth_encoder.state_dict())
    rollout(runner)
    runner.alg.update()
    assert all(
        not torch.equal(before[key], value) for key, value in runner.alg.student.depth_encoder.state_dict().items()
    )


def test_distillation_learns_what_the_image_shows() -> None:
    runner = make_runner("algorithm.params.learning_rate=3e-3", env=FakeStudentEnv(48, length=30))
    losses = []
    for _ in range(60):
        rollout(runner)
        losses.append(runner.alg.update())
    first, last = (
        {k: sum(one[k] for one in part) / 5 for k in ("action", "yaw")} for part in (losses[:5], losses[-5:])
    )
    assert last["action"] < 0.8 * first["action"]
    assert last["yaw"] < 0.8 * first["yaw"]


def test_a_student_without_a_teacher_is_told() -> None:
    with pytest.raises(TrainingError, match="the student has no teacher"):
        rollout(make_runner(teacher=False))
