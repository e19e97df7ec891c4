"""What an engine plugin provides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from parkour.engines.task_env import TaskEnv
    from parkour.tasks.resolved import ResolvedTask


@dataclass(frozen=True)
class Availability:
    """Whether an engine can run on this machine."""

    ok: bool
    reason: str = ""
    """Why not, in one line."""
    hint: str = ""
    """What to install or do."""
    details: dict[str, Any] = field(default_factory=dict)
    """Versions and devices, for ``parkour doctor``."""


@runtime_checkable
class Engine(Protocol):
    """A simulator that can build environments of a task. Made without arguments; imports nothing heavy until used.

    Further abilities are protocols of their own: :class:`ConfigurableEngine`,
    :class:`parkour.engines.robot_facts.EngineWithRobotFacts`, and for viewing
    :class:`parkour.viewing.viewer.EngineWithViewers`, :class:`parkour.viewing.viewer.EngineWithCamera` and
    :class:`parkour.viewing.viewer.EngineWithWatchOptions`.
    """

    def availability(self) -> Availability:
        """Whether it can run here; quick, and imports no simulator."""
        ...

    def make_env(
        self, task: ResolvedTask, *, num_envs: int, device: str, seed: int, render: bool = False, **options: Any
    ) -> TaskEnv:
        """Environments of the task, which are at the start of their first episodes.

        Raises:
            EngineError: the engine cannot run the task here.
            DeviceError: the device is not there.
        """
        ...


@runtime_checkable
class ConfigurableEngine(Protocol):
    """An engine with options of its own, which commands pass to ``make_env``."""

    options: Mapping[str, tuple[str, ...]]
    """Each with the values that it takes, e.g. ``{"cpu_sim": ("native", "warp")}``; see
    :func:`parkour.engines.choice.check_engine_options`."""
