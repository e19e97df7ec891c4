"""The depth camera: its rays, its pose, and when it takes pictures."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from parkour.mdp.camera import CameraGeometry, DepthCamera, MountingPart
from parkour.terrain.box import Box

GEOMETRY = CameraGeometry()
STUDENT = CameraGeometry(vertical_fov=math.radians(58.0))
"""The camera of the student's task."""
EYE = (0.33, 0.0, 0.08)


def boxes(*rows: Box) -> Tensor:
    return torch.tensor([[box.row().tolist() for box in rows]], dtype=torch.float32)


def view(*rows: Box, pos: tuple[float, float, float] = (0.0, 0.0, 0.4), rpy: tuple[float, float, float] = (0, 0, 0),
         pitch: float = GEOMETRY.pitch) -> Tensor:  # fmt: skip
    """One picture ``[60, 106]``."""
    camera = DepthCamera(1, "cpu", replace(GEOMETRY, pitch=pitch))
    return camera.view(torch.tensor([pos]), quaternion(*rpy)[None], boxes(*rows))[0]


def quaternion(roll: float, pitch: float, yaw: float) -> Tensor:
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(a / 2), math.sin(a / 2)) for a in (roll, pitch, yaw))
    return torch.tensor(
        [
            cr * cp * cy + sr * sp * sy,
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
        ]
    )


def test_the_camera_of_the_task_is_the_one_of_the_specification() -> None:
    assert GEOMETRY.position == EYE
    assert (GEOMETRY.width, GEOMETRY.height, GEOMETRY.range) == (106, 60, 2.0)
    assert math.degrees(GEOMETRY.pitch) == pytest.approx(20.0)
    assert math.degrees(GEOMETRY.horizontal_fov) == pytest.approx(87.0)


def test_rays_go_through_the_centres_of_square_pixels() -> None:
    rays = GEOMETRY.rays("cpu").view(60, 106, 3)
    torch.testing.assert_close(rays.norm(dim=-1), torch.ones(60, 106))
    left, up = rays[..., 1] / rays[..., 0], rays[..., 2] / rays[..., 0]
    # Rows from top to bottom, columns from left to right, symmetric about the middle.
    assert (up.diff(dim=0) < 0).all() and (left.diff(dim=1) < 0).all()
    torch.testing.assert_close(up, -up.flip(0))
    torch.testing.assert_close(left, -left.flip(1))
    step = 2 * math.tan(math.radians(87.0) / 2) / 106
    torch.testing.assert_close(left.diff(dim=1), torch.full((60, 105), -step), rtol=0, atol=1e-6)
    torch.testing.assert_close(up.diff(dim=0), torch.full((59, 106), -step), rtol=0, atol=1e-6)
    # The borders of the picture, half a pixel further out, are what the field of view says.
    assert math.degrees(2 * math.atan(left[0, 0].item() + step / 2)) == pytest.approx(87.0, abs=1e-4)


def test_rays_are_those_of_a_pinhole_of_the_students_fx_and_fy() -> None:
    """Below 0.01° everywhere, against the lines through the pixels' centres in image coordinates."""
    fx, fy = STUDENT.focal_length
    assert (fx, fy) == (pytest.approx(55.85, abs=0.01), pytest.approx(54.12, abs=0.01))
    assert math.degrees(2 * math.atan(30 / fy)) == pytest.approx(58.0)
    u, v = np.meshgrid(np.arange(106) + 0.5, np.arange(60) + 0.5)
    pinhole = np.stack([np.ones_like(u), -(u - 53) / 55.8503, -(v - 30) / 54.1214], axis=-1)
    pinhole /= np.linalg.norm(pinhole, axis=-1, keepdims=True)
    rays = STUDENT.rays("cpu").double().numpy().reshape(60, 106, 3)
    apart = lambda one: np.degrees(2 * np.arcsin(np.linalg.norm(one - pinhole, axis=-1) / 2)).max()  # noqa: E731
    assert apart(rays) < 0.01
    square = GEOMETRY.rays("cpu").double().numpy().reshape(60, 106, 3)
    assert apart(square) > 0.5, "square pixels are another camera"


def ground_by_hand(row: int, column: int, height: float, down: float) -> float:
    """Distance to level ground ``height`` below the camera, by trigonometry."""
    focal = 53 / math.tan(math.radians(43.5))
    up, left = (29.5 - row) / focal, (52.5 - column) / focal
    drop = math.sin(down) - up * math.cos(down)  # of the ray (1, left, up) turned down
    return min(2.0, height / drop * math.sqrt(1 + up * up + left * left)) if drop > 0 else 2.0


