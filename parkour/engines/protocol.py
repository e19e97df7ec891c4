"""What an engine plugin provides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rsl_rl.env import VecEnv

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


class Engine(Protocol):
    """A simulator that can build environments of a task. Made without arguments; imports nothing heavy until used.

    An engine with options of its own names them in an attribute ``options``: a mapping of each to the values that it
    takes, e.g. ``{"cpu_sim": ("native", "warp")}``. :func:`parkour.engines.choice.check_engine_options` reads it.
    """

    def availability(self) -> Availability:
        """Whether it can run here; quick, and imports no simulator."""
        ...

    def make_env(
        self, task: ResolvedTask, *, num_envs: int, device: str, seed: int, render: bool = False, **options: Any
    ) -> VecEnv:
        """An rsl-rl vectorised environment of the task.

        Its observations are a TensorDict with one entry per observation group of the task; ``step`` resets finished
        environments and returns the first observation of their next episode, as rsl-rl expects. Its ``extras`` hold
        ``time_outs`` (``[N]`` bool: ended without failure, so the value is bootstrapped) and ``log`` (scalars).
        The environment offers besides: ``mdp`` (the task's :class:`parkour.mdp.task_mdp.TaskMdp`), ``close()``,
        and for benchmarks ``simulate_only(steps)`` and ``phases()`` (:data:`parkour.engines.profile.Phase`).

        Raises:
            EngineError: the engine cannot run the task here.
            DeviceError: the device is not there.
        """
        ...
