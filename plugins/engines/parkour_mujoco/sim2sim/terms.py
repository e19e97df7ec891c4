"""The task's own terms: in numpy where they have a twin, and by torch where they have none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from parkour.errors import ExportError, ParkourError, PluginError
from parkour.exporters.manifest import Manifest
from parkour.mdp.twins import StatefulTwin, TwinContext, make_twin
from parkour.registry import default_registry, resolve_target
from parkour.specs import Kind, ObservationSpec, TerminationSpec
from parkour_deploy.contract import Group
from parkour_mujoco.sim2sim.courses import Patch
from parkour_mujoco.sim2sim.observation import GroupReader


@dataclass(frozen=True)
class Ending:
    """How terminations see a control step."""

    failed: bool
    over: bool
    """Ended in any way."""


class TaskTerms:
    """Terminations of an export's task, and the observation groups that nothing else can tell.

    Args:
        manifest: of the export.
        groups: what the policy reads and sim2sim does not know.
        friction: sliding friction of the robot's shapes.
        notify: told in a line what torch evaluates.

    Raises:
        UnknownNameError: a plugin is no longer installed.
        PluginError: a term, or its twin, cannot be made.
    """

    def __init__(
        self,
        manifest: Manifest,
        groups: Sequence[Group] = (),
        *,
        friction: float = 1.0,
        notify: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._layout = manifest.robot.layout()
        self._outcomes = {key: entry.outcome for key, entry in manifest.terminations.items()}
        self._ends: dict[str, Callable[[TwinContext], object]] = {}
        self._reads: dict[str, Callable[[TwinContext], object]] = {}
        left: dict[Kind, list[str]] = {"termination": [], "observation": []}
        for key, entry in manifest.terminations.items():
            if not self._take("termination", key, entry.use, entry.params, manifest, self._ends):
                left["termination"].append(key)
        for group in groups:
            if not self._take("observation", group.name, group.use, group.params, manifest, self._reads):
                left["observation"].append(group.name)
        self.by_torch = tuple(f"{kind} {key!r}" for kind, keys in left.items() for key in keys)
        """What torch evaluates, in words."""
        self._torch = None
        if self.by_torch:
            # Imports torch, so not before it is known to be needed.
            from parkour_mujoco.sim2sim.stand_in import TorchTerms

            self._torch = TorchTerms(manifest, left["termination"], left["observation"], friction)
            notify(f"without a twin in numpy, evaluated by the task's own torch term: {', '.join(self.by_torch)}")
        self.groups: dict[str, GroupReader] = {
            group.name: partial(self._read, group.name, group.size) for group in groups
        }
        """Readers of the groups, by name."""

    @property
    def _torch_words(self) -> str:
        return f"the torch term of {' or '.join(self.by_torch)}"

    def begin(self, patch: Patch) -> None:
        """An episode begins."""
        for key, twin in (self._ends | self._reads).items():
            if isinstance(twin, StatefulTwin):
                with _blaming(f"the twin of {key!r}"):
                    twin.reset()
        if self._torch is not None:
            self._torch.begin(patch)

    def ended(self, ctx: TwinContext) -> Ending:
        """Whether terminations end the episode; a failure wins over other ends."""
        fired: set[str] = set()
        for key, twin in self._ends.items():
            with _blaming(f"the twin of termination {key!r}"):
                if bool(twin(ctx)):
                    fired.add(self._outcomes[key])
        if self._torch is not None:
            with _blaming(self._torch_words):
                fired |= self._torch.outcomes(ctx)
        return Ending("failure" in fired, bool(fired))

    def _read(self, name: str, size: int, ctx: TwinContext) -> np.ndarray:
        twin = self._reads.get(name)
        if twin is None:
            assert self._torch is not None
            with _blaming(self._torch_words):
                return self._torch.observe(ctx)[name]
        with _blaming(f"the twin of observation group {name!r}"):
            values = np.atleast_1d(np.asarray(twin(ctx), float))
        if values.size != size or not np.isfinite(values).all():
            raise ExportError(
                f"the twin of observation group {name!r} returned shape {values.shape} with "
                f"{int(np.isfinite(values).sum())} finite numbers, expected {size}"
            )
        return values.reshape(-1)

    def _take(self, kind: Kind, key: str, use: str, params: Any, manifest: Manifest, into: dict[str, Any]) -> bool:
        """Make the twin of a component, if it has one."""
        version = manifest.task.components.get(f"{kind}.{key}", "").rpartition(" ")[2]
        item = default_registry().get(kind, use, version=version or None)
        assert isinstance(item.spec, (ObservationSpec, TerminationSpec))
        if item.spec.twin is None:
            return False
        into[key] = make_twin(resolve_target(item.spec.twin, owner=f"{kind} {item.id!r}"), self._layout, params)
        return True


@contextmanager
def _blaming(who: str) -> Iterator[None]:
    """A fault of somebody's code in one line that names it."""
    try:
        yield
    except ParkourError:
        raise
    except Exception as error:
        raise PluginError(f"{who} failed in sim2sim ({type(error).__name__}: {error})") from error
