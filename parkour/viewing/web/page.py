"""A page in the browser, served to this machine alone, and there to whoever has the printed address."""

from __future__ import annotations

import io
import logging
import socket
from contextlib import redirect_stdout
from typing import Literal

import viser

from parkour.errors import EngineError
from parkour.viewing.controls import buttons
from parkour.viewing.session import Session
from parkour.viewing.viewer import DEFAULT_PORT, ViewerOptions
from parkour.viewing.web.guard import PARAMETER, Guard, guarding, is_guarded
from parkour.viewing.web.identity import Identity
from parkour.viewing.web.panels import PICTURE_WIDTH, Panels
from parkour.viewing.web.scene import WebScene
from parkour.viewing.web.shapes import RobotShapes

HOST = "127.0.0.1"
BRAND = (47, 98, 158)
"""Colour of what is chosen on the page."""
TRIES = 20
"""Ports after the default one that are tried where nobody asked for one."""


class WebViewer:
    """See :class:`parkour.viewing.viewer.Viewer`.

    Args:
        robot: its shapes.
        session: what is shown.
        options: how.

    Raises:
        EngineError: the port is in use, or the page cannot be protected from other pages.
    """

    def __init__(self, robot: RobotShapes, session: Session, options: ViewerOptions) -> None:
        self.port = free_port(options.port)
        identity = Identity(f"parkour: {options.title}", buttons(True) if session.driver is not None else ())
        self.server, self.guard = guarded_server(options.title, self.port, identity)
        # Sharing would send the scene to somebody else's server.
        self.server.gui.configure_theme(
            show_logo=False, show_share_button=False, control_width=_control_width(options), brand_color=BRAND
        )
        self.scene = WebScene(self.server, robot, "behind" if options.behind else "follow")
        self.panels = Panels(self.server.gui, session, self.scene, options.depth_width)
        self.update(session)

    @property
    def running(self) -> bool:
        return True

    @property
    def where(self) -> str:
        return f"web viewer: {self.address}"

    @property
    def address(self) -> str:
        """With the token, without which nothing is served."""
        return guarded_address(self.port, self.guard)

    def update(self, session: Session) -> None:
        snapshot = session.snapshot()
        with self.server.atomic():
            self.scene.update(snapshot)
        self.panels.update(session, snapshot)

    def close(self) -> None:
        with redirect_stdout(io.StringIO()):
            self.server.stop()


def _control_width(options: ViewerOptions) -> Literal["medium", "large"]:
    """Of the panels: as wide as the depth images ask for, as far as viser has it."""
    return "large" if (options.depth_width or 0) > PICTURE_WIDTH else "medium"


def guarded_server(title: str, port: int, identity: Identity | None = None) -> tuple[viser.ViserServer, Guard]:
    """A server of pages for this machine alone, which asks the guard first.

    Args:
        title: of the panels, and of the tab where no ``identity`` is given.
        port: to serve at.
        identity: of the tab.

    Raises:
        EngineError: the page cannot be protected from other pages.
    """
    # A browser that opens a connection in advance and does not use it is no error.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
    guard, identity = Guard(port), identity or Identity(f"parkour: {title}")
    # Standard output belongs to the command that runs.
    with redirect_stdout(io.StringIO()), guarding(guard, identity.wrap):
        server = viser.ViserServer(host=HOST, port=port, label=title, verbose=False)
    if not is_guarded(HOST, port):
        with redirect_stdout(io.StringIO()):
            server.stop()
        raise EngineError(
            f"--viewer web: viser {viser.__version__} serves its page to every web site that is open here",
            hint="pip install 'viser<2', or another viewer: --viewer native, --video",
        )
    return server, guard


def guarded_address(port: int, guard: Guard) -> str:
    """Where a guarded page is, with the token, without which nothing is served."""
    return f"http://{HOST}:{port}/?{PARAMETER}={guard.token}"


def free_port(wanted: int | None) -> int:
    """``wanted``, or the first free port from the default one on.

    Raises:
        EngineError: it is in use, or all of them are; there is no such port.
    """
    if wanted is not None and not 0 < wanted < 2**16:
        raise EngineError(f"--port: got {wanted}, expected 1 to 65535")
    ports = range(DEFAULT_PORT, DEFAULT_PORT + TRIES) if wanted is None else (wanted,)
    reason = ""
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As servers do: connections that are closing do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
                return port
            except OSError as error:
                reason = error.strerror or str(error)
    shown = f"--port {wanted}" if wanted is not None else f"ports {ports[0]} to {ports[-1]}"
    raise EngineError(f"{shown}: {reason}", hint=f"--port {(wanted or DEFAULT_PORT) + TRIES}")
