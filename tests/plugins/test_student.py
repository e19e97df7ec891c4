"""The student: memory, what it acts on, and what of it is exported."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from parkour.errors import PluginError, TaskError
from parkour_policies.rma_student import field_columns, rma_student
from parkour_policies.student_model import StudentModel
from tests.learning.student_fakes import (
    FLAT,
    IMAGE,
    NOT_FLAT,
    PERIOD,
    YAWS,
    FakeStudentEnv,
    student_task,
)
from tests.plugins.student_runs import make_runner, rollout

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
