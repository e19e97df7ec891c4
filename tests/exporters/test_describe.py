"""What is drawn in simulation is one number on a robot."""

from __future__ import annotations

from parkour.exporters.describe import describe_task
from parkour.tasks import load_task
from parkour.tasks.build import observation_layout


def test_delays_that_are_drawn_are_exported_by_their_middle() -> None:
    task = load_task("go2-student", overlay="train+robust")
    described = describe_task(task, observation_layout(task), frozenset())
    (depth,) = [group for group in described["observation"].groups if group.name == "depth"]
    assert task.model.control.action_delay == (0, 2) == task.observations["depth"].kwargs["latency"]
    assert described["control"].action_delay == 1 and depth.params["latency"] == 1
    assert described["rates"].action_delay == 1 * task.model.step_dt
