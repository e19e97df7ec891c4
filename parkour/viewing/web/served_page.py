"""What every page in the browser is: served to this machine alone, and there to whoever has the printed address."""

from __future__ import annotations

import io
import logging
import socket
from contextlib import redirect_stdout
from typing import Literal

import viser

from parkour.errors import EngineError
from parkour.viewing.viewer import DEFAULT_PORT
from parkour.viewing.web.guard import PARAMETER, Guard, guarding, is_guarded
from parkour.viewing.web.identity import Identity

HOST = "127.0.0.1"
BRAND = (47, 98, 158)
"""Colour of what is chosen on the page."""
TRIES = 20
"""Ports after the default one that are tried where nobody asked for one."""


class ServedPage:
    """A page and its server, which asks a guard first.

    Args:
        title: of the panels, and of the tab where no ``identity`` is given.
        port: to serve at; the default one or a free one after it when None.
        identity: of the tab.
        control_width: of the panels.

    Raises:
        EngineError: the port is in use, or the page cannot be protected from other pages.
    """

    def __init__(
        self,
        title: str,
        port: int | None,
        identity: Identity | None = None,
        control_width: Literal["medium", "large"] = "medium",
    ) -> None:
        self.port = free_port(port)
        self.server, self.guard = _guarded_server(title, self.port, identity or Identity(f"parkour: {title}"))
        # Sharing would send the scene to somebody else's server.
        self.server.gui.configure_theme(
            show_logo=False, show_share_button=False, control_width=control_width, brand_color=BRAND
        )

    @property
    def address(self) -> str:
        """With the token, without which nothing is served."""
        return f"http://{HOST}:{self.port}/?{PARAMETER}={self.guard.token}"

    def close(self) -> None:
        """Serve no longer."""
        # Standard output belongs to the command that runs; so it does below.
        with redirect_stdout(io.StringIO()):
            self.server.stop()


def _guarded_server(title: str, port: int, identity: Identity) -> tuple[viser.ViserServer, Guard]:
    # A browser that opens a connection in advance and does not use it is no error.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
    guard = Guard(port)
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
