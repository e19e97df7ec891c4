"""The scan that sim2sim computes in numpy is the one that policies were trained on, ceilings included."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from parkour.terrain.field import build_field
from parkour.terrain.library import CourseLibrary, CourseState
from parkour_observations.height_scan import HeightScan
from parkour_observations.params import HeightScanParams
from tests.contexts import GO2, random_context
from tests.terrain.courses import builtin, course

pytestmark = pytest.mark.mujoco


@pytest.mark.parametrize("ceiling", [False, True])
@pytest.mark.parametrize("name", ["crawl", "step"])
def test_both_scans_are_one(name: str, ceiling: bool) -> None:
    from parkour_mujoco.sim2sim.courses import Patch
    from parkour_mujoco.sim2sim.observation import HeightScan as NumpyScan

    field = build_field(course(levels=1, columns=1), builtin(**{name: 1.0}), 0)
    ctx = random_context(64, seed=2, course=CourseState(CourseLibrary(field), 64))
    ctx.perception = torch.ones(64, dtype=torch.bool)
    params = HeightScanParams(ceiling=ceiling).model_dump()
    expected = HeightScan(64, "cpu", GO2, **params)(ctx).numpy()
    assert expected.shape == (64, 264 if ceiling else 132)
    patch = Patch(field, 0)
    for i in range(64):
        state = SimpleNamespace(base_pos=ctx.robot.base_pos[i].numpy(), yaw=float(ctx.robot.yaw[i]))
        now: Any = SimpleNamespace(state=state, patch=patch, perception=True)
        got = NumpyScan()(now, SimpleNamespace(params=params))  # type: ignore[arg-type]
        # A point on the border of two cells may fall into either.
        assert np.isclose(got, expected[i], atol=1e-4).mean() > 0.98
    assert (expected[:, 132:] > 0.0).any() == (ceiling and name == "crawl")
