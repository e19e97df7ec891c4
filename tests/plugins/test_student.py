"""The student: encoders, memory, what it is shown, and where the gradients of its distillation go."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest
import torch
from tensordict import TensorDict
from torch import Tensor, nn

from parkour.errors import PluginError, TaskError, TrainingError
from parkour.learning.runner import TrainingRunner
from parkour.policies.protocols import ReportsScalars
from parkour.tasks import load_task
from parkour_policies import student_gradients
from parkour_policies.depth_encoders import DepthGru, Memoryless, Unsplit, build_depth_encoder, depth_cnn, depth_gru
from parkour_policies.distillation import RmaDistillation
from parkour_policies.rma_actor import EncoderChoice, RmaActor
from parkour_policies.rma_student import field_columns, rma_student
from parkour_policies.student_model import Memory, StudentModel
from tests.learning.student_fakes import (
    FLAT,
    IMAGE,
    NETWORKS,
    NOT_FLAT,
    PERIOD,
    SMALL,
    YAWS,
    FakeStudentEnv,
    student_task,
)

STEPS = 10


def make_runner(
    *sets: str, env: FakeStudentEnv | None = None, teacher: bool = True, encoder: EncoderChoice | None = None,
    small: tuple[str, ...] = SMALL,
) -> TrainingRunner:  # fmt: skip
    torch.manual_seed(0)
    definition = rma_student(student_task(*sets, small=small))
    cfg: dict[str, Any] = {**definition.train_cfg, "num_steps_per_env": STEPS, "save_interval": 1}
    if encoder is not None:
        cfg["student"] = {**cfg["student"], "depth_encoder": encoder}
    runner = TrainingRunner(env or FakeStudentEnv(), cfg)
    if teacher:
        runner.alg.load_teacher(copy.deepcopy(runner.alg.teacher.state_dict()))
    return runner


def rollout(runner: TrainingRunner, steps: int = STEPS, iteration: int = 0) -> list[TensorDict]:
    """A rollout into the storage; what was observed before each step."""
    runner.alg.train_mode()
    runner.alg.begin_iteration(iteration)
    obs, seen = runner.env.get_observations(), []
    with torch.inference_mode():
        for _ in range(steps):
            seen.append(obs.clone())
            actions = runner.alg.act(obs)
            obs, rewards, dones, extras = runner.env.step(actions)
            runner.alg.process_env_step(obs, rewards, dones, extras)
    return seen


def numbers(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def small_gru(latent: int = 34) -> DepthGru:
    torch.manual_seed(3)
    return depth_gru((*IMAGE, 53), latent, channels=(4, 6), hidden_dim=24, memory=20)  # type: ignore[return-value]


# -- encoders --------------------------------------------------------------------------------------------------------


def test_sizes_of_the_depth_encoder_are_those_of_the_specification() -> None:
    linear = lambda *dims: sum((a + 1) * b for a, b in pairwise(dims))  # noqa: E731
    encoder: Any = depth_gru((58, 87, 53), 34)
    convolutions = (25 + 1) * 32 + (32 * 9 + 1) * 64
    # 58 x 87 → 54 x 83 → 27 x 41 → 25 x 39 pixels
    assert numbers(encoder.base_backbone) == convolutions + linear(64 * 25 * 39, 128, 32)
    assert numbers(encoder.combination_mlp) == linear(32 + 53, 128, 32)
    assert numbers(encoder.rnn) == 3 * 512 * (32 + 512 + 2)
    assert numbers(encoder.output_mlp) == linear(512, 34)
    task = load_task("go2-student")
    student: StudentModel = TrainingRunner(
        FakeStudentEnv(2, image=(58, 87)), {**rma_student(task).train_cfg, "num_steps_per_env": 1}
    ).alg.student
    assert numbers(student.depth_encoder) == numbers(encoder)
    assert numbers(student.actor.mlp) == linear(53 + 32 + 9 + 20, 512, 256, 128, 12)


def test_encoder_keeps_what_it_says_in_its_state() -> None:
    """Step by step with the state outside, it is the recurrent unit run over the whole sequence."""
    encoder, frames = small_gru(), torch.randn(7, 3, *IMAGE)
    proprioception = torch.randn(7, 3, 53)
    state, outputs = encoder.initial_state(3), []
    for image, numbers_ in zip(frames, proprioception, strict=True):
        output, state = encoder(image, numbers_, state)
        outputs.append(output)
    features = torch.stack([encoder.compress(image) for image in frames])
    joined = encoder.combination_mlp(torch.cat((features, proprioception), dim=-1))
    whole, last = encoder.rnn(joined.transpose(0, 1))
    torch.testing.assert_close(torch.stack(outputs), encoder.output_mlp(whole).transpose(0, 1))
    torch.testing.assert_close(state, last.transpose(0, 1))
    assert torch.stack(outputs).abs().max() <= 1.0


@pytest.mark.parametrize("shape", [(5, 87), (58, 9), (3, 3)])
def test_image_that_is_too_small_is_told(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=rf"{shape[0]}x{shape[1]} pixels is too small, expected at least 10x10"):
        depth_cnn(shape, 32)
    assert depth_cnn((10, 10), 32)(torch.zeros(1, 10, 10)).shape == (1, 32)


def test_third_party_encoders_are_wrapped_and_checked() -> None:
    class Plain(nn.Module):
        """Recurrent, and not split."""

        def __init__(self, shape: tuple[int, ...], latent: int) -> None:
            super().__init__()
            self.latent = latent

        def initial_state(self, num_envs: int) -> Tensor:
            return torch.zeros(num_envs, 4)

        def forward(self, depth: Tensor, proprioception: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            return torch.zeros(len(depth), self.latent), state + 1.0

    def build(factory: Any, recurrent: bool) -> nn.Module:
        return build_depth_encoder(EncoderChoice("mine:eye", factory, 6, {}), recurrent, IMAGE, 53)

    assert isinstance(build(Plain, True), Unsplit)
    assert isinstance(build(lambda shape, latent: depth_cnn(shape, latent), False), Memoryless)
    with pytest.raises(PluginError, match=r"'mine:eye' returns 2x7 and a state 2x4, expected 2x6 and 2x4"):
        build(lambda shape, latent: Plain(shape, latent + 1), True)
    with pytest.raises(PluginError, match=r"'mine:eye' cannot read images of 16x18 and 53 numbers"):
        build(lambda shape, latent: nn.Linear(5, latent), False)


# -- memory ----------------------------------------------------------------------------------------------------------


def test_what_was_seen_is_held_between_perception_steps() -> None:
    runner = make_runner(env=FakeStudentEnv(length=100))
    student, seen = runner.alg.student, []
    counted: list[int] = []
    student.encoder.base_backbone.register_forward_pre_hook(lambda module, args: counted.append(len(args[0])))
    obs = runner.env.get_observations()
    for _ in range(2 * PERIOD):
        student(obs)
        seen.append(student.memory.output)
        obs, *_ = runner.env.step(torch.zeros(8, 12))
    for step, output in enumerate(seen):
        assert torch.equal(output, seen[step - step % PERIOD])
    assert not torch.equal(seen[0], seen[PERIOD])
    assert counted == [8, 8]


def test_environment_that_begins_an_episode_sees_at_once_and_alone() -> None:
    env = FakeStudentEnv(length=100)
    runner = make_runner(env=env)
    student, counted = runner.alg.student, []
    student.encoder.base_backbone.register_forward_pre_hook(lambda module, args: counted.append(len(args[0])))
    obs = env.get_observations()
    for step in range(4):
        student(obs)
        env.episode_length_buf[2] = 99 if step == 1 else env.episode_length_buf[2]
        obs, _, dones, _ = env.step(torch.zeros(8, 12))
        student.reset(dones)
    assert dones.sum() == 0 and counted == [8, 1]


def test_reset_environment_remembers_nothing_and_others_everything() -> None:
    env = FakeStudentEnv(length=100)
    student = make_runner(env=env).alg.student
    twin = copy.deepcopy(student)
    fresh = copy.deepcopy(student)
    obs = env.get_observations()
    for step in range(2 * PERIOD):
        student(obs), twin(obs)
        if step == PERIOD - 1:
            student.reset(torch.tensor([0, 1, 0, 0, 0, 0, 0, 1]))
        if step >= PERIOD:
            fresh(obs)
        obs, *_ = env.step(torch.zeros(8, 12))
    begun = torch.tensor([1, 7])
    others = torch.tensor([0, 2, 3, 4, 5, 6])
    for part in ("state", "output"):
        mine, same, new = (getattr(model.memory, part) for model in (student, twin, fresh))
        torch.testing.assert_close(mine[others], same[others])
        torch.testing.assert_close(mine[begun], new[begun])
        assert not torch.allclose(mine[begun], same[begun])


@pytest.mark.parametrize("length", [3, 7, 100])
def test_being_told_which_images_are_new_changes_nothing_but_the_work(length: int) -> None:
    actions, memories = [], []
    for tells in (True, False):
        env = FakeStudentEnv(length=length, tells=tells)
        # Episodes of different ages, so that they end apart.
        env.episode_length_buf += torch.arange(8) % length
        runner = make_runner(env=env)
        assert (runner.alg.student._images is None) != tells
        rollout(runner, 2 * PERIOD)
        actions.append(runner.alg.storage.glimpses)
        memories.append(runner.alg.student.memory)
    torch.testing.assert_close(memories[0].output, memories[1].output)
    torch.testing.assert_close(memories[0].state, memories[1].state)
    rows = [sum(len(g.images) for g in glimpses if g is not None) for glimpses in actions]
    assert rows[0] < rows[1] == 2 * PERIOD * 8


def test_first_look_is_at_everything() -> None:
    """A policy that is loaded in the middle of an episode sees at once."""
    env = FakeStudentEnv(phase=2)
    student = make_runner(env=env).alg.student
    env.step(torch.zeros(8, 12))
    assert env.get_observations()["perception"].sum() == 0
    student(env.get_observations())
    assert (student.memory.output != 0).any(dim=-1).all()


# -- what it acts on -------------------------------------------------------------------------------------------------


def test_student_with_the_true_scan_and_yaws_is_the_teacher() -> None:
    runner = make_runner()
    student, teacher = runner.alg.student, runner.alg.teacher
    obs = FakeStudentEnv(6, seed=4).get_observations()
    truth = torch.cat((teacher.scan_encoder(obs["height_scan"]), obs["proprioception"][:, YAWS] / 1.5), dim=-1)
    invalid = torch.zeros(6, 1)
    actions = student.act(truth, obs["proprioception"], obs["proprioception_history"], invalid)
    assert torch.equal(actions, teacher.eval()(obs))
    # Predicted yaws that are right change no more than their scaling's rounding.
    predicted = student.act(truth, obs["proprioception"], obs["proprioception_history"], 1.0 - invalid)
    torch.testing.assert_close(predicted, actions)


def test_predicted_yaws_replace_true_ones_where_valid_in_training_and_everywhere_when_deployed() -> None:
    student = make_runner().alg.student
    obs = FakeStudentEnv(2, seed=4).get_observations()
    seen: list[Tensor] = []
    student.actor.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    output, valid = torch.rand(2, 34), torch.tensor([[1.0], [0.0]])
    for mode in (True, False):
        student.train(mode).act(output, obs["proprioception"], obs["proprioception_history"], valid)
    true, predicted = obs["proprioception"][:, YAWS], 1.5 * output[:, 32:]
    assert torch.equal(seen[0][:, YAWS], torch.stack((predicted[0], true[1])))
    assert torch.equal(seen[1][:, YAWS], predicted)
    others = [i for i in range(53) if i not in (6, 7)]
    assert torch.equal(seen[0][:, others], obs["proprioception"][:, others])
    for obey in (True, False):
        student.use_observed_yaw(obey)
        student.act(output, obs["proprioception"], obs["proprioception_history"], valid)
    assert torch.equal(seen[2][:, YAWS], true)
    assert torch.equal(seen[3][:, YAWS], predicted)


def test_the_heading_is_commanded_on_flat_ground_unless_the_task_says_otherwise() -> None:
    obs = FakeStudentEnv(4, seed=4).get_observations()
    output, valid = torch.rand(4, 34), torch.ones(4, 1)
    true, predicted = obs["proprioception"][:, YAWS], 1.5 * output[:, 32:]
    steered = torch.cat((predicted[:3], true[3:]))
    for sets, wanted in (((), steered), (("policy.params.steered_fields=[]",), predicted)):
        student = make_runner(*sets).alg.student
        seen: list[Tensor] = []
        student.actor.register_forward_pre_hook(lambda module, args, seen=seen: seen.append(args[0]))
        for mode in (True, False):
            student.train(mode).act(output, obs["proprioception"], obs["proprioception_history"], valid)
        assert all(torch.equal(shown[:, YAWS], wanted) for shown in seen) and len(seen) == 2
    with pytest.raises(TaskError, match=r"policy\.params\.steered_fields: .* has no field 'rough'"):
        make_runner("policy.params.steered_fields=['rough']")


def test_encoder_is_not_shown_the_yaws_nor_the_scan() -> None:
    runner = make_runner()
    obs = runner.env.get_observations()
    outputs = []
    for change in (0.0, 1.0):
        other = obs.clone()
        other["proprioception"][:, YAWS] += change
        other["height_scan"] += change
        other["privileged_explicit"] += change
        other["privileged_latent"] += change
        student = copy.deepcopy(runner.alg.student).eval()
        outputs.append((student(other), student.memory.output))
    (actions, memory), (others, other_memory) = outputs
    steered = obs["proprioception"][:, FLAT] > 0.0
    assert torch.equal(memory, other_memory) and torch.equal(actions[~steered], others[~steered])
    assert (actions[steered] != others[steered]).any(dim=-1).all() and steered.any()


def test_columns_of_the_yaws_are_found_by_name() -> None:
    task = student_task()
    assert field_columns(task, "yaw_fields", ("goal_yaw", "next_goal_yaw")) == (6, 7)
    assert field_columns(task, "yaw_fields", ("pitch",)) == (4,)
    assert field_columns(task, "steered_fields", ("not_flat", "flat")) == (NOT_FLAT, FLAT)
    with pytest.raises(TaskError, match="has no field 'heading' of one number; it has roll, pitch"):
        rma_student(student_task("policy.params.yaw_fields=['heading']"))


# -- distillation ----------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": (16 * 18,)}, "group 'depth' has shape 288, expected height x width"),
        ({"depth": (4, 5)}, r"cannot read images of 4x5 and 53 numbers: an image of 4x5 pixels is too small"),
        ({"depth": None}, "the student needs the observation groups depth"),
        ({"perception": (2,)}, "group 'perception' has shape 2, expected 1"),
        ({"proprioception_history": (531,)}, "expected a multiple of proprioception's 53"),
    ],
)
def test_groups_of_the_wrong_shape_are_told(change: dict[str, tuple[int, ...] | None], message: str) -> None:
    obs = FakeStudentEnv().get_observations().clone()
    for name, shape in change.items():
        if shape is None:
            del obs[name]
        else:
            obs[name] = torch.zeros(8, *shape)
    cfg = {key: value for key, value in rma_student(student_task()).train_cfg["student"].items() if key != "class_name"}
    with pytest.raises(PluginError, match=message):
        StudentModel(obs, {}, "student", 12, **cfg)


# -- export ----------------------------------------------------------------------------------------------------------


def test_exported_graphs_are_the_deployed_student() -> None:
    """Two graphs of plain tensors, one run at the camera's rate, over two episodes."""
    env = FakeStudentEnv(5, length=100)
    student = make_runner(env=env).alg.student.eval()
    looking, acting = student.deployed_graphs()
    assert looking.perception and not acting.perception
    obs = env.get_observations()
    state = looking.zeros(5)[2]
    latent = yaw = torch.zeros(0)
    with torch.inference_mode():
        for step in range(3 * PERIOD):
            if step == PERIOD:
                student.reset(torch.ones(5))
                state = looking.zeros(5)[2]
            if step % PERIOD == 0:
                latent, yaw, state = looking.module(obs["depth"], obs["proprioception"], state)
            actions = acting.module(obs["proprioception"], yaw, latent, obs["proprioception_history"])
            torch.testing.assert_close(actions, student(obs))
            obs, *_ = env.step(actions)


def test_ports_of_the_graphs_say_where_their_numbers_come_from() -> None:
    looking, acting = make_runner().alg.student.deployed_graphs()
    assert [(port.name, port.shape, port.source) for port in looking.inputs] == [
        ("depth", IMAGE, "group:depth"),
        ("proprioception", (53,), "group:proprioception"),
        ("state", (1, 20), "state:next_state"),
    ]
    assert [(port.name, port.source) for port in acting.inputs] == [
        ("proprioception", "group:proprioception"),
        ("yaw", "graph:depth_encoder.yaw"),
        ("scan_latent", "graph:depth_encoder.scan_latent"),
        ("history", "group:proprioception_history"),
    ]
    for graph in (looking, acting):
        outputs = graph.module(*graph.zeros(2))
        shapes = [tuple(out.shape[1:]) for out in (outputs if isinstance(outputs, tuple) else (outputs,))]
        assert shapes == [port.shape for port in graph.outputs]
