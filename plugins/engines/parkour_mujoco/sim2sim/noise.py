"""Noise of the depth camera: the task's own modifiers, which are torch's, on pictures of C MuJoCo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from parkour.errors import ExportError, ParkourError
from parkour.exporters.manifest import Manifest
from parkour.exporters.manifest_file import check_task_file

if TYPE_CHECKING:
    from parkour.mdp.context import StepContext
    from parkour.tasks.document import TaskDocument

GROUP = "depth"


class CameraNoise:
    """What an overlay of the export's task does to the pictures of one robot.

    It is the code of training, not a second one: what is looked at here is the policy. torch is imported for it.

    Args:
        folder: the export.
        manifest: of it.
        preset: the overlay, as in ``parkour eval --noise``.
        seed: of all draws.
        notify: told in a line what of the overlay is left out.

    Raises:
        ExportError: the task file was edited.
        ParkourError: the policy has no camera, or the overlay no noise for it.
        TaskError: the task has no such overlay.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        preset: str,
        seed: int,
        notify: Callable[[str], None] = lambda line: None,
    ) -> None:
        import torch

        from parkour.tasks.build import build_observations
        from parkour.tasks.document import read_resolved
        from parkour.tasks.resolve import resolve_task

        if manifest.camera is None:
            raise ParkourError(f"--noise: {manifest.task.name} has no depth camera, whose noise it would be")
        document = read_resolved(check_task_file(folder, manifest))
        task = resolve_task(document, overlay=with_noise(document, preset))
        chain = build_observations(task, num_envs=1, device="cpu").modifiers.get(GROUP)
        if chain is None:
            raise ParkourError(f"--noise: overlay {preset!r} of {manifest.task.name} has no noise of the depth camera")
        if others := sorted(set(task.modifiers) - {GROUP}):
            notify(f"of {preset!r} the depth camera's noise is taken, not that of {', '.join(others)}")
        torch.manual_seed(seed)
        self._chain, self._range = chain, manifest.camera.range
        self._robot = torch.zeros(1, dtype=torch.int64)

    def reset(self) -> None:
        """A new episode begins."""
        self._chain.reset(self._robot)

    def __call__(self, distances: np.ndarray) -> np.ndarray:
        """A picture ``[H, W]`` [m] as the camera would show it."""
        import torch

        picture = torch.from_numpy(np.ascontiguousarray(distances, np.float32)).unsqueeze(0)
        shown = self._chain(picture, cast("StepContext", _Nothing()), self._robot)
        return shown[0].clamp(0.0, self._range).numpy()


class _Nothing:
    """In place of the simulator's batched state."""

    padded = False
    """There is one robot, and every picture is of it."""

    def __getattr__(self, name: str) -> Any:
        raise ExportError(f"a modifier of {GROUP} reads the simulator's {name!r}, which sim2sim cannot give it")


def with_noise(document: TaskDocument, preset: str) -> str:
    """The overlays that a task ran under, and ``preset`` after them."""
    return "+".join((*document.ran.overlays, preset))
