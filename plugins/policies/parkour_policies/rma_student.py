"""The student: what the task's numbers mean to the depth encoder, the depth actor and their distillation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from parkour import EncoderSpec, Params, param
from parkour.errors import ParkourError, TaskError
from parkour.mdp.mirror import Sides
from parkour.policies.definition import PolicyDefinition
from parkour.tasks.build import build_observations
from parkour.tasks.resolved import ResolvedTask
from parkour_policies.further_groups import check_further
from parkour_policies.learning_rate import Schedule
from parkour_policies.precision import Precision
from parkour_policies.rma_actor import PROPRIOCEPTION
from parkour_policies.rma_teacher import (
    RmaTeacherParams,
    all_groups,
    encoder_choice,
    groups_of_teacher,
    teacher_actor,
)
from parkour_policies.student_groups import GROUPS as STUDENT_GROUPS
from parkour_policies.student_groups import sided_groups


class RmaStudentParams(RmaTeacherParams):
    """Networks: the teacher's, which must be as it was trained, and the depth encoder."""

    depth_encoder: str = "depth_gru"
    """Encoder of the depth images; tells the scan's latent and the yaws."""
    yaw_fields: tuple[str, ...] = ("goal_yaw", "next_goal_yaw")
    """Fields of the proprioception that the encoder predicts and is not shown."""
    steered_fields: tuple[str, ...] = ("flat",)
    """Fields of the proprioception that say, by a 1, that the heading is commanded externally: the yaws are the given
    ones then, as on flat ground, where a camera sees no way points. None of them: the reference, which never goes by
    given yaws."""
    yaw_scale: float = param(1.5, unit="rad", ge=0.0, le=3.1416, doc="Yaw for an encoder's output of 1.")


class DistillationParams(Params):
    """DAgger; a student task's ``[algorithm.params]``."""

    learning_rate: float = param(1e-3, ge=0, le=1, doc="Learning rate of depth actor and encoder (Adam).")
    max_grad_norm: float = param(1.0, ge=0, le=1000, doc="Bound on the norm of both gradients together.")
    epochs: int = param(1, ge=1, le=1000, doc="Times that each rollout is gone through.")
    mini_batches: int = param(
        1, ge=1, le=100_000, doc="Parts of the environments, each with a gradient step of its own."
    )
    learning_rate_schedule: Schedule = "half_life"
    """How the learning rate falls: by half every ``learning_rate_half_life`` iterations, or along half a cosine over
    the run, whose length is its time limit or its number of iterations, whichever comes first."""
    learning_rate_half_life: int = param(
        0, ge=0, le=100_000_000, doc="Iterations in which the learning rate halves; 0: it stays as it is."
    )
    learning_rate_end: float = param(1e-5, ge=0, le=1, doc="Learning rate at the end of the cosine.")
    latent_coefficient: float = param(
        0.0,
        ge=0,
        le=1000,
        doc="Weight of the distance between the encoder's scan latent and the teacher's; 0: no such loss.",
    )
    encoder_iterations: int = param(
        0, ge=0, le=100_000_000, doc="First iterations, in which the actor stays the teacher's."
    )
    teacher_iterations: int = param(
        0, ge=0, le=100_000_000, doc="First iterations, in which the teacher's actions drive the robots."
    )
    predicted_yaw_share: float = param(
        0.0, ge=0, le=1, doc="Share of the environments in which predicted yaws count everywhere, as on a robot."
    )
    mirrored_share: float = param(
        0.0,
        ge=0,
        le=1,
        doc="Share of the episodes that the student lives in a mirror, left and right exchanged, drawn as each begins; "
        "0.5 favours no side.",
    )
    image_block: int = param(1024, ge=1, le=1_000_000, doc="Images that go through the encoder at a time in an update.")
    image_precision: Precision = "float32"
    """Of the encoder's part that sees images, in updates on a GPU; weights, everything else and all that is evaluated
    or exported are float32."""


