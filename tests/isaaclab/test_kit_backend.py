"""What the backend on Isaac Sim asks of Isaac Lab, as far as it can be told without Isaac Sim."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import warp as wp

from parkour_isaaclab.backends import kit
from parkour_isaaclab.backends.backend import backend_of, find_backend

pytestmark = pytest.mark.isaaclab


@pytest.mark.parametrize(
    ("window", "cameras", "headless", "visualizer"),
    [(False, False, True, []), (True, False, False, ["kit"]), (False, True, True, ["kit"])],
)
def test_isaac_sim_is_started_with_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, window: bool, cameras: bool, headless: bool, visualizer: list[str]
) -> None:
    """It gets none of our arguments, and the launcher accepts its own."""
    from isaaclab import app
    from isaaclab.app import sim_launcher

    seen: list[tuple[Any, list[str]]] = []

    @contextmanager
    def launch_simulation(cfg: Any, arguments: dict[str, Any]) -> Iterator[None]:
        assert sim_launcher.validate_launch(cfg, dict(arguments))[1], "Kit is asked for"
        seen.append((arguments, list(sys.argv)))
        yield None

    monkeypatch.setattr(app, "launch_simulation", launch_simulation)
    monkeypatch.setattr(sys, "argv", ["parkour", "train", "--engine", "isaaclab"])
    find_backend("kit").start(device="cuda:0", window=window, cameras=cameras)
    kit._runtime.pop_all()
    ((wanted, arguments),) = seen
    assert (wanted["device"], wanted["headless"], wanted["visualizer"]) == ("cuda:0", headless, visualizer)
    assert wanted["enable_cameras"] is cameras
    assert arguments == ["parkour"]
    assert sys.argv[1] == "train"


def test_its_configuration_is_isaac_labs_for_physx() -> None:
    cfg = find_backend("kit").physics_cfg(16)
    assert type(cfg).__name__ == "PhysxCfg"
    assert backend_of(cfg).name == "kit"


def test_friction_is_written_on_the_host() -> None:
    """Static and dynamic, of all shapes of some robots; restitution stays."""
    view = _View(robots=3, shapes=2)
    robot: Any = SimpleNamespace(root_view=view)
    backend = find_backend("kit")
    backend.set_friction(robot, torch.tensor([2, 0]), torch.tensor([0.3, 1.7]))
    assert view.rows == [2, 0]
    torch.testing.assert_close(backend.friction(robot), torch.tensor([1.7, 0.5, 0.3])[:, None].expand(3, 2))
    assert wp.to_torch(view.materials)[..., 2].unique().tolist() == pytest.approx([0.1])


class _View:
    """Materials as Isaac Lab's view of PhysX has them: copies out, and whole arrays with the rows that count in."""

    def __init__(self, robots: int, shapes: int) -> None:
        wp.init()
        self.materials = wp.from_torch(torch.tensor([0.5, 0.5, 0.1]).repeat(robots, shapes, 1).contiguous())
        self.rows: list[int] = []

    def get_material_properties(self) -> wp.array:
        return wp.clone(self.materials)

    def set_material_properties(self, materials: wp.array, rows: wp.array) -> None:
        self.rows = wp.to_torch(rows).tolist()
        wp.to_torch(self.materials)[self.rows] = wp.to_torch(materials)[self.rows]
