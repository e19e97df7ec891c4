"""The teacher of a pipeline: in two parts, and scored on the robot and the courses of its student."""

from __future__ import annotations

from typing import Any

import pytest

from parkour.evaluation.protocol import TaskChanges, evaluation_task, find_protocol
from parkour.pipeline.conditions import teacher_conditions
from parkour.pipeline.settings import PipelineSettings
from parkour.policies.source import PolicySource, load_weights
from parkour.tasks.change_text import read_settings
from tests.pipeline.fakes import DONE, NAMES, Fake, begins, option


def conditions(**settings: Any) -> tuple[set[str], dict[str, str]]:
    """The terrains on which the teacher is scored, and what is changed of its task there, by path."""
    words = teacher_conditions(PipelineSettings("go2", **settings))
    pairs = list(zip(words[::2], words[1::2], strict=True))
    assert {option for option, _ in pairs} <= {"--terrain", "--set"}
    changes = (text.split("=", 1) for option, text in pairs if option == "--set")
    return {name for option, name in pairs if option == "--terrain"}, dict(changes)


def test_teacher_is_scored_on_the_robot_and_the_courses_of_its_student(fake: Fake) -> None:
    fake.run()
    score, *others = [call for call in fake.calls() if call[0] == "eval"]
    words = teacher_conditions(fake.settings)
    assert words and score[3 : 3 + len(words)] == words
    assert not any(word in call for call in others for word in ("--set", "--terrain"))
    terrains, changes = conditions()
    assert terrains == {"gap", "hurdle", "step", "tilt", "flat", "demo"}
    narrow = {f"terrains.{name}.params.lateral_offset": "[-0.1, 0.1]" for name in ("gap", "hurdle", "step", "flat")}
    assert changes == {"control.action_delay": "1", **narrow}


@pytest.mark.parametrize(
    ("settings", "more", "not_there"),
    [
        ({"student_changes": ("control.action_delay=[2, 4]",)}, {"control.action_delay": "3"}, ()),
        ({"teacher_changes": ("control.action_delay=1",)}, {}, ("control.action_delay",)),
        (
            {"student_changes": ("command.speed=[0.4, 0.9]", "events.friction.params.range=[0.3,0.5]")},
            {"events.friction.params.range": "[0.3, 0.5]"},
            ("command.speed",),  # The protocol says it.
        ),
        (
            {"student_changes": ("course.levels=3", "course.length=15.0", "terrains.demo.params.run_out=0.5")},
            {"course.length": "15.0", "terrains.demo.params.run_out": "0.5"},
            ("course.levels", "course.columns"),  # The protocol says these.
        ),
    ],
)
def test_what_the_student_meets_otherwise_its_teacher_meets_too(
    settings: dict[str, Any], more: dict[str, str], not_there: tuple[str, ...]
) -> None:
    _, changes = conditions(**settings)
    assert changes.items() >= more.items() and not changes.keys() & set(not_there)


def test_terrains_that_the_student_does_not_meet_do_not_count() -> None:
    off = tuple(f"terrains.{name}.share=0" for name in ("demo", "tilt"))
    assert conditions(student_changes=off)[0] == {"gap", "hurdle", "step", "flat"}
    # Neither does the teacher's task have to be told of those that it has by itself.
    assert conditions(student_changes=("terrains.demo.share=0",))[0] == set()


@pytest.mark.parametrize("changes", [(), ("course.length=15.0", "terrains.tilt.params.rise=[0.0,0.2]")])
def test_evaluation_under_the_conditions_has_the_courses_of_the_student(changes: tuple[str, ...]) -> None:
    """The real command, up to what it would evaluate, against what the student's evaluation would be of."""
    words, protocol = teacher_conditions(PipelineSettings("go2", student_changes=changes)), find_protocol("course")
    pairs = list(zip(words[::2], words[1::2], strict=True))
    asked = TaskChanges(
        terrains=[text for option, text in pairs if option == "--terrain"],
        changes=read_settings(text for option, text in pairs if option == "--set"),
    )
    teacher = evaluation_task(load_weights(PolicySource(task="go2-teacher", pretrained=True)), protocol, asked)
    of_student = TaskChanges(changes=read_settings(changes))
    student = evaluation_task(load_weights(PolicySource(task="go2-student", pretrained=True)), protocol, of_student)
    assert teacher.model.course == student.model.course and teacher.model.control == student.model.control
    ours, theirs = (
        {name: (part.id, part.params, task.model.terrains[name].share) for name, part in task.terrains.items()}
        for task in (teacher, student)
    )
    assert ours == theirs


def test_a_teacher_walks_before_it_meets_what_its_student_will(fake: Fake) -> None:
    two = {"body": True, "first_share": 0.6}
    outcome, notes = fake.run(**two)
    calls, results = fake.calls(), {name: record.result for name, record in outcome.records.items()}
    assert begins([calls[0], *calls[2:]]) == DONE
    assert [name for name, _ in notes.ended] == ["teacher", "robust-teacher", *NAMES[1:]]
    first, second, score, student = calls[:4]
    assert option(first, "--overlay") == "pipeline" and "--checkpoint" not in first
    assert option(second, "--overlay") == "pipeline+finetune+robust" and second[1] == first[1]
    assert option(second, "--checkpoint") == results["teacher"]["checkpoint"]
    assert float(option(first, "--time-limit")) == pytest.approx(0.6 * 0.33 * 15.0, rel=1e-3)
    assert float(option(second, "--time-limit")) == pytest.approx(0.4 * 0.33 * 15.0, rel=1e-3)
    # The one that is scored, and taught from, is the second.
    assert option(score, "--checkpoint") == option(student, "--checkpoint") == results["robust-teacher"]["checkpoint"]
    assert "robust-teacher" in fake.report()
    # More minutes for both: the second part begins anew, behind another first one.
    outcome, _ = fake.run(**two, minutes=30.0)
    first, second = fake.calls()[:2]
    assert "--resume" in first and option(second, "--checkpoint") == outcome.records["teacher"].result["checkpoint"]