@pytest.mark.parametrize("error", [0.0, math.radians(5), math.radians(-5)])
def test_level_ground(error: float) -> None:
    picture = view(Box.slab((-5, 5), (-5, 5), 0.0), pitch=GEOMETRY.pitch + error)
    expected = [
        [ground_by_hand(row, column, 0.48, GEOMETRY.pitch + error) for column in range(106)] for row in range(60)
    ]
    torch.testing.assert_close(picture, torch.tensor(expected), rtol=1e-4, atol=1e-4)
    assert picture[0].min() == 2.0 and picture[-1].max() < 1.0, "sky above, ground below"


def test_a_wall_is_seen_where_it_stands() -> None:
    # A post on the left fills columns on the left; a lintel above the horizon fills rows at the top.
    post = view(Box((1.0, 0.5, 0.5), (0.05, 0.1, 0.5)))
    assert (post[30, :53] < 2.0).any() and (post[:, 53:] == 2.0).all()
    lintel = view(Box((1.0, 0.0, 0.8), (0.05, 1.0, 0.2)), pitch=0.0)
    assert (lintel[0] < 2.0).all() and (lintel[31:] == 2.0).all()


def test_distance_is_along_the_ray_not_along_the_axis() -> None:
    wall = view(Box((1.33, 0.0, 0.0), (0.5, 5.0, 5.0)), pitch=0.0)
    rays = GEOMETRY.rays("cpu").view(60, 106, 3)
    torch.testing.assert_close(wall, 0.5 / rays[..., 0])


def test_the_camera_turns_with_the_base() -> None:
    rpy, pos = (0.3, -0.2, 2.2), (1.0, -2.0, 0.7)
    scene = [Box((0.9, 0.2, 0.1), (0.2, 0.3, 0.1)), Box((0.7, -0.4, -0.2), (0.1, 0.1, 0.3))]
    here = view(*scene, pos=(0.0, 0.0, 0.0))
    # The same scene, carried along with the base.
    turn = quaternion(*rpy)
    from parkour.terrain.rays import rotation_matrix

    rotation = rotation_matrix(turn).double().numpy()
    quat = tuple(turn.tolist())
    moved = [Box(tuple(rotation @ box.center + pos), box.half_size, quat) for box in scene]  # type: ignore[arg-type]
    there = view(*moved, pos=pos, rpy=rpy)
    assert (here < 2.0).any()
    assert ((here - there).abs() > 1e-3).float().mean() < 0.002  # pixels on outlines


def test_depth_of_a_pit() -> None:
    """Below the ground: the floor of a gap 0.5 m deep, seen past the platform's edge."""
    edge, depth = 0.8, 0.5
    picture = view(Box.slab((-2, edge), (-2, 2), 0.0), Box.slab((-2, 5), (-2, 2), -depth))[:, 52]
    for row in range(60):
        on_top = ground_by_hand(row, 52, 0.48, GEOMETRY.pitch)
        below = ground_by_hand(row, 52, 0.48 + depth, GEOMETRY.pitch)
        reach = on_top * math.cos(GEOMETRY.pitch - math.atan((29.5 - row) / (53 / math.tan(math.radians(43.5)))))
        if abs(reach - (edge - EYE[0])) < 0.02:
            continue  # on the edge itself
        expected = on_top if reach < edge - EYE[0] else below
        assert picture[row].item() == pytest.approx(expected, abs=2e-3), row
    assert picture[59] < 0.7 and ((picture > 1.2) & (picture < 2.0)).any()


