"""Isaac Sim's own window."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

import sys
from typing import Any

import omni.kit.app

from parkour.errors import EngineError
from parkour.viewing.controls import buttons
from parkour.viewing.session import Session
from parkour.viewing.viewer import ViewerOptions
from parkour_isaaclab.viewer.keys import Keys, kit_key
from parkour_isaaclab.viewer.markers import markers_of
from parkour_isaaclab.viewer.panel import Panel
from parkour_isaaclab.viewer.pointing import Pointing


class IsaacWindow:
    """See :class:`parkour.viewing.viewer.Viewer`.

    The window is drawn when it is updated, not in each control step as Isaac Lab would: so robots move in real time
    where drawing is slower than 50 pictures a second.

    Args:
        env: Isaac Lab's environment.
        session: what is shown.
        options: how.

    Raises:
        EngineError: Isaac Sim runs without a window.
    """

    def __init__(self, env: Any, session: Session, options: ViewerOptions) -> None:
        if not env.sim.has_gui:
            raise EngineError("--viewer native: Isaac Sim was started without a window", hint="start it anew")
        env.cfg.sim.render_interval = sys.maxsize
        self._env, self._driving = env, session.driver is not None
        self._pointing, self._markers = Pointing(env, "behind" if options.behind else "side"), markers_of(env)
        self._panel = Panel(session, options.depth, options.depth_width)
        self._keys = Keys(session.controls, self._driving)
        self.update(session)

    @property
    def running(self) -> bool:
        return bool(omni.kit.app.get_app().is_running())

    @property
    def where(self) -> str:
        keys = [(kit_key(button).lower().replace("_", " "), button.label.lower()) for button in buttons(self._driving)]
        return "Isaac Sim's window: " + ", ".join(f"{key} {label}" for key, label in keys)

    def update(self, session: Session) -> None:
        snapshot = session.snapshot()
        self._markers.show(snapshot, self._pointing.origin(snapshot))
        if self._panel.follows:
            self._pointing.point(snapshot)
        self._panel.update(session, snapshot)
        self._env.sim.render()

    def close(self) -> None:
        self._keys.close()
        self._panel.close()
