"""Kit's own view of a simulation, which Isaac Lab calls a visualizer."""

from __future__ import annotations

from typing import Any

from parkour.errors import EngineError


def kit_view(env: Any, asked_by: str) -> Any:
    """The visualizer with which Isaac Sim was started.

    Args:
        env: Isaac Lab's environment.
        asked_by: the option, for the message.

    Raises:
        EngineError: Isaac Sim was started without one, by somebody else.
    """
    for view in env.sim.visualizers:
        if view.cfg.visualizer_type == "kit":
            return view
    raise EngineError(f"{asked_by}: Isaac Sim was started without a viewport", hint="start it anew, with --viz kit")
