"""Whether a robot's left side mirrors its right side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from parkour.engines.robot_facts import RobotFacts, Vector
from parkour.mdp.mirror import Sides
from parkour.mdp.robot import RobotLayout

CLOSE = 0.01
"""What is this near to where its mirror image should be is that [m]."""
ALIKE = 0.02
"""Masses and numbers of motors may differ by this part."""
ANGLE = 0.01
"""Default pose and ranges may differ by this [rad]."""
MOTOR = ("stiffness", "damping", "effort_limit", "saturation_effort", "velocity_limit", "armature")


def asymmetries(layout: RobotLayout, facts: RobotFacts) -> Iterator[str]:
    """What on one side has no counterpart on the other, in the default pose; a line each.

    Sides are told by place, not by name: forward is x, left is y.
    """
    feet = {name: centre for name, (centre, _) in facts.feet.items()}
    for name in feet:
        if _image(name, feet) is None:
            yield f"foot {name} is at {_text(feet[name])} in the default pose, and none mirrors it"
    anchors = {name: joint.anchor for name, joint in facts.joints.items()}
    for name in layout.joints:
        other = _image(name, anchors, {n: tuple(map(abs, joint.axis)) for n, joint in facts.joints.items()})
        if other is None:
            yield f"joint {name} is at {_text(anchors[name])} in the default pose, and none mirrors it"
        else:
            yield from _unlike_joints(layout, facts, name, other)
    places = {name: body.com for name, body in facts.bodies.items()}
    for name, body in facts.bodies.items():
        if abs(body.com[1]) < CLOSE:
            continue
        other = _image(name, places)
        if other is None:
            yield f"body {name} has its centre at {_text(body.com)}, and none mirrors it"
        elif not math.isclose(body.mass, facts.bodies[other].mass, rel_tol=ALIKE):
            yield f"body {name} weighs {body.mass:.3g} kg, {other} {facts.bodies[other].mass:.3g} kg"


def _unlike_joints(layout: RobotLayout, facts: RobotFacts, name: str, other: str) -> Iterator[str]:
    mine, its = layout.joints.index(name), layout.joints.index(other)
    for field in MOTOR:
        a, b = getattr(layout, field)[mine], getattr(layout, field)[its]
        if not math.isclose(a, b, rel_tol=ALIKE, abs_tol=1e-9):
            yield f"{field} of {name} is {a:g}, of {other} {b:g}"
    sign = _sign(facts, name, other)
    a, b = layout.default_joint_pos[mine], sign * layout.default_joint_pos[its]
    if abs(a - b) > ANGLE:
        yield f"default_joint_pos of {name} is {a:g} rad, expected {b:g} by that of {other}"
    own, mirrored = facts.joints[name].limits, facts.joints[other].limits
    if own is not None and mirrored is not None:
        low, high = sorted(sign * limit for limit in mirrored)
        if abs(own[0] - low) > ANGLE or abs(own[1] - high) > ANGLE:
            yield f"joint {name} ranges over {own[0]:g} to {own[1]:g} rad, expected {low:g} to {high:g} by {other}"


def other_signs(layout: RobotLayout, facts: RobotFacts, sides: Sides) -> Iterator[str]:
    """Joints whose angle does something else in a mirror than ``sides`` says; a line each."""
    for name, its, said in zip(layout.joints, sides.joints.order, sides.joints.signs, strict=True):
        other = layout.joints[its]
        if (sign := _sign(facts, name, other)) != said:
            does, needs = ("changes its sign", "with") if sign < 0 else ("keeps its sign", "without")
            yield f"joint {name} {does} as it becomes {other} in a mirror: robot.toml needs opposite_joints {needs} it"


def _sign(facts: RobotFacts, name: str, other: str) -> float:
    """What becomes of an angle's sign in a mirror, where one joint becomes the other.

    A turn about x or z goes the other way in the mirror, one about y the same way.
    """
    x, y, z = facts.joints[name].axis
    its = facts.joints[other].axis
    return 1.0 if -x * its[0] + y * its[1] - z * its[2] > 0 else -1.0


def _image(name: str, places: Mapping[str, Vector], more: Mapping[str, tuple[float, ...]] | None = None) -> str | None:
    """Who is where the mirror image of ``name`` would be; ``more`` must be alike too."""
    x, y, z = places[name]
    near = [
        other
        for other, place in places.items()
        if math.dist((x, -y, z), place) < CLOSE and (more is None or math.dist(more[name], more[other]) < 0.1)
    ]
    return min(near, key=lambda other: math.dist((x, -y, z), places[other])) if near else None


def _text(place: Vector) -> str:
    return f"({place[0]:.3f}, {place[1]:.3f}, {place[2]:.3f})"
