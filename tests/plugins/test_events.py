"""Randomizations: within their bounds, over all of them, and only where they were asked for."""

from __future__ import annotations

import math
import tomllib
from importlib.resources import files
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from parkour.mdp.robot import RobotLayout
from parkour.testing.sim import UNTOUCHED, RecordingSim
from parkour_events.plugin import register_events
from tests.components import load, parameters
from tests.contexts import GO2, TRIPOD

SPECS = {spec.name: spec for spec in register_events()}
EVENTS = pytest.mark.parametrize("name", sorted(SPECS))


def _run(name: str, sim: RecordingSim, env_ids: Tensor, **changes: Any) -> dict[str, Tensor]:
    """Runs the event; returns what it set, by name."""
    spec = SPECS[name]
    load(spec.target)(sim, env_ids, **parameters(spec, **changes))
    return sim.touched()


def test_the_events_are_those_of_the_tasks() -> None:
    texts = [(files("parkour_tasks") / f"go2_{name}.toml").read_text() for name in ("teacher", "student")]
    events = {name: use for text in texts for name, use in tomllib.loads(text)["events"].items()}
    assert set(SPECS) == set(events)
    assert {name for name, spec in SPECS.items() if spec.mode == "interval"} == {
        name for name, use in events.items() if "interval" in use
    }


@EVENTS
@pytest.mark.parametrize("layout", [GO2, TRIPOD], ids=lambda layout: layout.name)
def test_only_the_given_environments_change(name: str, layout: RobotLayout) -> None:
    torch.manual_seed(0)
    given = torch.tensor([9, 2, 5])
    changed = _run(name, RecordingSim(12, layout), given)
    assert changed
    others = [i for i in range(12) if i not in given]
    for value in changed.values():
        assert (value[others] == UNTOUCHED).all()
        assert (value[given] != UNTOUCHED).all()


@EVENTS
def test_one_seed_gives_one_draw(name: str) -> None:
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(_run(name, RecordingSim(8), torch.arange(8)))
    assert all(torch.equal(draws[0][key], draws[1][key]) for key in draws[0])
    if name != "reset_base":  # draws nothing that matters while its noise is 0
        assert any(not torch.equal(draws[0][key], draws[2][key]) for key in draws[0])


DRAWN = [
    ("friction", "friction", 0.6, 2.0),
    ("added_mass", "mass", -1.0, 3.0),
    ("com_offset", "com", -0.02, 0.02),
    ("gain_scale", "stiffness", 0.975, 1.025),
    ("gain_scale", "damping", 0.975, 1.025),
    ("motor_strength", "strength", 0.9, 1.1),
    ("push", "push", -0.5, 0.5),
    ("camera_roll", "camera_roll", -math.radians(2.0), math.radians(2.0)),
    ("camera_pitch", "camera_pitch", -math.radians(5.0), math.radians(5.0)),
    ("camera_yaw", "camera_yaw", -math.radians(2.0), math.radians(2.0)),
    ("camera_position", "camera_position", -0.01, 0.01),
]


@pytest.mark.parametrize(("name", "what", "low", "high"), DRAWN)
def test_draws_are_uniform_over_their_bounds(name: str, what: str, low: float, high: float) -> None:
    torch.manual_seed(0)
    values = _run(name, RecordingSim(4000), torch.arange(4000))[what].reshape(4000, -1)
    unit = (values - low) / (high - low)
    assert unit.min() >= -1e-5 and unit.max() <= 1 + 1e-5
    # 64 buckets estimate the quartiles of the friction far less well than 4000 draws do.
    slack = 0.15 if name == "friction" else 0.03
    for quantile in (0.25, 0.5, 0.75):
        assert (unit.quantile(quantile, dim=0) - quantile).abs().max() < slack
    if values.shape[1] > 1:
        assert torch.corrcoef(values.T).fill_diagonal_(0.0).abs().max() < 0.1, "the columns are not drawn separately"


