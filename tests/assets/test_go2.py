"""The Go2's model against the manufacturer's figures, typed here a second time."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pytest

from parkour_assets import robot_dir

pytestmark = pytest.mark.mujoco

LEGS = ("FL", "FR", "RL", "RR")

# body | position | mass | centre of mass | principal quaternion | principal inertia
BODIES = """
base_link | 0 0 0.445         | 6.921    | 0.021112 0 -0.005366            | -0.000543 0.713435 -0.001738 0.700719 | 0.107027 0.0980771 0.0244531
FL_hip    | 0.1934 0.0465 0   | 0.678    | -0.0054 0.00194 -0.000105       | 0.497014 0.499245 0.505462 0.498237   | 0.00088403 0.000596003 0.000479967
FL_thigh  | 0 0.0955 0        | 1.152    | -0.00374 -0.0223 -0.0327        | 0.829533 0.084763 -0.020063 0.551623  | 0.00594973 0.00584149 0.000878787
FL_calf   | 0 0 -0.213        | 0.241352 | 0.00629595 -0.000622121 -0.141417 | 0.710672 0.001541 -0.004501 0.703508 | 0.0014901 0.00146356 5.31397e-05
FR_hip    | 0.1934 -0.0465 0  | 0.678    | -0.0054 -0.00194 -0.000105      | 0.498237 0.505462 0.499245 0.497014   | 0.00088403 0.000596003 0.000479967
FR_thigh  | 0 -0.0955 0       | 1.152    | -0.00374 0.0223 -0.0327         | 0.551623 -0.020063 0.084763 0.829533  | 0.00594973 0.00584149 0.000878787
FR_calf   | 0 0 -0.213        | 0.241352 | 0.00629595 0.000622121 -0.141417 | 0.703508 -0.004501 0.001541 0.710672 | 0.0014901 0.00146356 5.31397e-05
RL_hip    | -0.1934 0.0465 0  | 0.678    | 0.0054 0.00194 -0.000105        | 0.505462 0.498237 0.497014 0.499245   | 0.00088403 0.000596003 0.000479967
RL_thigh  | 0 0.0955 0        | 1.152    | -0.00374 -0.0223 -0.0327        | 0.829533 0.084763 -0.020063 0.551623  | 0.00594973 0.00584149 0.000878787
RL_calf   | 0 0 -0.213        | 0.241352 | 0.00629595 -0.000622121 -0.141417 | 0.710672 0.001541 -0.004501 0.703508 | 0.0014901 0.00146356 5.31397e-05
RR_hip    | -0.1934 -0.0465 0 | 0.678    | 0.0054 -0.00194 -0.000105       | 0.499245 0.497014 0.498237 0.505462   | 0.00088403 0.000596003 0.000479967
RR_thigh  | 0 -0.0955 0       | 1.152    | -0.00374 0.0223 -0.0327         | 0.551623 -0.020063 0.084763 0.829533  | 0.00594973 0.00584149 0.000878787
RR_calf   | 0 0 -0.213        | 0.241352 | 0.00629595 0.000622121 -0.141417 | 0.703508 -0.004501 0.001541 0.710672 | 0.0014901 0.00146356 5.31397e-05
"""  # noqa: E501
ROWS = [[cell.strip() for cell in line.split("|")] for line in BODIES.strip().splitlines()]

RANGES = {
    "hip": (-1.0472, 1.0472),
    "front thigh": (-1.5708, 3.4907),
    "rear thigh": (-0.5236, 4.5379),
    "calf": (-2.7227, -0.83776),
}

# Half extents and centre, in the body's frame, of the published shapes: x, y, z. The calf's two rods lean by
# 12.03 and 2.87 degrees, so theirs are the bounding boxes of the leaning cylinders.
TRUNK = ((0.1881, 0.04675, 0.057), (0.0, 0.0, 0.0))
HEAD = ((0.05, 0.05, 0.045), (0.285, 0.0, 0.01))
CHIN = ((0.047, 0.047, 0.047), (0.293, 0.0, -0.06))
HIP = ((0.046, 0.02, 0.046), (0.0, 0.08, 0.0))
THIGH = ((0.017, 0.01225, 0.1065), (0.0, 0.0, -0.1065))
CALF_UPPER = ((0.0242, 0.012, 0.0612), (0.008, 0.0, -0.06))
CALF_LOWER = ((0.0126, 0.011, 0.033), (0.02, 0.0, -0.148))
FOOT = ((0.022, 0.022, 0.022), (0.0, 0.0, -0.213))


@pytest.fixture(scope="module")
def layout() -> dict[str, Any]:
    return tomllib.loads((robot_dir("go2") / "robot.toml").read_text())


@pytest.fixture(scope="module")
def model(layout: dict[str, Any]) -> Any:
    import mujoco

    return mujoco.MjModel.from_xml_path(str(robot_dir("go2") / layout["model"]["file"]))


@pytest.fixture
def standing(model: Any, layout: dict[str, Any]) -> Any:
    """Data in the default pose with the base at the origin, upright."""
    import mujoco

    data = mujoco.MjData(model)
    data.qpos[:7] = (0, 0, 0, 1, 0, 0, 0)
    for name, angle in zip(layout["joints"], layout["default_joint_pos"], strict=True):
        data.qpos[model.joint(name).qposadr[0]] = angle
    mujoco.mj_forward(model, data)
    return data


def numbers(cell: str) -> np.ndarray:
    return np.array(cell.split(), dtype=float)


def rotation(quat: np.ndarray) -> np.ndarray:
    w, x, y, z = quat / np.linalg.norm(quat)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def tensor(quat: np.ndarray, principal: np.ndarray) -> np.ndarray:
    axes = rotation(quat)
    return axes @ np.diag(principal) @ axes.T


def collision_shapes(model: Any) -> list[int]:
    return [i for i in range(model.ngeom) if model.geom_contype[i] or model.geom_conaffinity[i]]


def ends(model: Any, geom: int) -> tuple[np.ndarray, float]:
    """Centres of a shape's end spheres in its body's frame, ``[2, 3]``, and their radius [m]."""
    import mujoco

    size, pos = model.geom_size[geom], model.geom_pos[geom]
    half = size[1] if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CAPSULE else 0.0
    axis = rotation(model.geom_quat[geom])[:, 2] * half
    return np.stack([pos - axis, pos + axis]), float(size[0])


def test_total_mass(model: Any) -> None:
    assert model.body_mass.sum() == pytest.approx(15.206, abs=1e-3)


def test_bodies_are_the_published_ones(model: Any) -> None:
    assert [model.body(i).name for i in range(1, model.nbody)] == [row[0] for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_body_has_its_published_mass_and_inertia(model: Any, row: list[str]) -> None:
    name, pos, mass, com, quat, inertia = row
    body = model.body(name)
    np.testing.assert_allclose(body.pos, numbers(pos), atol=1e-9)
    np.testing.assert_allclose(body.mass, float(mass), rtol=1e-9)
    np.testing.assert_allclose(body.ipos, numbers(com), atol=1e-9)
    # As a tensor: a compiler may permute the principal axes.
    got, want = tensor(body.iquat, body.inertia), tensor(numbers(quat), numbers(inertia))
    np.testing.assert_allclose(got, want, atol=1e-9)


@pytest.mark.parametrize("leg", LEGS)
def test_leg_hangs_from_the_right_parents(model: Any, leg: str) -> None:
    parents = {"hip": "base_link", "thigh": f"{leg}_hip", "calf": f"{leg}_thigh"}
    for part, parent in parents.items():
        assert model.body(model.body(f"{leg}_{part}").parentid[0]).name == parent


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("part", ["hip", "thigh", "calf"])
def test_joint(model: Any, leg: str, part: str) -> None:
    joint = model.joint(f"{leg}_{part}_joint")
    np.testing.assert_array_equal(joint.axis, (1, 0, 0) if part == "hip" else (0, 1, 0))
    end = "front " if leg[0] == "F" else "rear "
    np.testing.assert_allclose(joint.range, RANGES[end + part if part == "thigh" else part], atol=1e-9)
    assert model.jnt_limited[joint.id]
    assert model.dof_armature[joint.dofadr[0]] == pytest.approx(0.01)
    assert model.body(joint.bodyid[0]).name == f"{leg}_{part}"


def test_one_free_base_and_no_actuators(model: Any, layout: dict[str, Any]) -> None:
    import mujoco

    assert list(model.jnt_type).count(mujoco.mjtJoint.mjJNT_FREE) == 1
    assert model.joint(layout["model"]["base_joint"]).bodyid[0] == model.body(layout["model"]["base_body"]).id
    assert model.nu == 0
    assert model.nq == 7 + 12


@pytest.mark.parametrize("leg", LEGS)
def test_foot(model: Any, leg: str) -> None:
    foot = model.geom(f"{leg}_foot_collision")
    assert model.body(foot.bodyid[0]).name == f"{leg}_calf"
    np.testing.assert_allclose(foot.pos, (0, 0, -0.213), atol=1e-9)
    assert foot.size[0] == pytest.approx(0.022)
    assert foot.priority[0] == 1
    np.testing.assert_allclose(model.site(f"{leg}_foot").pos, foot.pos)


def test_imu_and_depth_camera(model: Any, layout: dict[str, Any]) -> None:
    np.testing.assert_allclose(model.site(layout["model"]["imu_site"]).pos, (-0.02557, 0, 0.04232))
    camera = model.camera(layout["model"]["depth_camera"])
    np.testing.assert_allclose(camera.pos, (0.33, 0, 0.08))
    axes = rotation(camera.quat)
    pitch = np.radians(20)
    np.testing.assert_allclose(-axes[:, 2], (np.cos(pitch), 0, -np.sin(pitch)), atol=1e-4)
    np.testing.assert_allclose(axes[:, 0], (0, -1, 0), atol=1e-4)
    across = 2 * np.arctan(np.tan(np.radians(camera.fovy[0]) / 2) * 106 / 60)
    assert np.degrees(across) == pytest.approx(87, abs=0.01)


def test_only_spheres_and_capsules_collide(model: Any) -> None:
    import mujoco

    shapes = collision_shapes(model)
    assert {int(model.geom_type[i]) for i in shapes} == {mujoco.mjtGeom.mjGEOM_SPHERE, mujoco.mjtGeom.mjGEOM_CAPSULE}
    for i in shapes:
        assert (model.geom_contype[i], model.geom_conaffinity[i], model.geom_condim[i]) == (1, 0, 3)
        assert model.geom_group[i] == 3
        assert model.geom_friction[i, 0] == 1


def test_seen_shapes_weigh_nothing_and_touch_nothing(model: Any) -> None:
    seen = set(range(model.ngeom)) - set(collision_shapes(model))
    assert seen
    assert all(model.geom_group[i] == 2 for i in seen)
    assert model.nmesh == 0


@pytest.mark.parametrize("part", ["hip", "thigh", "calf"])
@pytest.mark.parametrize("end", ["F", "R"])
def test_left_and_right_mirror(model: Any, end: str, part: str) -> None:
    mirror = np.diag([1.0, -1.0, 1.0])
    left, right = model.body(f"{end}L_{part}"), model.body(f"{end}R_{part}")
    np.testing.assert_allclose(mirror @ left.pos, right.pos, atol=1e-12)
    np.testing.assert_allclose(mirror @ left.ipos, right.ipos, atol=1e-12)
    reflected = mirror @ tensor(left.iquat, left.inertia) @ mirror
    np.testing.assert_allclose(reflected, tensor(right.iquat, right.inertia), atol=1e-8)
    shapes = [[i for i in range(model.ngeom) if model.geom_bodyid[i] == body.id] for body in (left, right)]
    assert len(shapes[0]) == len(shapes[1])
    for i, j in zip(*shapes, strict=True):
        assert model.geom_type[i] == model.geom_type[j]
        np.testing.assert_allclose(model.geom_size[i], model.geom_size[j])
        np.testing.assert_allclose(mirror @ model.geom_pos[i], model.geom_pos[j], atol=1e-9)


def test_standing_height(model: Any, standing: Any) -> None:
    feet = [standing.geom(f"{leg}_foot_collision").xpos[2] - 0.022 for leg in LEGS]
    assert -min(feet) == pytest.approx(0.33, abs=0.02)
    assert max(feet) - min(feet) < 0.02
    assert all(abs(standing.geom(f"{leg}_foot_collision").xpos[1]) > 0.1 for leg in LEGS)


def test_only_feet_reach_the_ground_in_the_default_pose(model: Any, standing: Any) -> None:
    ground = max(standing.geom(f"{leg}_foot_collision").xpos[2] - 0.022 for leg in LEGS)
    for i in collision_shapes(model):
        name = model.geom(i).name
        if "foot" in name:
            continue
        points, radius = ends(model, i)
        body = model.geom_bodyid[i]
        world = points @ standing.xmat[body].reshape(3, 3).T + standing.xpos[body]
        assert world[:, 2].min() - radius > ground + 0.02, name


def test_mapping_selects_each_collision_shape_once(model: Any, layout: dict[str, Any]) -> None:
    mapping = layout["collision"]
    assert list(mapping) == [*layout["contact_bodies"], *layout["feet"]]
    selected = [name for names in mapping.values() for name in names]
    assert sorted(selected) == sorted(model.geom(i).name for i in collision_shapes(model))
    for owner, names in mapping.items():
        body = owner.replace("_foot", "_calf")
        assert {model.body(model.geom(name).bodyid[0]).name for name in names} == {body}


def test_layout_is_canonical(model: Any, layout: dict[str, Any]) -> None:
    assert layout["joints"] == [f"{leg}_{part}_joint" for part in ("hip", "thigh", "calf") for leg in LEGS]
    assert layout["feet"] == [f"{leg}_foot" for leg in LEGS]
    assert layout["hip_joints"] == layout["joints"][:4]
    assert set(layout["contact_bodies"]) == {row[0] for row in ROWS}
    assert set(layout["penalised_bodies"]) == {row[0] for row in ROWS if "hip" not in row[0]}
    per_part = {"stiffness": (40, 40, 40), "damping": (1, 1, 1), "effort_limit": (35, 40, 40)}
    per_part |= {"saturation_effort": (35, 45, 45), "velocity_limit": (52.4, 30.1, 30.1)}
    for key, values in per_part.items():
        assert layout[key] == [value for value in values for _ in LEGS], key
    assert layout["default_joint_pos"] == [0.1, -0.1, 0.1, -0.1, 0.8, 0.8, 1.0, 1.0, -1.5, -1.5, -1.5, -1.5]
    for name, angle in zip(layout["joints"], layout["default_joint_pos"], strict=True):
        low, high = model.joint(name).range
        assert low < angle < high
    assert layout["armature"] == 0.01
    assert layout["base_height"] == 0.4


@pytest.mark.parametrize(
    ("shape", "figure", "tolerance"),
    [
        ("base_0", TRUNK, 0.0005),
        ("base_1", TRUNK, 0.0005),
        ("base_2", HEAD, 0.006),
        ("base_3", CHIN, 0.0005),
        ("FL_hip_0", HIP, 0.021),  # a disc: the sphere lies between its radius and its half thickness
        ("FL_thigh_0", THIGH, 0.003),
        ("FL_calf_0", CALF_UPPER, 0.013),  # the round ends reach past the flat ones, into knee and lower rod
        ("FL_calf_1", CALF_LOWER, 0.013),
        ("FL_foot", FOOT, 0.0005),
    ],
)
def test_shape_stays_within_its_figure(model: Any, shape: str, figure: Any, tolerance: float) -> None:
    half, center = (np.array(v) for v in figure)
    points, radius = ends(model, model.geom(f"{shape}_collision").id)
    assert (points.max(0) + radius <= center + half + tolerance).all()
    assert (points.min(0) - radius >= center - half - tolerance).all()


def test_trunk_capsules_reach_every_face_of_the_box(model: Any) -> None:
    reach = [ends(model, model.geom(f"base_{n}_collision").id) for n in (0, 1)]
    high = np.max([points.max(0) + radius for points, radius in reach], axis=0)
    low = np.min([points.min(0) - radius for points, radius in reach], axis=0)
    np.testing.assert_allclose(high, TRUNK[0], atol=5e-4)
    np.testing.assert_allclose(-low, TRUNK[0], atol=5e-4)


def test_unknown_robot() -> None:
    with pytest.raises(FileNotFoundError, match="spot"):
        robot_dir("spot")
