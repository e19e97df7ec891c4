"""Who is let in: the page's own clients, and nobody else."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from parkour.errors import EngineError
from parkour.mdp.drive import Drive
from parkour.viewing.driving import MAX_TURN, Driver
from parkour.viewing.viewer import ViewerOptions
from parkour_mujoco.launch import choose_renderer
from tests.ports import own_port
from tests.viewing.fakes import make_session

pytestmark = pytest.mark.mujoco
choose_renderer()
pytest.importorskip("mujoco")
pytest.importorskip("mjlab")
import viser  # noqa: E402
from websockets.exceptions import InvalidStatus  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

from parkour.viewing.web import served_page as web_module  # noqa: E402
from parkour.viewing.web.guard import Guard  # noqa: E402
from parkour.viewing.web.page import WebViewer  # noqa: E402
from parkour_mujoco.viewer.shapes import MujocoShapes  # noqa: E402

PROTOCOL = f"viser-v{viser.__version__}"


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebViewer]:
    session, task, _ = make_session(tmp_path_factory.mktemp("page"), driven=True, num_envs=1, terrains=("hurdle",))
    viewer = WebViewer(MujocoShapes(task), session, ViewerOptions("a test", port=own_port()))
    yield viewer
    viewer.close()


def join(viewer: WebViewer, *, origin: str | None = "own", token: str | None = "own", host: str | None = None) -> bytes:
    """A client's handshake, and the first message it is sent."""
    cookie = viewer.guard.token if token == "own" else token
    own = f"http://127.0.0.1:{viewer.port}"
    headers = {} if cookie is None else {"Cookie": f"theme=dark; {viewer.guard.cookie}={cookie}"}
    with socket.create_connection(("127.0.0.1", viewer.port)) as connection:
        uri = f"ws://{host or f'127.0.0.1:{viewer.port}'}"
        more: Any = {"origin": own if origin == "own" else origin, "subprotocols": [PROTOCOL]}
        with connect(uri, sock=connection, additional_headers=headers, open_timeout=10, **more) as client:
            message = client.recv(timeout=10)
            return message if isinstance(message, bytes) else message.encode()


def refused(viewer: WebViewer, **client: Any) -> str:
    with pytest.raises(InvalidStatus) as caught:
        join(viewer, **client)
    assert caught.value.response.status_code == 403
    return bytes(caught.value.response.body or b"").decode()


def test_the_page_s_own_client_is_served(viewer: WebViewer) -> None:
    assert join(viewer)
    assert join(viewer, host=f"localhost:{viewer.port}", origin=f"http://localhost:{viewer.port}")


@pytest.mark.parametrize("origin", ["https://example.com", "http://127.0.0.1:1", "null", "http://localhost"])
def test_a_foreign_origin_is_refused(viewer: WebViewer, origin: str) -> None:
    assert "Origin" in refused(viewer, origin=origin)


@pytest.mark.parametrize("token", [None, "", "wrong", "é"])
def test_without_the_token_nobody_is_served(viewer: WebViewer, token: str | None) -> None:
    assert "token" in refused(viewer, token=token)


def test_a_name_that_resolves_to_loopback_is_refused(viewer: WebViewer) -> None:
    host = f"rebound.example.com:{viewer.port}"
    assert "Host" in refused(viewer, host=host, origin=f"http://{host}")


def test_the_address_sets_a_cookie_that_scripts_cannot_read(viewer: WebViewer) -> None:
    from http.client import HTTPConnection

    def get(path: str, **headers: str) -> Any:
        connection = HTTPConnection("127.0.0.1", viewer.port, timeout=10)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    path = viewer.address.partition(f":{viewer.port}")[2]
    answer = get(path)
    cookie = answer.getheader("Set-Cookie")
    assert answer.status == 200 and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert get("/", Cookie=cookie.partition(";")[0]).status == 200
    assert get("/").status == get("/index.html").status == get("/?token=wrong").status == 403


def test_a_viser_that_asks_nobody_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, task, _ = make_session(tmp_path, num_envs=1, terrains=("hurdle",))
    monkeypatch.setattr(web_module, "guarding", lambda *arguments: web_module.redirect_stdout(None))
    with pytest.raises(EngineError, match="serves its page to every web site"):
        WebViewer(MujocoShapes(task), session, ViewerOptions("a test"))


@pytest.mark.parametrize("host", ["[", "[::1", "127.0.0.1:x", "", "@", "127.0.0.1@example.com", "\udcff"])
def test_hosts_that_make_no_sense_are_refused(host: str) -> None:
    guard = Guard(8080)
    assert guard.refusal(f"/?token={guard.token}", host, f"http://{host}", "") or host == "127.0.0.1:x"
    assert guard.refusal("/?token=\udcff&token", "localhost", None, "parkour_8080=\udcff;;=;")


def test_tokens_differ_and_are_long() -> None:
    assert len({Guard(1).token for _ in range(100)}) == 100 and len(Guard(1).token) >= 20


@pytest.mark.parametrize("speed", [math.nan, math.inf, -math.inf, 1e308, -5.0])
@pytest.mark.parametrize("turn", [math.nan, math.inf, 1e308])
def test_what_a_client_sends_stays_within_bounds(speed: float, turn: float) -> None:
    zeros = torch.zeros(2)
    drive: Any = SimpleNamespace(spec=Drive, speed=zeros, turn_rate=zeros, nudge=zeros, by_hand=zeros.bool())
    driver = Driver(drive, max_speed=0.8)
    driver.set(0.5, 0.1)
    driver.set(speed, turn)
    driver.update(0.0)
    assert 0.0 <= driver.speed <= 0.8 and abs(driver.turn) <= MAX_TURN
    assert bool(torch.isfinite(drive.speed).all()) and bool(torch.isfinite(drive.turn_rate).all())