def test_friction_comes_from_buckets() -> None:
    torch.manual_seed(0)
    values = _run("friction", RecordingSim(2000), torch.arange(2000))["friction"]
    assert values.unique().numel() == 64
    few = _run("friction", RecordingSim(2000), torch.arange(2000), buckets=3)["friction"]
    assert few.unique().numel() == 3


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("gain_scale", {"stiffness": ("stiffness", ...), "damping": ("damping", ...)}),
        ("com_offset", {"x": ("com", 0), "y": ("com", 1), "z": ("com", 2)}),
        ("push", {"x": ("push", 0), "y": ("push", 1)}),
        ("camera_position", {"x": ("camera_position", 0), "y": ("camera_position", 1), "z": ("camera_position", 2)}),
    ],
)
def test_each_part_has_bounds_of_its_own(name: str, parts: dict[str, tuple[str, Any]]) -> None:
    bounds = {part: (i / 10.0, i / 10.0 + 0.05) for i, part in enumerate(parts, start=1)}
    state = _run(name, RecordingSim(50), torch.arange(50), **bounds)
    for part, (what, column) in parts.items():
        values = state[what][..., column]
        assert bounds[part][0] <= values.min() and values.max() <= bounds[part][1]


def test_stiffness_and_damping_are_drawn_separately() -> None:
    torch.manual_seed(0)
    drawn = _run("gain_scale", RecordingSim(10), torch.arange(10))
    assert not torch.allclose(drawn["stiffness"], drawn["damping"])


def test_base_starts_above_the_start_of_its_patch() -> None:
    given = torch.tensor([7, 3])
    state = _run("reset_base", RecordingSim(8), given)
    torch.testing.assert_close(state["base"][given], torch.tensor([[7.0, -3.5, 0.47], [3.0, -1.5, 0.43]]))
    assert state["yaw"][given].tolist() == [0.0, 0.0]


def test_base_may_start_beside_it() -> None:
    torch.manual_seed(0)
    ids = torch.arange(2000)
    state = _run("reset_base", RecordingSim(2000), ids, xy_noise=0.3, yaw_noise=0.5)
    start = RecordingSim(2000).spawn(ids)
    shift = state["base"] - start
    torch.testing.assert_close(shift[:, 2], torch.full((2000,), GO2.base_height), rtol=0.0, atol=1e-5)
    for values, bound in ((shift[:, 0], 0.3), (shift[:, 1], 0.3), (state["yaw"], 0.5)):
        assert values.abs().max() < bound + 1e-3
        assert values.min() < -0.9 * bound and values.max() > 0.9 * bound


@pytest.mark.parametrize("layout", [GO2, TRIPOD], ids=lambda layout: layout.name)
def test_joints_start_near_the_default_pose_at_rest(layout: RobotLayout) -> None:
    torch.manual_seed(0)
    state = _run("reset_joints", RecordingSim(2000, layout), torch.arange(2000))
    ratio = state["pos"] / torch.tensor(layout.default_joint_pos)
    assert 0.9499 < ratio.min() < 0.951 and 1.049 < ratio.max() < 1.0501
    assert not torch.allclose(ratio[:, 0], ratio[:, 1]), "the joints are not drawn separately"
    assert not state["vel"].any()


@pytest.mark.parametrize(
    ("name", "changes", "complaint"),
    [
        ("friction", {"range": (2.0, 0.6)}, "lower end first"),
        ("friction", {"range": (-0.1, 0.6)}, "at least 0"),
        ("friction", {"buckets": 0}, "greater than or equal to 1"),
        ("added_mass", {"range": (0.0, float("nan"))}, "finite number"),
        ("push", {"x": (0.5, -0.5)}, "lower end first"),
        ("camera_pitch", {"range": (-5.0, 5.0)}, "at least -1.57"),
        ("camera_yaw", {"range": (0.1, -0.1)}, "lower end first"),
        ("camera_position", {"y": (0.0, float("inf"))}, "finite number"),
        ("push", {"z": (0.0, 0.1)}, "Extra inputs"),
        ("reset_base", {"xy_noise": -1.0}, "greater than or equal to 0"),
    ],
)
def test_bad_numbers_are_refused(name: str, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        parameters(SPECS[name], **changes)
