"""What a policy plugin provides: networks, algorithm, and the observation groups they read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PolicyDefinition:
    """Returned by a policy plugin's factory ``(task: ResolvedTask) -> PolicyDefinition``.

    ``train_cfg`` is the configuration that rsl-rl's runner takes (``actor``, ``critic`` or ``student`` and
    ``teacher``, ``algorithm``, ``obs_groups``, each class as ``"module:Class"``), complete but for what the runner
    adds itself (``num_steps_per_env``, ``save_interval``, ``multi_gpu``).
    """

    runner: str
    """``"module:Class"`` of the runner, an rsl-rl ``OnPolicyRunner``."""
    groups: tuple[str, ...]
    """Observation groups that must be in the task, in the order in which the policy concatenates them."""
    train_cfg: dict[str, Any] = field(default_factory=dict)
