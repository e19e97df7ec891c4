"""Checks of robots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch

from parkour.engines.protocol import Engine
from parkour.engines.robot_facts import EngineWithRobotFacts, RobotFacts
from parkour.errors import TaskError
from parkour.mdp.mirror import Sides
from parkour.mdp.robot import RobotLayout
from parkour.reading import read_toml
from parkour.registry import Registry, resolve_target
from parkour.specs import RobotSpec, TerrainSpec
from parkour.tasks import ResolvedTask, load_task
from parkour.tasks.robot import LAYOUT_FILE, find_robot, robot_folder
from parkour.testing.mirror import asymmetries, other_signs
from parkour.testing.subject import CheckFailed, NotChecked, Subject, expect

STANDING = 2.0
"""How long it must stand [s]."""
LOWEST, TILT = 0.5, 0.9
"""It stands while its base is above this part of the height that it is spawned at, and the cosine of its tilt above
that."""
TOUCH = 1.0
"""A force above this is a contact [N]."""
SUNK = 0.02
"""How far below the ground its feet may be spawned [m]."""
LIFTED = 0.25
"""How far above the ground its feet may be spawned [m]."""


def has_its_files(subject: Subject) -> str:
    """Its folder is there, with robot.toml and every file that it names."""
    folder = robot_folder(subject.registered.id, subject.registry)
    names = list(_files(read_toml(folder / LAYOUT_FILE)))
    missing = [name for name in names if not (folder / name).is_file()]
    expect(not missing, f"{LAYOUT_FILE} names {missing}, which are not in {folder}")
    assert isinstance(subject.spec, RobotSpec)
    made = [subject.spec.model] if subject.spec.model else []
    return ", ".join([LAYOUT_FILE, *names, *made])


def is_laid_out(subject: Subject) -> str:
    """Its robot.toml is valid: names that occur once, a number for each joint, known bodies."""
    layout = _layout(subject)
    got = layout.name
    expect(got == subject.spec.name, f"{LAYOUT_FILE}: name = {got!r}, but it is registered as {subject.spec.name!r}")
    return f"{layout.num_joints} joints, {layout.num_feet} feet, {len(layout.contact_bodies)} bodies with contacts"


def has_sound_numbers(subject: Subject) -> str:
    """Its motors' numbers make sense: above 0, and no continuous torque above that at standstill."""
    layout = _layout(subject)
    for name in ("stiffness", "effort_limit", "saturation_effort", "velocity_limit"):
        _each_above(layout, name, 0.0)
    for name in ("damping", "armature"):
        _each_above(layout, name, -1e-12)
    for joint, effort, most in zip(layout.joints, layout.effort_limit, layout.saturation_effort, strict=True):
        expect(effort <= most, f"{joint}: effort_limit {effort:g} N m is above saturation_effort {most:g} N m")
    expect(layout.base_height > 0, f"base_height = {layout.base_height:g}, expected above 0")
    return f"{max(layout.effort_limit):g} N m at most"


def names_what_the_model_has(subject: Subject) -> str:
    """The model has every joint, foot, shape and site of robot.toml, and no further shape collides."""
    facts = _facts(subject)
    left = facts.unnamed_shapes
    expect(
        not left,
        f"[collision] leaves out {', '.join(left[:4])}{' and others' if len(left) > 4 else ''}, which collide in the "
        "model: name them, or give them contype and conaffinity 0",
    )
    return f"{len(facts.joints)} joints, {len(facts.bodies)} bodies, {facts.mass:.1f} kg"


def stays_within_its_limits(subject: Subject) -> str:
    """Its default pose is within the joints' ranges, and is spawned on the ground, not in it."""
    layout, facts = _layout(subject), _facts(subject)
    for name, angle in zip(layout.joints, layout.default_joint_pos, strict=True):
        limits = facts.joints[name].limits
        expect(limits is not None, f"joint {name} has no range in the model")
        assert limits is not None
        low, high = limits
        expect(low <= angle <= high, f"joint {name}: default {angle:g} rad is outside its range, {low:g} to {high:g}")
    lowest = min(centre[2] - radius for centre, radius in facts.feet.values()) + layout.base_height
    expect(lowest > -SUNK, f"base_height {layout.base_height:g} m puts its feet {-lowest:.3f} m into the ground")
    expect(
        lowest < LIFTED,
        f"base_height {layout.base_height:g} m lets it fall: its feet are {lowest:.3f} m above the ground",
    )
    return f"feet {1000 * lowest:.0f} mm above the ground at the start"


def is_symmetric(subject: Subject) -> str:
    """Its left side mirrors its right side: feet, joints, ranges, default pose, motors and masses."""
    layout, facts = _layout(subject), _facts(subject)
    found = list(asymmetries(layout, facts))
    expect(not found, f"{found[0] if found else ''}{f' (and {len(found) - 1} more)' if len(found) > 1 else ''}")
    return f"{layout.num_joints} joints, {len(facts.bodies)} bodies"


