"""The field on a device, and which patch each environment is on."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.terrain.curriculum import mean_levels
from parkour.terrain.field import TerrainField
from parkour.terrain.progress import way_lengths, winds
from parkour.terrain.raster import OPEN


class CourseLibrary:
    """A :class:`TerrainField` as tensors. ``P`` patches, ``K`` boxes, ``G`` way points, ``NX`` by ``NY`` cells."""

    def __init__(self, field: TerrainField, device: str | torch.device = "cpu") -> None:
        def on_device(array: object) -> Tensor:
            return torch.as_tensor(array, device=device)

        self.names = field.names
        """Terrains of the task, in its order."""
        self.ungraded = field.ungraded
        """Those whose courses do not depend on the difficulty."""
        self.levels = field.levels
        self.columns = field.columns
        self.cell = field.grid.cell
        """Side of a raster cell [m]."""
        self.origin = field.grid.origin
        """Corner of the rasters with the least x and y [m]."""
        self.shape = field.grid.shape
        """Cells along x and y."""
        self.boxes = on_device(field.boxes)
        """``[P, K, 10]``: centre, quaternion (w, x, y, z), half extents."""
        self.goals = on_device(field.goals)
        """``[P, G, 2]`` way points [m]."""
        self.goal_count = on_device(field.goal_count)
        """``[P]`` int64."""
        self.spawn = on_device(field.spawn)
        """``[P, 3]`` start positions on the ground [m]."""
        self.difficulty = on_device(field.difficulty)
        """``[P]``."""
        self.terrain = on_device(field.terrain)
        """``[P]`` int64 index into ``names``."""
        self.flat = on_device(field.flat)
        """``[P]`` bool."""
        self.height = on_device(field.height)
        """``[P, NX, NY]`` ground height [m]."""
        self.ceiling = None if field.ceiling is None else on_device(field.ceiling)
        """``[P, NX, NY]`` lowest surface overhead [m]; None where no patch has any."""
        winding = winds(field.goals, field.spawn)
        self.any_winding = bool(winding.any())
        """Whether any course's way points lead back."""
        self.winding = on_device(winding)
        """``[P]`` bool: those whose do."""
        self.way_lengths = on_device(way_lengths(field.goals, field.spawn))
        """``[P, G + 1]`` length of the way from the spawn to each way point [m], 0 first."""
        self.length = field.length
        """Extent of a patch along x [m]."""
        self.edge = on_device(field.edge)
        """``[P, NX, NY]`` bool."""

    @property
    def device(self) -> torch.device:
        return self.boxes.device


