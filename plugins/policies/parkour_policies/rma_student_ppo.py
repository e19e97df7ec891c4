"""Reinforcement learning of a student: what the task's numbers mean to it."""

from __future__ import annotations

from typing import Annotated

from parkour import param
from parkour.params import within
from parkour.policies.definition import PolicyDefinition
from parkour.tasks.resolved import ResolvedTask
from parkour_policies.rma_student import (
    DistillationParams,
    RmaStudentParams,
    groups_of_student,
    mirror_check,
    student_network,
)
from parkour_policies.rma_teacher import all_groups, critic_network, groups_of_teacher, teacher_actor
from parkour_policies.student_groups import sided_groups


class StudentPpoParams(DistillationParams):
    """PPO and the teacher's guidance; ``[algorithm.params]`` of a student's task with ``rma-student-ppo``."""

    learning_rate: float = param(2e-4, ge=0, le=1, doc="Highest learning rate of student and critic (Adam).")
    desired_kl: float = param(
        0.01,
        ge=0,
        le=1e9,
        doc="KL divergence in an update that the learning rate adapts to; 0: it follows its schedule.",
    )
    epochs: int = param(4, ge=1, le=1000, doc="Times that each rollout is gone through.")
    mini_batches: int = param(
        4, ge=1, le=100_000, doc="Parts of the environments, each with a gradient step of its own."
    )
    predicted_yaw_share: float = param(
        1.0, ge=0, le=1, doc="Share of the environments in which predicted yaws count everywhere, as on a robot."
    )
    action_std: float = param(0.3, ge=1e-3, le=100, doc="First standard deviation of every action.")
    gamma: float = param(0.99, ge=0, le=1, doc="Discount per control step.")
    lam: float = param(0.95, ge=0, le=1, doc="Decay of generalised advantage estimation.")
    clip: float = param(0.2, ge=0, le=1000, doc="Clip of the probability ratio and of the value's change.")
    entropy: float = param(0.0, ge=0, le=1000, doc="Weight of the entropy bonus.")
    value_loss: float = param(1.0, ge=0, le=1000, doc="Weight of the value loss.")
    imitation: Annotated[tuple[float, float], within(0.0, 1000.0)] = (1.0, 0.1)
    """Weight of the distance to the teacher's actions (and latents) at the beginning and at the end of the run, whose
    length is its time limit or its number of iterations, whichever comes first; linear in between."""
    critic_iterations: int = param(
        5, ge=0, le=100_000_000, doc="First iterations, in which rewards train the critic alone."
    )


def rma_student_ppo(task: ResolvedTask) -> PolicyDefinition:
    """Networks and algorithm of the student for ``task``.

    Raises:
        TaskError: a number out of bounds, or the proprioception has no such fields.
    """
    params: RmaStudentParams = task.policy.params or RmaStudentParams()
    numbers: StudentPpoParams = task.algorithm or StudentPpoParams()
    groups = {**groups_of_student(params), "critic": groups_of_teacher(params)["critic"]}
    sided = sided_groups([*params.actor_groups, *groups["critic"]], numbers.latent_coefficient)
    return PolicyDefinition(
        runner="parkour.learning.runner:TrainingRunner",
        groups=all_groups(groups),
        train_cfg={
            "student": student_network(task, params),
            "teacher": teacher_actor(task, params),
            "critic": critic_network(params),
            "algorithm": {"class_name": "parkour_policies.student_ppo:RmaStudentPPO", **numbers.model_dump()},
            "obs_groups": groups,
        },
        check_training=mirror_check(task, numbers, sided),
    )