class Caster:
    """Remembers how many pictures it was asked for, and numbers them."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, origins: Tensor, rotations: Tensor, rays: Tensor, boxes: Tensor, reach: float) -> Tensor:
        self.calls.append(len(origins))
        assert boxes.shape[0] == len(origins)
        return torch.full((len(origins), len(rays)), 0.01 * len(self.calls))


def test_only_the_pictures_that_are_due_are_taken() -> None:
    caster = Caster()
    camera = DepthCamera(6, "cpu", CameraGeometry(width=4, height=3), caster)
    robot: Any = SimpleNamespace(base_pos=torch.zeros(6, 3), base_quat=torch.tensor([[1.0, 0, 0, 0]]).repeat(6, 1))
    course: Any = SimpleNamespace(boxes=lambda ids=None: torch.zeros(6 if ids is None else len(ids), 2, 10))
    assert camera.update(robot, course, None).tolist() == [0, 1, 2, 3, 4, 5]
    assert camera.update(robot, course, torch.tensor([4, 1])).tolist() == [4, 1]
    assert camera.update(robot, course, torch.zeros(0, dtype=torch.int64)).tolist() == []
    assert caster.calls == [6, 2]
    seen = camera.depth[:, 0, 0].tolist()
    assert seen == pytest.approx([0.01, 0.02, 0.01, 0.01, 0.02, 0.01])


def test_each_camera_has_its_own_pitch() -> None:
    camera = DepthCamera(3, "cpu", GEOMETRY)
    camera.mounting_error["pitch"][:] = torch.tensor([0.0, 0.08, -0.08])
    robot: Any = SimpleNamespace(
        base_pos=torch.tensor([[0.0, 0.0, 0.4]]).repeat(3, 1), base_quat=torch.tensor([[1.0, 0, 0, 0]]).repeat(3, 1)
    )
    ground = boxes(Box.slab((-5, 5), (-5, 5), 0.0)).repeat(3, 1, 1)
    pictures = camera.capture(robot, ground)
    # Looking further down brings the ground nearer.
    assert pictures[1, 59, 52] < pictures[0, 59, 52] < pictures[2, 59, 52]
    order = torch.tensor([2, 0])
    torch.testing.assert_close(camera.capture(robot, ground[order], order), pictures[order])


SCENE = (Box.slab((-5, 5), (-5, 5), 0.0), Box((0.9, 0.2, 0.3), (0.1, 0.2, 0.3)), Box((1.1, -0.3, 0.5), (0.1, 0.1, 0.5)))
OFF = {"roll": (0.15,), "pitch": (-0.1,), "yaw": (0.2,), "position": ((0.02, -0.03, 0.04),)}


@pytest.mark.parametrize("part", OFF)
def test_an_error_of_the_mounting_is_another_mounting(part: MountingPart) -> None:
    """What a camera with an error sees is what one sees that is mounted so."""
    camera = DepthCamera(3, "cpu", STUDENT)
    camera.mounting_error[part][1] = torch.tensor(OFF[part][0])
    robot: Any = SimpleNamespace(
        base_pos=torch.tensor([[0.0, 0.0, 0.4]]).repeat(3, 1), base_quat=quaternion(0.05, -0.1, 0.1).repeat(3, 1)
    )
    scene = boxes(*SCENE).repeat(3, 1, 1)
    pictures = camera.capture(robot, scene)
    value, nominal = np.array(OFF[part][0]), np.array(getattr(STUDENT, part))
    mounted = replace(STUDENT, **{part: tuple((nominal + value).tolist()) if value.ndim else float(nominal + value)})
    expected = DepthCamera(1, "cpu", mounted).view(robot.base_pos[:1], robot.base_quat[:1], scene[:1])
    torch.testing.assert_close(pictures[1:2], expected, rtol=0, atol=1e-5)
    assert torch.equal(pictures[0], pictures[2])
    assert ((pictures[0] - pictures[1]).abs() > 1e-3).float().mean() > 0.2
    some = torch.tensor([1, 0])
    torch.testing.assert_close(camera.capture(robot, scene[some], some), pictures[some])


def test_roll_pitch_and_yaw_turn_the_way_they_say() -> None:
    def ahead(**errors: float) -> tuple[Tensor, Tensor]:
        """Where the camera's axis and its left side point, in the base's frame."""
        seen: list[Tensor] = []

        def caster(origins: Tensor, rotations: Tensor, rays: Tensor, boxes: Tensor, reach: float) -> Tensor:
            seen.append(rotations[0])
            return torch.zeros(len(origins), len(rays))

        geometry = replace(STUDENT, pitch=0.0)
        error: Any = {part: torch.tensor([value]) for part, value in errors.items()}
        level = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
        DepthCamera(1, "cpu", geometry, caster).view(torch.zeros(1, 3), level, boxes(*SCENE), error)
        return seen[0][:, 0], seen[0][:, 1]

    assert ahead(pitch=0.3)[0].tolist() == pytest.approx([math.cos(0.3), 0.0, -math.sin(0.3)]), "down"
    assert ahead(yaw=0.3)[0].tolist() == pytest.approx([math.cos(0.3), math.sin(0.3), 0.0]), "left"
    assert ahead(roll=0.3)[1].tolist() == pytest.approx([0.0, math.cos(0.3), math.sin(0.3)]), "left side up"
    # Together: a yawed and pitched camera keeps its axis when it rolls.
    torch.testing.assert_close(ahead(yaw=0.2, pitch=0.4, roll=0.7)[0], ahead(yaw=0.2, pitch=0.4)[0])


def test_no_value_is_read_back() -> None:
    camera = DepthCamera(4, "meta", GEOMETRY)
    robot: Any = SimpleNamespace(base_pos=torch.zeros(4, 3, device="meta"), base_quat=torch.zeros(4, 4, device="meta"))
    course: Any = SimpleNamespace(
        boxes=lambda ids=None: torch.zeros(4 if ids is None else len(ids), 2, 10, device="meta")
    )
    camera.update(robot, course, None)
    assert camera.update(robot, course, torch.zeros(2, dtype=torch.int64, device="meta")).shape == (2,)
