"""The depth image as a policy sees it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from parkour.errors import TaskError
from parkour.mdp.camera import DepthCamera
from parkour.mdp.context import StepContext
from parkour.mdp.magnitudes import EpisodeMagnitude
from parkour.mdp.mirror import Mirror, Sides, columns_reversed, same
from parkour.mdp.modifiers import ModifierChain, RecentMeasurements, put_rows, take_rows, with_rows
from parkour.mdp.robot import RobotLayout
from parkour.specs import ObservationField
from parkour_observations.resize import BicubicResize

MIDDLE = -0.5
"""Added to what lies between 0 and 1."""


class DepthImage:
    """Group ``depth``: the camera's picture cropped, resized, normalised to distance / range − 0.5, some frames late.

    Frames come at the perception rate and for environments that were reset; an image is held until the next frame.
    The first frame of an episode stands for those that would be older, so that it is seen at once, and again at the
    next frame.
    Bicubic interpolation overshoots a little at edges; what leaves ± 0.5 by that is left as it is.

    Modifiers act on the raw picture, before the crop and before the latency; the result is clamped to the camera's
    range.
    """

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, layout: RobotLayout, *, depth_camera: DepthCamera,
        height: int, width: int, crop_top: int, crop_bottom: int, crop_sides: int, antialias: bool,
        latency: int | tuple[int, int],
    ) -> None:  # fmt: skip
        geometry = depth_camera.geometry
        rows, columns = geometry.height - crop_top - crop_bottom, geometry.width - 2 * crop_sides
        if rows < 1 or columns < 1:
            raise TaskError(
                f"observations.depth: the crop leaves {rows} rows and {columns} columns of the camera's "
                f"{geometry.height} x {geometry.width} pixels, expected at least one of each"
            )
        self._window = slice(crop_top, geometry.height - crop_bottom), slice(crop_sides, geometry.width - crop_sides)
        self._resize = BicubicResize((rows, columns), (height, width), device, antialias)
        self._range = geometry.range
        self._geometry = geometry
        self._raw_field = depth_camera.field
        self._size = height, width
        self._modifiers: ModifierChain | None = None
        self._latency = EpisodeMagnitude(latency, num_envs, device, whole=True)
        self._frames = RecentMeasurements(num_envs, int(self._latency.high) + 1, device)
        self._before = torch.zeros(num_envs, dtype=torch.long, device=device)
        """``[N]`` how many frames of the episode came before the newest one, at most L."""
        self._shown = torch.zeros(num_envs, height, width, device=device)
        """``[N, height, width]`` what is seen; never written in place, as it is returned."""
        self._first = torch.ones(num_envs, dtype=torch.bool, device=device)

    def layout(self) -> Sequence[ObservationField]:
        rows, columns = self._size
        return [ObservationField(name="depth", size=rows * columns, scale=1 / self._range, shift=MIDDLE, unit="m")]

    def raw_fields(self) -> Sequence[ObservationField]:
        return [self._raw_field]

    def take_modifiers(self, modifiers: ModifierChain) -> None:
        self._modifiers = modifiers

    def __call__(self, ctx: StepContext) -> Tensor:
        """``[N, height, width]``."""
        assert ctx.depth is not None and ctx.depth_ids is not None, "the task has no camera"
        env_ids = ctx.depth_ids
        if len(env_ids) > 0:
            raw = take_rows(ctx.depth, env_ids)
            if self._modifiers is not None:
                raw = self._modifiers(raw, ctx, env_ids).clamp(0.0, self._range)
            self._push(self.process(raw), env_ids, ctx)
        return self._shown

    def process(self, raw: Tensor) -> Tensor:
        """``[M, height, width]`` images from pictures ``[M, H, W]`` [m]."""
        return self._resize(raw[:, *self._window]) / self._range + MIDDLE

    def reset(self, env_ids: Tensor) -> None:
        self._first[env_ids] = True
        self._latency.reset(env_ids)

    def mirror(self, sides: Sides) -> Mirror:
        """The image from left to right; the camera has to stand and look straight ahead in the plane of symmetry."""
        camera = self._geometry
        off = {"position[1]": camera.position[1], "roll": camera.roll, "yaw": camera.yaw}
        if wrong := [f"camera.{name} is {value:g}" for name, value in off.items() if abs(value) > 1e-6]:
            raise TaskError(f"observations.depth: the image has no mirror image: {', '.join(wrong)}, expected 0")
        return columns_reversed(*self._size)

    def _push(self, image: Tensor, env_ids: Tensor, ctx: StepContext) -> None:
        """Put a frame behind those of ``env_ids``, and show the one that has arrived."""
        if self._frames.slots > 1:
            first = take_rows(self._first, env_ids)
            before = (take_rows(self._before, env_ids) + 1).clamp(max=self._frames.slots - 1).masked_fill(first, 0)
            age = torch.minimum(before, take_rows(self._latency.values, env_ids).long())
            image = self._frames.push(image, env_ids, ctx, age)
            put_rows(self._before, env_ids, before, ctx)
            put_rows(self._first, env_ids, torch.zeros_like(first), ctx)
        self._shown = with_rows(self._shown, env_ids, image, ctx)


class YawValid:
    """Group ``yaw_valid``: 1 where the way point lies ahead, so that a camera can see where to go, else 0."""

    def __init__(self, num_envs: int, device: str | torch.device, layout: RobotLayout, *, limit: float) -> None:
        self._limit = limit

    def layout(self) -> Sequence[ObservationField]:
        return [ObservationField(name="yaw_valid", size=1)]

    def __call__(self, ctx: StepContext) -> Tensor:
        """``[N, 1]``: whether |yaw to the way point| < limit, the yaw wrapped and as old as the policy's."""
        return (ctx.goals.yaw.abs() < self._limit).to(ctx.command.dtype).unsqueeze(1)

    def reset(self, env_ids: Tensor) -> None:
        """Nothing is remembered."""

    def mirror(self, sides: Sides) -> Mirror:
        return same(sides, 1)
