"""Under what the teacher is scored: on the robot and on the courses of its student.

How a teacher walks where actions act at once, on courses of its own, says little of how well it can be imitated where
they act 20 ms later and obstacles are others: its gate would let through what no student can learn from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parkour.pipeline.settings import PipelineSettings
from parkour.tasks.change_text import write_value

if TYPE_CHECKING:
    from parkour.evaluation.protocol import EvaluationProtocol
    from parkour.tasks import ResolvedTask


def teacher_conditions(settings: PipelineSettings) -> list[str]:
    """Arguments of ``parkour eval`` that put the teacher on the robot and the courses of its student.

    Terrains that the teacher's task does not have are left out.

    Raises:
        ParkourError: there is no such task, or a change does not fit it.
    """
    # Imports torch, for which --help need not wait.
    from parkour.evaluation.evaluate import EvaluationOptions
    from parkour.evaluation.protocol import find_protocol, nominal, unlike_conditions
    from parkour.tasks import load_task

    protocol = find_protocol(EvaluationOptions().protocol)
    of_teacher, of_student = ({**changes, **protocol.changes} for changes in settings.changes())
    teacher = load_task(settings.teacher_task, overlay=protocol.overlay, changes=of_teacher)
    student = nominal(load_task(settings.student_task, overlay=protocol.overlay, changes=of_student))
    terrains = [name for name in student.terrains if name in teacher.model.terrains]
    wanted = {
        f'terrains."{name}".{key}': value for name in terrains for key, value in (("enabled", True), ("share", 1.0))
    }
    there = nominal(load_task(settings.teacher_task, overlay=protocol.overlay, changes=of_teacher | wanted))
    differ = {path: value for path, (_, value) in unlike_conditions(there, student).items()}
    differ |= _unlike_courses(there, student, terrains, protocol)
    only = [] if set(terrains) == set(teacher.terrains) else [part for name in terrains for part in ("--terrain", name)]
    sets = [f"{path}={write_value(value)}" for path, value in sorted(differ.items()) if value is not None]
    return [*only, *(part for text in sets for part in ("--set", text))]


def _unlike_courses(
    teacher: ResolvedTask, student: ResolvedTask, terrains: list[str], protocol: EvaluationProtocol
) -> dict[str, Any]:
    """The student's numbers of its courses, by their paths, where the teacher's are others; not what the protocol
    says."""
    said = {"difficulty_range"} if protocol.difficulty is not None else set[str]()
    said |= {"columns"} if protocol.equal_shares else set[str]()
    ours, theirs = (_courses(task, terrains, said) for task in (teacher, student))
    return {path: value for path, value in theirs.items() if value != ours.get(path)}


def _courses(task: ResolvedTask, terrains: list[str], said: set[str]) -> dict[str, Any]:
    """Numbers of these terrains, and of the course but for what is said, by their paths."""
    from parkour.tasks.changes import join_path

    course = task.model.course.model_dump(mode="json", exclude=said)
    found = {join_path(("course", key)): value for key, value in course.items()}
    for name in terrains:
        part = task.terrains[name]
        numbers = {} if part.params is None else part.params.model_dump(mode="json")
        found[join_path(("terrains", name, "use"))] = part.id
        found |= {join_path(("terrains", name, "params", key)): value for key, value in numbers.items()}
    return found
