"""Registers the built-in tasks."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import TaskAlias, TaskSpec, hookimpl

PARKOUR_API = "1.1"


def _earlier_ids(robot_task: str) -> tuple[TaskAlias, ...]:
    """The legacy ids of the same task."""
    stem = f"Isaac-Extreme-Parkour-{robot_task}"
    return (
        TaskAlias(name=f"{stem}-v0", overlay="train"),
        TaskAlias(name=f"{stem}-Play-v0", overlay="play"),
        TaskAlias(name=f"{stem}-Eval-v0", overlay="eval"),
    )


@hookimpl
def register_tasks() -> Iterable[TaskSpec]:
    yield TaskSpec(
        name="go2-teacher",
        summary="Unitree Go2, obstacle courses, height scan and privileged state (PPO + RMA)",
        target="parkour_tasks:go2_teacher.toml",
        aliases=_earlier_ids("Teacher-Unitree-Go2"),
    )
    yield TaskSpec(
        name="go2-teacher-crawl",
        summary="Unitree Go2, obstacle courses and bars to crawl under, scans of ground and ceiling (PPO + RMA)",
        target="parkour_tasks:go2_teacher_crawl.toml",
    )
    yield TaskSpec(
        name="go2-student",
        summary="Unitree Go2, obstacle courses, depth camera (distilled from a teacher)",
        target="parkour_tasks:go2_student.toml",
        aliases=_earlier_ids("Student-Unitree-Go2"),
    )
    yield TaskSpec(
        name="go2-student-rl",
        summary="Unitree Go2, obstacle courses, depth camera (a distilled student, trained on by PPO)",
        target="parkour_tasks:go2_student_rl.toml",
    )
