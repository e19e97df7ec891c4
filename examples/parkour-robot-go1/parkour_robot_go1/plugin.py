"""What this plugin registers. Every command imports this module, so it imports nothing but specs."""

from collections.abc import Iterable

from parkour import RobotSpec, TaskSpec, hookimpl

PARKOUR_API = "1.1"


@hookimpl
def register_robots() -> Iterable[RobotSpec]:
    yield RobotSpec(
        name="go1",
        summary="Unitree Go1: 12 joints, 12.7 kg",
        target="parkour_robot_go1:go1",
        model="parkour_robot_go1.model:make_go1",
        model_version="1",
        source="go1.xml of mjlab, from MuJoCo Menagerie",
    )


@hookimpl
def register_tasks() -> Iterable[TaskSpec]:
    yield TaskSpec(
        name="go1-teacher",
        summary="Unitree Go1, obstacle courses, privileged height scan",
        target="parkour_robot_go1:go1_teacher.toml",
    )
