"""The Go1's model: mjlab's, made fit for robot.toml. Imports mujoco when it is called."""

from importlib.util import find_spec
from pathlib import Path

from parkour import ParkourError

LEGS = ("FL", "FR", "RL", "RR")
TRUNK_RADIUS, TRUNK_SIDE, TRUNK_HALF = 0.05, 0.04, 0.08
"""The trunk's box, 0.26 x 0.18 x 0.1 m, as two capsules side by side: radius, offset along y, half length [m]."""


def find_go1() -> Path:
    """mjlab's file. mjlab itself is not imported, which takes seconds."""
    found = find_spec("mjlab")
    if found is None or not found.submodule_search_locations:
        raise ParkourError("robot 'go1' takes its model from mjlab, which is not installed", hint="pip install mjlab")
    file = Path(found.submodule_search_locations[0], "asset_zoo", "robots", "unitree_go1", "xmls", "go1.xml")
    if not file.is_file():
        raise ParkourError(f"robot 'go1': this mjlab has no {file.name}", hint="pip install 'parkour-lab[mujoco]'")
    return file


def make_go1() -> str:
    """The model as MJCF."""
    import mujoco

    file = find_go1()
    spec = mujoco.MjSpec.from_file(str(file))
    spec.meshdir = str(file.parent / "assets")
    # The engine looks and measures itself.
    for part in (*spec.sensors, *spec.cameras, *spec.lights):
        spec.delete(part)
    box = spec.geom("trunk_collision")
    for name, side in (("trunk_left", TRUNK_SIDE), ("trunk_right", -TRUNK_SIDE)):
        spec.body("trunk").add_geom(
            name=f"{name}_collision",
            type=mujoco.mjtGeom.mjGEOM_CAPSULE,
            size=[TRUNK_RADIUS, 0.0, 0.0],
            fromto=[-TRUNK_HALF, side, 0.0, TRUNK_HALF, side, 0.0],
            group=box.group,
            contype=1,
            mass=0.0,
        )
    spec.delete(box)
    for leg in LEGS:
        spec.site(leg).name = f"{leg}_foot"
    spec.compile()
    return spec.to_xml()