class CourseState:
    """The patch under each of ``N`` environments; fulfils :class:`parkour.mdp.context.Course`.

    Environments are assigned to the columns in turn and stay there, so that every terrain keeps its share; levels
    change. All lookups are gathers on the device, without a host sync.

    Args:
        library: the field.
        num_envs: ``N``.
        start_levels: first levels are uniform draws from this range, ends included, clamped into the field.
        generator: source of all draws, on the library's device.
    """

    def __init__(
        self,
        library: CourseLibrary,
        num_envs: int,
        start_levels: tuple[int, int] = (0, 0),
        generator: torch.Generator | None = None,
    ) -> None:
        self.library = library
        self.num_envs = num_envs
        self.generator = generator
        self._start_levels = tuple(min(max(level, 0), library.levels - 1) for level in start_levels)
        self._origin = torch.tensor(library.origin, dtype=torch.float32, device=library.device)
        self._last_cell = torch.tensor(library.shape, device=library.device) - 1
        self._first_cell = torch.zeros_like(self._last_cell)
        index = torch.arange(num_envs, device=library.device)
        # Those left over when every column has got as many are spread over all, so that no terrain is favoured.
        even = num_envs // library.columns * library.columns
        left = (index - even) * library.columns // max(num_envs - even, 1)
        self.column = torch.where(index < even, index % library.columns, left)
        """``[N]`` int64."""
        self.level = self._draw_levels()
        """``[N]`` int64; change it with :meth:`set_levels`."""
        self.patch = self.level * library.columns + self.column
        """``[N]`` int64 index into the library's arrays."""
        self.terrain = library.terrain[self.patch]
        """``[N]`` int64 index into the library's names; changed by :meth:`set_columns` alone."""
        self.flat = library.flat[self.patch]
        """``[N]`` bool; as :attr:`terrain`."""
        self.difficulty = library.difficulty[self.patch]
        """``[N]`` in [0, 1]."""
        self.goals = library.goals[self.patch]
        """``[N, G, 2]`` way points [m]."""
        self.goal_count = library.goal_count[self.patch]
        """``[N]`` int64."""
        self.spawn = library.spawn[self.patch]
        """``[N, 3]`` start positions on the ground [m]."""

    def restart(self, seed: int) -> None:
        """Levels drawn anew, as at the beginning, from ``seed``."""
        if self.generator is not None:
            self.generator.manual_seed(seed)
        self.set_levels(torch.ones_like(self.flat), self._draw_levels())

    def _draw_levels(self) -> Tensor:
        """``[N]`` int64, uniform in the range of first levels."""
        low, high = self._start_levels
        device = self.library.device
        return torch.randint(low, max(low, high) + 1, (self.num_envs,), generator=self.generator, device=device)

    @property
    def num_levels(self) -> int:
        """Levels of the field."""
        return self.library.levels

    def boxes(self, env_ids: Tensor | None = None) -> Tensor:
        """``[M, K, 10]`` boxes under the given environments, or under all."""
        return self.library.boxes[self.patch if env_ids is None else self.patch[env_ids]]

    def height(self, xy: Tensor) -> Tensor:
        """Ground height [m] at ``xy`` ``[N, ..., 2]`` → ``[N, ...]``; beyond the raster that of its border."""
        return self._gather(self.library.height, xy)

    def ceiling(self, xy: Tensor) -> Tensor:
        """Lowest surface overhead [m] at ``xy`` ``[N, ..., 2]`` → ``[N, ...]``; :data:`OPEN` where there is none."""
        if self.library.ceiling is None:
            return xy.new_full(xy.shape[:-1], OPEN)
        return self._gather(self.library.ceiling, xy)

    def edge(self, xy: Tensor) -> Tensor:
        """Whether ``xy`` ``[N, ..., 2]`` lies on an edge cell → ``[N, ...]`` bool."""
        return self._gather(self.library.edge, xy)

    def distance_walked(self, xy: Tensor, reached: Tensor) -> Tensor:
        """``[N]`` how far robots have come [m]: from the start, or along the way points where those lead back.

        Args:
            xy: ``[N, 2]`` positions [m].
            reached: ``[N]`` int64: way points reached.
        """
        direct = torch.linalg.vector_norm(xy - self.spawn[:, :2], dim=-1)
        if not self.library.any_winding:
            return direct
        return torch.where(self.library.winding[self.patch], self._along(xy, reached), direct)

    def displacement(self, xy: Tensor, reached: Tensor) -> Tensor:
        """``[N]`` along x from the start, as a part of the patch's length; where the way points lead back, the way
        walked along them as a part of the whole way. In [0, 1], and 0 for positions that are no numbers."""
        part = (xy[:, 0] - self.spawn[:, 0]) / self.library.length
        if self.library.any_winding:
            whole = self.library.way_lengths[self.patch, -1].clamp(min=1e-6)
            part = torch.where(self.library.winding[self.patch], self._along(xy, reached) / whole, part)
        return torch.nan_to_num(part, nan=0.0).clamp(0.0, 1.0)

    def _along(self, xy: Tensor, reached: Tensor) -> Tensor:
        """``[N]`` length of the way to the last way point reached, and of the part beyond it that is walked [m]."""
        lengths = self.library.way_lengths[self.patch]
        begin = lengths.gather(1, reached[:, None])[:, 0]
        end = lengths.gather(1, torch.minimum(reached + 1, self.goal_count)[:, None])[:, 0]
        target = self.goals[torch.arange(self.num_envs, device=xy.device), torch.minimum(reached, self.goal_count - 1)]
        left = torch.linalg.vector_norm(target - xy, dim=-1)
        return torch.maximum(begin, end - left)

    def set_levels(self, which: Tensor, level: Tensor) -> None:
        """Puts environments on other levels of their columns, clamped into the field.

        Args:
            which: ``[N]`` bool with ``level`` ``[N]`` int64, or ``[M]`` int64 with ``level`` ``[M]``.
            level: those that are taken up.
        """
        if which.dtype is torch.bool:
            level = torch.where(which, level, self.level)
        else:
            level = self.level.index_copy(0, which, level)
        library = self.library
        self.level = level.clamp(0, self.num_levels - 1)
        self.patch = patch = self.column.add(self.level, alpha=library.columns)
        self.difficulty = library.difficulty[patch]
        self.goals = library.goals[patch]
        self.goal_count = library.goal_count[patch]
        self.spawn = library.spawn[patch]

    def set_columns(self, env_ids: Tensor, column: int) -> None:
        """Puts environments ``[M]`` int64 on another column, and so on its terrain, at their levels: for those who
        watch. Curricula and evaluations keep robots where they are."""
        library, width = self.library, self.library.columns
        self.column = self.column.index_fill(0, env_ids, column)
        patch = self.level * width + self.column
        self.terrain, self.flat = library.terrain[patch], library.flat[patch]
        self.set_levels(env_ids, self.level[env_ids])

    def mean_levels(self) -> Tensor:
        """``[number of terrains]`` mean level on each; 0 where no environment is."""
        return mean_levels(self.level, self.terrain, len(self.library.names))

    def state_dict(self) -> dict[str, Tensor]:
        """Levels and terrains of all environments, for a checkpoint."""
        return {"level": self.level.clone(), "terrain": self.terrain.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Takes levels over. For another number of environments (or other columns) each draws one of its terrain's.

        Environments on a terrain of which nothing was saved keep their level. The engine has to reset all
        environments afterwards, so that the boxes under the robots are those of their new patches.
        """
        everyone = torch.arange(self.num_envs, device=self.level.device)
        level = state["level"].to(self.level)
        terrain = state["terrain"].to(self.terrain)
        if terrain.shape == self.terrain.shape and torch.equal(terrain, self.terrain):
            self.set_levels(everyone, level)
            return
        drawn = self.level.clone()
        for index in range(len(self.library.names)):
            saved = level[terrain == index]
            if len(saved):
                pick = torch.randint(len(saved), (self.num_envs,), generator=self.generator, device=level.device)
                drawn = torch.where(self.terrain == index, saved[pick], drawn)
        self.set_levels(everyone, drawn)

    def _gather(self, raster: Tensor, xy: Tensor) -> Tensor:
        cells = ((xy - self._origin) / self.library.cell).long()
        # Clamped after the cast: that keeps the index of a NaN or an infinite position (a physics fault) valid too.
        i, j = cells.clamp(self._first_cell, self._last_cell).unbind(-1)
        return raster[self.patch.view(-1, *([1] * (xy.dim() - 2))), i, j]
