"""Tasks as ids of Gymnasium: ``gymnasium.make_vec("parkour/go2-teacher", num_envs=16)`` after ``import parkour``.

Gymnasium takes a good part of a second to import, which ``parkour --help`` must not pay: :mod:`parkour` has this
module imported when somebody imports Gymnasium, or at once where somebody has.
"""

from __future__ import annotations

from warnings import warn

NAMESPACE = "parkour"
MAKER = "parkour.engines.gymnasium_env:make_vec_env"


def register_tasks() -> list[str]:
    """Register every task whose bare name is unique; what is registered already stays. The ids."""
    from gymnasium.envs.registration import register, registry

    from parkour.errors import ParkourError
    from parkour.registry import default_registry

    ids: list[str] = []
    tasks = default_registry()
    for name in sorted({item.spec.name for item in tasks.specs("task")}):
        try:
            task = tasks.get("task", name).id
        except ParkourError:  # Several distributions have it: no one of them is meant.
            continue
        ids.append(f"{NAMESPACE}/{name}")
        if ids[-1] not in registry:
            register(ids[-1], vector_entry_point=MAKER, kwargs={"task": task})
    return ids


def register_or_warn() -> None:
    """Whoever imports Gymnasium, maybe for something else altogether, gets it whatever happens here."""
    try:
        register_tasks()
    except Exception as error:
        warn(f"parkour's tasks are not registered with Gymnasium: {type(error).__name__}: {error}", stacklevel=2)
