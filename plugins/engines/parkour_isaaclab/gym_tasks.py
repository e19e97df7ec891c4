"""The tasks under Gymnasium's ids, so that Isaac Lab's own scripts find them.

Importing this module registers them. Scripts that do not are run by ``python -m parkour_isaaclab SCRIPT …``. An id's
``env_cfg_entry_point`` is an attribute of this module, made on demand: a function that gives the configuration.
"""

# Gymnasium is there only with Isaac Lab.
# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PREFIX = "Isaac-"
"""Aliases that begin so are ids in Isaac Lab's manner."""


def register() -> None:
    """Register every alias of every known task that looks like one of Isaac Lab's ids. Imports nothing heavy."""
    from gymnasium.envs.registration import register as add
    from gymnasium.envs.registration import registry

    for identity in aliases():
        if identity not in registry:
            add(
                id=identity,
                entry_point="isaaclab.envs:ManagerBasedRLEnv",
                disable_env_checker=True,
                kwargs={"env_cfg_entry_point": f"{__name__}:{identity}"},
            )


def aliases() -> list[str]:
    """Ids of the tasks that are installed."""
    from parkour.registry import default_registry
    from parkour.specs import TaskSpec

    specs = [item.spec for item in default_registry().specs("task")]
    names = [alias.name for spec in specs if isinstance(spec, TaskSpec) for alias in spec.aliases]
    return [name for name in names if name.startswith(PREFIX)]


def __getattr__(name: str) -> Callable[[], Any]:
    """The function that makes the configuration of an id; Isaac Lab calls it when its application runs."""
    if not name.startswith(PREFIX) or name not in aliases():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def configuration() -> Any:
        from parkour.tasks.resolve import load_task
        from parkour_isaaclab.cfg import environment_cfg

        task = load_task(name)
        return environment_cfg(task, num_envs=task.model.environments.cuda, device="cuda:0", seed=0)

    return configuration


register()