def rma_student(task: ResolvedTask) -> PolicyDefinition:
    """Networks and algorithm of the student for ``task``.

    Raises:
        TaskError: a number out of bounds, or the proprioception has no such fields.
    """
    params: RmaStudentParams = task.policy.params or RmaStudentParams()
    numbers: DistillationParams = task.algorithm or DistillationParams()
    groups = groups_of_student(params)
    sided = sided_groups(params.actor_groups, numbers.latent_coefficient)
    return PolicyDefinition(
        runner="parkour.learning.runner:TrainingRunner",
        groups=all_groups(groups),
        train_cfg={
            "student": student_network(task, params),
            "teacher": teacher_actor(task, params),
            "algorithm": {"class_name": "parkour_policies.distillation:RmaDistillation", **numbers.model_dump()},
            "obs_groups": groups,
        },
        check_training=mirror_check(task, numbers, sided),
    )


def mirror_check(task: ResolvedTask, numbers: DistillationParams, groups: Sequence[str]) -> Callable[[], None] | None:
    """Tries whether robot and observation groups can be mirrored, if they are to be."""
    share = numbers.mirrored_share

    def check() -> None:
        try:
            build_observations(task, num_envs=1, device="cpu").mirrors(groups, Sides.of(task.robot))
        except ParkourError as error:
            raise TaskError(f"algorithm.params.mirrored_share={share:g}: {error.message}", hint=error.hint) from error

    return check if share > 0.0 else None


def groups_of_student(params: RmaStudentParams) -> dict[str, list[str]]:
    """What teacher and student read.

    Raises:
        TaskError: a further group is read anyway.
    """
    check_further("actor_groups", params.actor_groups, STUDENT_GROUPS)
    return {"teacher": groups_of_teacher(params)["actor"], "student": [*STUDENT_GROUPS, *params.actor_groups]}


def student_network(task: ResolvedTask, params: RmaStudentParams) -> dict[str, Any]:
    """Configuration of the student's network.

    Raises:
        TaskError: the proprioception has no such fields.
    """
    depth_encoder = encoder_choice(task, "depth_encoder", params.scan_latent + len(params.yaw_fields))
    spec = task.encoders["depth_encoder"].spec
    return {
        "class_name": "parkour_policies.student_model:StudentModel",
        "depth_encoder": depth_encoder,
        "recurrent": isinstance(spec, EncoderSpec) and spec.recurrent,
        "history_encoder": encoder_choice(task, "history_encoder", params.privileged_latent),
        "scan_latent": params.scan_latent,
        "further": params.actor_groups,
        "yaw_columns": field_columns(task, "yaw_fields", params.yaw_fields),
        "steered_columns": field_columns(task, "steered_fields", params.steered_fields),
        "yaw_scale": params.yaw_scale,
        "estimator_dims": list(params.estimator_dims),
        "hidden_dims": list(params.hidden_dims),
        "activation": params.activation,
    }


def field_columns(task: ResolvedTask, param: str, names: tuple[str, ...]) -> tuple[int, ...]:
    """Where the fields ``names``, which ``policy.params`` has under ``param``, are in the task's proprioception.

    Raises:
        TaskError: it has no such field, or one of several numbers.
    """
    if PROPRIOCEPTION not in task.observations:
        return ()  # The missing group is told by whoever asked for the definition.
    part = task.observations[PROPRIOCEPTION]
    fields = part.target(1, "cpu", task.robot, **part.kwargs).layout()
    starts: dict[str, int] = {}
    column = 0
    for field in fields:
        if field.size == 1:
            starts[field.name] = column
        column += field.size
    if missing := [name for name in names if name not in starts]:
        raise TaskError(
            f"policy.params.{param}: {part.id} has no field {missing[0]!r} of one number; it has {', '.join(starts)}"
        )
    return tuple(starts[name] for name in names)
