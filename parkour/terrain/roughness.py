"""Roughness: low boxes ("bumps") laid on the walkable surfaces of a patch."""

from __future__ import annotations

import numpy as np

from parkour.terrain.box import Box
from parkour.terrain.raster import OPEN, Grid
from parkour.terrain.sub_terrain import PATCH_LENGTH, SubTerrain

LEAST_AMPLITUDE = 0.02
"""Lower end of the draw of the amplitudes [m], or the upper end if that is lower."""
CORRIDOR = 0.9
"""Bumps are laid where robots walk: up to this far from the middle line [m]."""
BEYOND = 0.5
"""… from the spawn up to this far past the last way point [m]."""
CLEAR = 0.4
"""No bump this near to the spawn along x [m]: robots start on level ground."""
HALF_LENGTH = (0.05, 0.15)
"""Half extent of bumps along the surface's x axis, a uniform draw [m]."""
HALF_WIDTH = (0.05, 0.2)
"""Half extent of bumps along the surface's y axis, a uniform draw [m]."""
SINK = 0.03
"""How far a bump reaches below the surface [m]."""
TRIES = 8
"""Places tried per bump wanted."""
PROBES = 9
"""Points per side at which a bump's footprint is compared with the surface."""


def amplitude_range(roughness: tuple[float, float], difficulty: float) -> tuple[float, float]:
    """Ends of the draw of the amplitudes [m], from the greatest amplitudes at difficulty 0 and 1."""
    upper = roughness[0] + (roughness[1] - roughness[0]) * difficulty
    return min(LEAST_AMPLITUDE, upper), upper


def bumps(
    sub_terrain: SubTerrain,
    heights: np.ndarray,
    grid: Grid,
    amplitude: tuple[float, float],
    count: int,
    rng: np.random.Generator,
    ceiling: np.ndarray | None = None,
    length: float = PATCH_LENGTH,
) -> list[Box]:
    """Up to ``count`` bumps on the walkable tops that are in sight, spread evenly along the course.

    A bump takes over the tilt of the box that carries it and lies wholly on that box's visible top: never over a gap,
    never half under another box, never near the spawn. Nor under what hangs overhead: how low a robot has to get
    is what the terrain says.

    Args:
        sub_terrain: the obstacles, way points and spawn.
        heights: ``[NX, NY]`` raster of the obstacles [m].
        grid: its cells.
        amplitude: ends of the draw of their heights over the surface [m].
        count: how many to lay; fewer where there is not room enough.
        rng: source of the draws.
        ceiling: ``[NX, NY]`` raster of what hangs overhead [m]; None where nothing does.
        length: extent of the patch along x [m].
    """
    carriers = [box for box in sub_terrain.boxes if box.walkable and not box.overhead and box.rotation()[2, 2] > 0.5]
    if not carriers or count <= 0 or amplitude[1] <= 0:
        return []
    tries = TRIES * count
    end = min(float(np.asarray(sub_terrain.goals)[:, 0].max()) + BEYOND, length)
    half = np.stack([rng.uniform(*HALF_LENGTH, tries), rng.uniform(*HALF_WIDTH, tries)], -1)
    xy = np.stack(
        [
            rng.uniform(sub_terrain.spawn[0], max(end, sub_terrain.spawn[0]), tries),
            rng.uniform(-CORRIDOR, CORRIDOR, tries),
        ],
        -1,
    )
    height = rng.uniform(*amplitude, tries)
    rotation = np.stack([box.rotation() for box in carriers])
    half_size = np.array([box.half_size for box in carriers])
    top = np.array([box.center for box in carriers]) + rotation[:, :, 2] * half_size[:, 2:]
    carrier, on_top = _carriers(xy, top, rotation, heights, grid)
    local = _local(xy, top[carrier], rotation[carrier])
    inside = (np.abs(local) + half <= half_size[carrier, :2]).all(-1)
    far = np.abs(xy[:, 0] - sub_terrain.spawn[0]) > CLEAR + half[:, 0]
    good = np.flatnonzero(on_top & inside & far)
    carried = half[good], top[carrier[good]], rotation[carrier[good]]
    good = good[_level(local[good], *carried, heights, ceiling, grid)]
    chosen = good[_in_turn(xy[good, 0], length)][:count]
    return [_bump(carriers[carrier[k]], top[carrier[k]], local[k], half[k], float(height[k])) for k in chosen]


def _in_turn(x: np.ndarray, length: float) -> np.ndarray:
    """An order that takes one place from each metre of the course, then another: small platforms get their part."""
    metre = np.floor(x).astype(int)
    among = (metre[:, None] == np.arange(int(length) + 1)).cumsum(0)
    return np.argsort(among[np.arange(len(x)), metre], kind="stable")


def _plane(xy: np.ndarray, top: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Height at ``xy`` of the plane through ``top`` that is normal to the rotation's third axis [m]."""
    normal = rotation[..., 2]
    slide = ((xy - top[..., :2]) * normal[..., :2]).sum(-1)
    return top[..., 2] - slide / normal[..., 2]


def _local(xy: np.ndarray, top: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """``[n, 2]`` coordinates, along the carrier's axes from the middle of its top, of the surface above ``xy``."""
    offset = np.concatenate([xy, _plane(xy, top, rotation)[:, None]], -1) - top
    return (offset[:, None] @ rotation)[:, 0, :2]


def _carriers(xy: np.ndarray, top: np.ndarray, rotation: np.ndarray, heights: np.ndarray,
              grid: Grid) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """For each point the carrier whose plane is nearest to the ground there, and whether it is the ground."""
    i, j = grid.index(xy)
    centers = np.stack([grid.centers(0)[i], grid.centers(1)[j]], -1)
    miss = np.abs(_plane(centers[:, None], top[None], rotation[None]) - heights[i, j][:, None])
    # Planes of equal height (two platforms) are told apart by which box is the nearer one.
    reach = np.abs(centers[:, None] - top[None, :, :2]).sum(-1)
    carrier = np.where(miss < 1e-3, reach, np.inf).argmin(-1)
    return carrier, np.any(miss < 1e-3, axis=-1)


def _level(local: np.ndarray, half: np.ndarray, top: np.ndarray, rotation: np.ndarray, heights: np.ndarray,
           ceiling: np.ndarray | None, grid: Grid) -> np.ndarray:  # fmt: skip
    """Whether rasters show the carrier's own top, and sky, all over a bump's footprint and half a cell around it."""
    unit = np.linspace(-1.0, 1.0, PROBES)
    probe = np.stack(np.meshgrid(unit, unit, indexing="ij"), -1).reshape(-1, 2)
    points = local[:, None] + probe * (half[:, None] + grid.cell / 2)
    world = top[:, None] + points @ rotation[:, :, :2].swapaxes(1, 2)
    i, j = grid.index(world[..., :2])
    centers = np.stack([grid.centers(0)[i], grid.centers(1)[j]], -1)
    plane = _plane(centers, top[:, None], rotation[:, None])
    level = np.abs(heights[i, j] - plane) < 1e-3
    return np.all(level if ceiling is None else level & (ceiling[i, j] >= OPEN), axis=-1)


def _bump(carrier: Box, top: np.ndarray, local: np.ndarray, half: np.ndarray, amplitude: float) -> Box:
    rotation = carrier.rotation()
    thickness = (amplitude + SINK) / 2
    center = top + rotation @ np.array([*local, amplitude - thickness])
    x, y, z = center.tolist()
    return Box((x, y, z), (float(half[0]), float(half[1]), thickness), carrier.quat)
