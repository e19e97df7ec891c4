"""A robot's MJCF, read and held against ``robot.toml``. Imports mujoco alone."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import mujoco

from parkour.errors import EngineError
from parkour.mdp.robot import RobotLayout
from parkour_mujoco.robot_files import RobotFiles


def read_model(files: RobotFiles, layout: RobotLayout) -> mujoco.MjSpec:
    """The robot of a model. Motors, sensors, poses, ground and ``<option>`` of the file are left out: engines bring
    their own.

    Raises:
        EngineError: MuJoCo cannot read it, or it is not what ``robot.toml`` says.
    """
    try:
        if isinstance(files.model, str):
            spec = mujoco.MjSpec.from_string(files.model)
        else:
            spec = mujoco.MjSpec.from_file(str(files.model))
    except ValueError as error:
        raise _unreadable(layout, error) from None
    for part in (*spec.sensors, *spec.keys, *spec.actuators, *spec.worldbody.geoms):
        spec.delete(part)
    # The engine's own rule; left in, MuJoCo would warn of each, and plain C MuJoCo keep what the worlds have not.
    spec.option = mujoco.MjSpec().option
    _check_names(spec, files, layout)
    _check_joints(spec, files, layout)
    return spec


def compile_model(spec: mujoco.MjSpec, layout: RobotLayout) -> mujoco.MjModel:
    """The model of a scene with this robot in it.

    Raises:
        EngineError: MuJoCo refuses it: a body without a mass, a mesh whose file is not there.
    """
    try:
        return spec.compile()
    except ValueError as error:
        raise _unreadable(layout, error) from None


def _unreadable(layout: RobotLayout, error: ValueError) -> EngineError:
    return EngineError(f"robot {layout.name!r}: its model: {' '.join(str(error).split())}")


def _check_names(spec: mujoco.MjSpec, files: RobotFiles, layout: RobotLayout) -> None:
    """Whether the model has every name of ``robot.toml``; the first that it lacks, with the nearest that it has."""
    wanted: dict[str, tuple[Sequence[str], Iterable[Any]]] = {
        "joint": (layout.joints, spec.joints),
        "body": ([files.base_body], spec.bodies),
        "shape": (files.contact_geoms, spec.geoms),
        "site": (layout.feet, spec.sites),
    }
    for what, (names, parts) in wanted.items():
        known = [part.name for part in parts if part.name]
        for name in names:
            if name not in known:
                lacks = f"its model has no {what} {name!r}, which robot.toml names"
                near = get_close_matches(name, known, n=1)
                told = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known[:8]) or 'none'}"
                raise EngineError(f"robot {layout.name!r}: {lacks}; {told}")
    if len(files.collision_geoms) < len(files.contact_geoms):
        twice = next(name for name in files.contact_geoms if files.contact_geoms.count(name) > 1)
        raise EngineError(f"robot {layout.name!r}: robot.toml: [collision] names the shape {twice!r} twice")


def _check_joints(spec: mujoco.MjSpec, files: RobotFiles, layout: RobotLayout) -> None:
    """Whether the base alone moves freely, and the joints of ``robot.toml`` are hinges, which is what motors turn."""
    free = [joint.parent.name for joint in spec.joints if joint.type == mujoco.mjtJoint.mjJNT_FREE]
    if files.base_body not in free:
        has = f"; {free[0]!r} has one" if free else ""
        raise EngineError(f"robot {layout.name!r}: its body {files.base_body!r} has no free joint{has}")
    if len(free) > 1:
        others = ", ".join(repr(name) for name in free if name != files.base_body)
        raise EngineError(f"robot {layout.name!r}: its model has free joints besides the base's: of {others}")
    for name in layout.joints:
        kind = spec.joint(name).type
        if kind != mujoco.mjtJoint.mjJNT_HINGE:
            got = kind.name.removeprefix("mjJNT_").lower()
            raise EngineError(f"robot {layout.name!r}: its joint {name!r} is of type {got}, expected hinge")
