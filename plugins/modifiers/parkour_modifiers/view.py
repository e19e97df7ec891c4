"""What a camera has before its eyes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.magnitudes import EpisodeMagnitude, as_mask, rows
from parkour.mdp.modifiers import take_rows, with_rows
from parkour.params import Magnitude
from parkour.specs import ObservationField
from parkour_modifiers.fields import check_image, range_limit


class Zoom:
    """The picture of a lens with a narrower view, of as many pixels: all is ``factor`` times as far from the middle.

    Distances are those along the rays, so they stay. Each pixel takes the nearest one there is: a mean of near and far
    would be a thing that is not there.
    """

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *,
        factor: Magnitude, aspect: Magnitude,
    ) -> None:  # fmt: skip
        range_limit("zoom", fields)
        self._factor = EpisodeMagnitude(factor, num_envs, device)
        self._aspect = EpisodeMagnitude(aspect, num_envs, device)

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, height, width]``."""
        check_image("zoom", values)
        _, height, width = values.shape
        factor = self._factor.values[env_ids].unsqueeze(1)
        aspect = self._aspect.values[env_ids].unsqueeze(1)
        down, across = _sources(height, (factor * aspect).clamp(min=1.0)), _sources(width, factor)
        picked = values.gather(1, down.unsqueeze(2).expand(len(down), height, width))
        return picked.gather(2, across.unsqueeze(1).expand(len(down), height, width))

    def reset(self, env_ids: Tensor) -> None:
        self._factor.reset(env_ids)
        self._aspect.reset(env_ids)


def _sources(size: int, factor: Tensor) -> Tensor:
    """``[M, size]`` int64: which pixel each one of a row or column shows, magnified by ``factor`` ``[M, 1]``."""
    offset = torch.arange(size, device=factor.device) + 0.5 - size / 2
    return (offset / factor + size / 2).floor().long().clamp(0, size - 1)


class Occlusion:
    """Rectangles that cover part of the picture: dirt or a drop on the lens, a cable, a leg.

    Each robot has a number of ``patches``. A patch has two sides of ``size`` (shares of the picture's), stands anywhere
    within the picture, and reads one of ``reads``. It stays for the episode, or ``hold`` frames on average.
    """

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *,
        patches: Magnitude, size: Magnitude, reads: float | tuple[float, ...], hold: Magnitude,
    ) -> None:  # fmt: skip
        limit = range_limit("occlusion", fields)
        self._count = EpisodeMagnitude(patches, num_envs, device, whole=True)
        self._hold = EpisodeMagnitude(hold, num_envs, device)
        self._size = size if isinstance(size, tuple) else (size, size)
        options = reads if isinstance(reads, tuple) else (reads,)
        self._options = torch.tensor(options, dtype=torch.float32, device=device).clamp(max=limit)
        self._most = int(self._count.high)
        self._patches = self._draw(num_envs, device)
        """``[N, K, 5]`` top, bottom, left, right as shares of the picture's sides, and the reading [m]."""

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, height, width]`` [m]."""
        check_image("occlusion", values)
        if self._most == 0:
            return values.clone()
        patches = self._moved(env_ids, ctx)
        count = self._count.values[env_ids]
        down, across = (_middles(size, values) for size in values.shape[1:])
        for index in range(self._most):
            top, bottom, left, right, reading = patches[:, index, :, None].unbind(1)
            rows_in = (down >= top) & (down < bottom) & (count > index).unsqueeze(1)
            columns_in = (across >= left) & (across < right)
            covered = rows_in.unsqueeze(2) & columns_in.unsqueeze(1)
            values = torch.where(covered, reading.unsqueeze(2), values)
        return values

    def reset(self, env_ids: Tensor) -> None:
        self._count.reset(env_ids)
        self._hold.reset(env_ids)
        begun = as_mask(env_ids, len(self._patches))
        self._patches = torch.where(rows(begun, self._patches), self._draw_all(), self._patches)

    def _moved(self, env_ids: Tensor, ctx: StepContext) -> Tensor:
        """``[M, K, 5]`` the patches in this picture, some of them drawn anew."""
        patches = take_rows(self._patches, env_ids)
        if self._hold.fixed and self._hold.low == 0.0:
            return patches
        hold = self._hold.values[env_ids].view(-1, 1, 1)
        lot = torch.rand(len(env_ids), self._most, 1, device=patches.device)
        moves = (lot * hold < 1.0) & (hold > 0.0)
        patches = torch.where(moves, self._draw(len(env_ids), patches.device), patches)
        self._patches = with_rows(self._patches, env_ids, patches, ctx)
        return patches

    def _draw_all(self) -> Tensor:
        return self._draw(len(self._patches), self._patches.device)

    def _draw(self, count: int, device: str | torch.device) -> Tensor:
        """``[count, K, 5]``."""
        low, high = self._size
        sides = torch.rand(count, self._most, 2, device=device) * (high - low) + low
        first = torch.rand(count, self._most, 2, device=device) * (1.0 - sides)
        edges = torch.stack((first, first + sides), dim=-1).flatten(2)
        choice = torch.randint(len(self._options), (count, self._most, 1), device=device)
        return torch.cat((edges, self._options[choice]), dim=2)


def _middles(size: int, like: Tensor) -> Tensor:
    """``[1, size]`` where the pixels of a row or column have their middles, from 0 to 1."""
    return ((torch.arange(size, device=like.device) + 0.5) / size).unsqueeze(0)
