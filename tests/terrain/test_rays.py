"""Distances along rays, against a search face by face."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from parkour.terrain import rays as module
from parkour.terrain.box import Box
from parkour.terrain.rays import cast_rays, rotation_matrix

REACH = 2.0


def brute_force(origin: np.ndarray, direction: np.ndarray, boxes: list[Box]) -> float:
    """Nearest point of a box on a ray: intersections with the planes of all faces, in plain numpy."""
    best = REACH
    for box in boxes:
        axes, center, half = box.rotation(), np.array(box.center), np.array(box.half_size)
        if (np.abs(axes.T @ (origin - center)) <= half).all():
            return 0.0
        for axis in range(3):
            normal = axes[:, axis]
            for side in (-1, 1):
                slope = normal @ direction
                if slope * side >= 0:  # parallel, or seen from behind
                    continue
                distance = normal @ (center + side * half[axis] * normal - origin) / slope
                local = axes.T @ (origin + distance * direction - center)
                others = [k for k in range(3) if k != axis]
                if distance >= 0 and (np.abs(local[others]) <= half[others]).all():
                    best = min(best, distance)
    return best


def random_scene(seed: int, *, cameras: int, slots: int, count: int) -> tuple[torch.Tensor, ...]:
    """Origins, rotations, rays and boxes, tilted every way, of which about half are within reach."""
    rng = np.random.default_rng(seed)
    unit = lambda *shape: (v := rng.normal(size=shape)) / np.linalg.norm(v, axis=-1, keepdims=True)  # noqa: E731
    boxes = np.concatenate(
        [
            rng.uniform(-1.2, 1.2, (cameras, slots, 3)),
            unit(cameras, slots, 4),
            rng.uniform(0.02, 0.7, (cameras, slots, 3)),
        ],
        axis=-1,
    )
    directions = unit(count, 3)
    # A caster may take it that no ray looks backwards.
    directions[:, 0] = np.abs(directions[:, 0])
    tensor = lambda values: torch.tensor(values, dtype=torch.float32)  # noqa: E731
    rotations = rotation_matrix(torch.tensor(unit(cameras, 4))).float()
    return tensor(rng.uniform(-0.5, 0.5, (cameras, 3))), rotations, tensor(directions), tensor(boxes)


def as_boxes(rows: torch.Tensor) -> list[Box]:
    return [Box(tuple(row[:3]), tuple(row[7:]), tuple(row[3:7])) for row in rows.double().tolist()]  # type: ignore[arg-type]


def test_against_brute_force() -> None:
    origins, rotations, rays, boxes = random_scene(0, cameras=12, slots=6, count=60)
    got = cast_rays(origins, rotations, rays, boxes, REACH)
    directions = torch.einsum("mij,rj->mri", rotations, rays).double().numpy()
    expected = np.array(
        [
            [brute_force(origins[m].double().numpy(), direction, as_boxes(boxes[m])) for direction in directions[m]]
            for m in range(12)
        ]
    )
    difference = np.abs(got.numpy() - expected)
    # A ray that grazes an edge may hit by one reckoning and miss by the other.
    assert (difference > 1e-4).mean() < 0.005
    hits = expected < REACH
    assert 0.2 < hits.mean() < 0.9, "the scene shows hits and misses"


def level_box(center: tuple[float, float, float], half: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor([[[*center, 1.0, 0.0, 0.0, 0.0, *half]]])


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ((1.0, 0.0, 0.0), 0.75),  # straight at a face: parallel to four others
        ((0.0, 1.0, 0.0), REACH),  # past it
        ((0.8, 0.6, 0.0), REACH),
        ((0.9701425, 0.2425356, 0.0), 0.75 * 17**0.5 / 4),
    ],
)
def test_distances_by_hand(direction: tuple[float, float, float], expected: float) -> None:
    got = cast_rays(
        torch.zeros(1, 3),
        torch.eye(3)[None],
        torch.tensor([direction]),
        level_box((1, 0, 0), (0.25, 0.25, 0.25)),
        REACH,
    )
    assert got.item() == pytest.approx(expected, abs=1e-5)


def test_a_camera_in_a_box_sees_nothing_but_the_box() -> None:
    rays = torch.nn.functional.normalize(torch.randn(50, 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    got = cast_rays(torch.zeros(1, 3), torch.eye(3)[None], rays, level_box((0.1, 0, 0), (0.3, 0.3, 0.3)), REACH)
    assert (got == 0.0).all()


def test_what_lies_behind_or_too_far_is_not_seen() -> None:
    ray = torch.tensor([[1.0, 0.0, 0.0]])
    for x in (-1.0, REACH + 0.3):
        assert cast_rays(torch.zeros(1, 3), torch.eye(3)[None], ray, level_box((x, 0, 0), (0.2,) * 3), REACH) == REACH


def test_a_broken_pose_sees_nothing() -> None:
    origins, rotations, rays, boxes = random_scene(1, cameras=3, slots=4, count=20)
    origins[1], rotations[2] = float("nan"), float("nan")
    got = cast_rays(origins, rotations, rays, boxes, REACH)
    assert (got[1:] == REACH).all() and (got[0] < REACH).any()


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = random_scene(2, cameras=7, slots=3, count=30)
    whole = cast_rays(*scene, REACH)
    monkeypatch.setattr(module, "CHUNK", 65)
    torch.testing.assert_close(cast_rays(*scene, REACH), whole)
    assert cast_rays(*(values[:0] for values in scene[:2]), scene[2], scene[3][:0], REACH).shape == (0, 30)


def test_no_value_is_read_back() -> None:
    scene = [values.to("meta") for values in random_scene(3, cameras=4, slots=3, count=10)]
    assert cast_rays(*scene, REACH).shape == (4, 10)  # type: ignore[call-arg]


def test_rotation_matrix_is_that_of_boxes() -> None:
    _, _, _, boxes = random_scene(4, cameras=1, slots=8, count=1)
    for row, box in zip(rotation_matrix(boxes[0, :, 3:7]).numpy(), as_boxes(boxes[0]), strict=True):
        np.testing.assert_allclose(row, box.rotation(), atol=1e-6)
