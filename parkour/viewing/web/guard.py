"""Who may see and drive: only whoever has the printed address, in a page that this server itself has served.

A page on this machine's loopback interface can be reached by every web site that the user has open, and by every other
user of the machine. So each request is checked before it is answered:

- ``Host`` names the loopback interface: a foreign name that resolves to it (DNS rebinding) is refused.
- ``Origin``, which browsers send with every WebSocket handshake, is the server's own.
- A token, drawn anew for each server: in the printed address, and in a cookie once that address has been opened.
"""

from __future__ import annotations

import hmac
import http
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

Respond = Callable[["ServerConnection", "Request"], "Response | None"]
"""Answers a request; None lets the WebSocket handshake go on."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PARAMETER = "token"
"""Of the address's query."""


class Guard:
    """Lets requests through that carry the token and come from this server's own page.

    Args:
        port: of the server; part of the cookie's name, because browsers share cookies between ports.
    """

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(16)
        self.cookie = f"parkour_{port}"

    def refusal(self, path: str, host: str | None, origin: str | None, cookies: str) -> str | None:
        """Why a request is refused; None where it is not.

        Args:
            path: with the query.
            host: the header ``Host``.
            origin: the header ``Origin``.
            cookies: all headers ``Cookie``, separated by semicolons.
        """
        if host is None or _hostname(host) not in LOOPBACK:
            return f"got Host {host!r}, expected this machine's loopback address"
        if origin is not None and origin != f"http://{host}":
            return f"got Origin {origin!r}, expected the page of this server"
        if not (self._is_token(self._asked(path)) or self._is_token(self._kept(cookies))):
            return "no valid token: open the address that the command printed"
        return None

    def wrap(self, respond: Respond | None) -> Respond:
        """``respond`` behind the checks."""

        def guarded(connection: ServerConnection, request: Request) -> Response | None:
            headers = request.headers
            hosts, origins = headers.get_all("Host"), headers.get_all("Origin")
            one = len(hosts) == 1 and len(origins) <= 1
            cookies = ";".join(headers.get_all("Cookie"))
            reason = (
                self.refusal(request.path, hosts[0], origins[0] if origins else None, cookies)
                if one
                else "got several Host or Origin headers"
            )
            if reason is not None:
                return connection.respond(http.HTTPStatus.FORBIDDEN, f"{reason}\n")
            response = respond(connection, request) if respond is not None else None
            if response is not None and self._asked(request.path) is not None:
                response.headers["Set-Cookie"] = f"{self.cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/"
                response.headers["Referrer-Policy"] = "no-referrer"
            return response

        return guarded

    def _is_token(self, value: str | None) -> bool:
        return value is not None and hmac.compare_digest(value.encode(errors="replace"), self.token.encode())

    @staticmethod
    def _asked(path: str) -> str | None:
        # Not urlsplit, which raises on some paths.
        values = parse_qs(path.partition("?")[2]).get(PARAMETER, [])
        return values[0] if len(values) == 1 else None

    def _kept(self, cookies: str) -> str | None:
        for cookie in cookies.split(";"):
            name, _, value = cookie.strip().partition("=")
            if name == self.cookie:
                return value
        return None


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


@contextmanager
def guarding(
    guard: Guard, dress: Callable[[Respond | None], Respond | None] = lambda respond: respond
) -> Iterator[None]:
    """A viser server that starts within asks ``guard`` first, and what it answers goes through ``dress``.

    viser offers no place for this: the WebSocket library's ``serve``, which it calls as it starts, is replaced for as
    long as that takes. Whether it worked is for the caller to try (:func:`is_guarded`).
    """
    from websockets.asyncio import server

    serve: Any = server.serve

    def guarded(*args: Any, process_request: Respond | None = None, **more: Any) -> Any:
        return serve(*args, process_request=guard.wrap(dress(process_request)), **more)

    server.serve = guarded  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        server.serve = serve  # type: ignore[misc]


def is_guarded(host: str, port: int) -> bool:
    """Whether the server there refuses a request without a token."""
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(host, port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == http.HTTPStatus.FORBIDDEN
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
