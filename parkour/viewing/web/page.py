"""The page on which a session is watched and driven."""

from __future__ import annotations

from typing import Literal

from parkour.viewing.controls import buttons
from parkour.viewing.session import Session
from parkour.viewing.viewer import ViewerOptions
from parkour.viewing.web.identity import Identity
from parkour.viewing.web.panels import PICTURE_WIDTH, Panels
from parkour.viewing.web.scene import WebScene
from parkour.viewing.web.served_page import ServedPage
from parkour.viewing.web.shapes import RobotShapes


class WebViewer(ServedPage):
    """See :class:`parkour.viewing.viewer.Viewer`.

    Args:
        robot: its shapes.
        session: what is shown.
        options: how.

    Raises:
        EngineError: the port is in use, or the page cannot be protected from other pages.
    """

    def __init__(self, robot: RobotShapes, session: Session, options: ViewerOptions) -> None:
        identity = Identity(f"parkour: {options.title}", buttons(True) if session.driver is not None else ())
        super().__init__(options.title, options.port, identity, _control_width(options))
        self.scene = WebScene(self.server, robot, "behind" if options.behind else "follow")
        self.panels = Panels(self.server.gui, session, self.scene, options.depth_width)
        self.update(session)

    @property
    def running(self) -> bool:
        return True

    @property
    def where(self) -> str:
        return f"web viewer: {self.address}"

    def update(self, session: Session) -> None:
        snapshot = session.snapshot()
        with self.server.atomic():
            self.scene.update(snapshot)
        self.panels.update(session, snapshot)


def _control_width(options: ViewerOptions) -> Literal["medium", "large"]:
    """Of the panels: as wide as the depth images ask for, as far as viser has it."""
    return "large" if (options.depth_width or 0) > PICTURE_WIDTH else "medium"
