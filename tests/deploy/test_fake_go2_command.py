"""What ``parkour fake-go2`` makes of its options, and the page it serves; the robot itself has tests of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("mujoco")
pytest.importorskip("cyclonedds")

from parkour_cli.app import app
from parkour_mujoco.fake_go2 import page as page_module
from parkour_mujoco.fake_go2 import server as server_module
from parkour_mujoco.fake_go2.robot import FakeGo2
from tests.ports import own_port

pytestmark = pytest.mark.mujoco


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the server was made with; it ends after one look at the page."""
    seen: dict[str, Any] = {}

    class Server:
        def __init__(self, robot: FakeGo2, options: Any, on_step: Any) -> None:
            seen.update(robot=robot, options=options, on_step=on_step)

        def run(self) -> dict[str, Any]:
            seen["on_step"](seen["robot"])
            return {
                "way_points": 0, "way_points_of": 8, "seconds": 1.0, "fell": None, "fault": None,
                "state_to_command_ms": {"p50": 1.0},
            }  # fmt: skip

    monkeypatch.setattr(server_module, "Server", Server)
    return seen


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["fake-go2", *map(str, arguments)])


def test_options_reach_robot_and_operator(served: dict[str, Any], shipped: dict[str, Path]) -> None:
    done = run(
        shipped["teacher"], "--terrain", "gap", "--difficulty", 0.3, "--seed", 7, "--friction", 0.6, "--sit-at", 9,
        "--turn", -0.5, "--hang", "--policy-at", 3, "--seconds", 12, "--domain", 42, "--pace", 0.5, "--no-page",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    options, script = served["robot"].options, served["robot"].options.script
    assert (options.terrain, options.difficulty, options.seed, options.friction) == ("gap", 0.3, 7, 0.6)
    assert (script.policy, script.sit, script.turn, options.hang) == (3.0, 9.0, -0.5, True)
    assert (served["options"].domain, served["options"].pace) == (42, 0.5)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--friction", -1),
        ("--seconds", "nan"),
        ("--terrain", "moon"),
        ("--difficulty", 2),
        ("--pace", 0),
        ("--turn", -1.5),
        ("--sit-at", "nan"),
    ],
)
def test_what_makes_no_sense_is_one_line(shipped: dict[str, Path], arguments: tuple[object, ...]) -> None:
    from parkour.errors import ParkourError

    done = run(shipped["teacher"], *arguments)
    assert done.exit_code != 0 and isinstance(done.exception, ParkourError)
    assert "\n" not in str(done.exception)


def test_the_page_shows_the_robot(
    served: dict[str, Any], shipped: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("viser")
    port = own_port()
    addresses: list[str] = []
    close = page_module.Page.close

    def closing(self: Any) -> None:
        addresses.append(self.address)
        close(self)

    monkeypatch.setattr(page_module.Page, "close", closing)
    done = run(shipped["teacher"], "--page", "--port", port)
    assert done.exit_code == 0, done.output
    assert addresses[0].startswith(f"http://127.0.0.1:{port}")