def is_mirrored_as_it_says(subject: Subject) -> str:
    """In a mirror its joints do what opposite_joints, or else hip_joints, says: mirrored episodes go by that."""
    layout, facts = _layout(subject), _facts(subject)
    try:
        sides = Sides.of(layout)
    except TaskError as error:
        raise NotChecked(error.message) from None
    found = list(other_signs(layout, facts, sides))
    expect(not found, f"{found[0] if found else ''}{f' (and {len(found) - 1} more)' if len(found) > 1 else ''}")
    return f"{sides.joints.signs.count(-1.0)} of {layout.num_joints} joints change their sign"


def stands(subject: Subject) -> str:
    """It stands for two seconds in its default pose, on its feet alone, in every engine that runs here."""
    task = _standing_task(subject)
    engines = dict(_engines(subject))
    if not engines:
        raise NotChecked("no engine runs here")
    return "; ".join(f"{name}: {_stand(engine, task)}" for name, engine in engines.items())


def _stand(engine: Engine, task: ResolvedTask) -> str:
    env: Any = engine.make_env(task, num_envs=2, device="cpu", seed=0)
    layout = task.robot
    try:
        for step in range(round(STANDING / task.model.step_dt)):
            _, _, done, _ = env.step(torch.zeros(2, env.num_actions))
            expect(not done.any(), f"its episode ended after {(step + 1) * task.model.step_dt:.2f} s: it fell")
        ctx = env.mdp.context
        height = float((ctx.robot.base_pos[:, 2] - env.mdp.course.spawn[:, 2]).min())
        upright = float(-ctx.robot.projected_gravity[:, 2].max())
        least = LOWEST * layout.base_height
        expect(
            height > least, f"after {STANDING:g} s its base is {height:.2f} m above the ground, expected {least:.2f}"
        )
        expect(upright > TILT, f"after {STANDING:g} s it leans: the cosine of its tilt is {upright:.2f}")
        forces = ctx.contacts.body_force[:, list(layout.penalised_bodies)].norm(dim=-1).amax(dim=0)
        touching = [
            layout.contact_bodies[body]
            for body, force in zip(layout.penalised_bodies, forces.tolist(), strict=True)
            if force > TOUCH
        ]
        expect(not touching, f"after {STANDING:g} s it rests on {', '.join(touching)}, not on its feet alone")
    finally:
        env.close()
    return f"base {height:.2f} m above the ground"


def _standing_task(subject: Subject) -> ResolvedTask:
    """A built-in task with this robot on flat ground, undisturbed."""
    name, task = _plain_task(subject.registry)
    changes: dict[str, Any] = {"robot": subject.registered.id, "course.levels": 1, "course.columns": 2}
    changes["course.start_levels"] = [0, 0]
    for key, part in task.terrains.items():
        assert isinstance(part.spec, TerrainSpec)
        if not part.spec.flat:
            changes[f"terrains.{key}.share"] = 0.0
    changes |= {f"events.{key}.enabled": False for key in task.events if not key.startswith("reset")}
    return load_task(name, overlay="eval", changes=changes, registry=subject.registry)


def _plain_task(registry: Registry) -> tuple[str, ResolvedTask]:
    """The first built-in task of a teacher, which needs no camera."""
    for item in registry.specs("task"):
        if item.builtin and (task := load_task(item.id, overlay="eval", registry=registry)).model.stage == "teacher":
            return item.id, task
    raise NotChecked("no task is registered")


def _engines(subject: Subject) -> Iterator[tuple[str, Engine]]:
    """Those that can run here."""
    for item in subject.registry.specs("engine"):
        engine = cast("Engine", resolve_target(item.spec.target, owner=f"engine {item.id!r}")())
        if item.builtin and engine.availability().ok:
            yield item.spec.name, engine


def _facts(subject: Subject) -> RobotFacts:
    """What the first engine that can look finds in the model."""
    if "facts" not in subject.cache:
        looking = [engine for _, engine in _engines(subject) if isinstance(engine, EngineWithRobotFacts)]
        if not looking:
            raise NotChecked("no engine runs here that reads the model")
        subject.cache["facts"] = looking[0].robot_facts(_standing_task(subject))
    return subject.cache["facts"]


def _layout(subject: Subject) -> RobotLayout:
    return find_robot(subject.registered.id, subject.registry).layout


def _each_above(layout: RobotLayout, name: str, least: float) -> None:
    for joint, value in zip(layout.joints, getattr(layout, name), strict=True):
        if not value > least:
            raise CheckFailed(f"{joint}: {name} = {value:g}, expected {'above 0' if least == 0 else 'at least 0'}")


def _files(tables: Mapping[str, Any]) -> Iterator[str]:
    """What the key ``file`` of a table of robot.toml says."""
    for table in tables.values():
        if isinstance(table, Mapping):
            if "file" in table:
                yield str(table["file"])
            yield from _files(table)


CHECKS = (
    has_its_files,
    is_laid_out,
    has_sound_numbers,
    names_what_the_model_has,
    stays_within_its_limits,
    is_symmetric,
    is_mirrored_as_it_says,
    stands,
)
