"""The diagnosis of the physics' parts: it finds nothing in parts that are right, and names one that is not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.mujoco
pytest.importorskip("mujoco_warp")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def diagnosis() -> Iterator[Any]:
    """The script ``benchmarks/physics_parts.py``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        import physics_parts  # pyright: ignore[reportMissingImports]

        yield physics_parts
        for name in ("physics_parts", "physics_traces"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def comparison(diagnosis: Any) -> Any:
    return diagnosis.Comparison("cpu", num_envs=8, steps=20)


def outcome(comparison: Any, diagnosis: Any, *parts: str) -> Any:
    return comparison.compare(diagnosis.Variant("parts", parts))


def test_parts_that_are_right_are_not_named(comparison: Any, diagnosis: Any) -> None:
    found = outcome(comparison, diagnosis, *diagnosis.PARTS)
    assert comparison.noise.unlike(comparison.noise) == [] == found.unlike(comparison.noise)
    assert diagnosis.verdict([found], comparison.noise).startswith("no part")
    # It was not for want of contacts, ends, or anything to compare.
    assert float(comparison.means["contacts"].mean()) > 1.0 and float(comparison.means["time-outs"].sum()) > 0.0
    assert set(found.steps) == set(diagnosis.ALLOWED)


def shrink_forces(patch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.warp_physics.contact_forces import ContactForces

    sense = ContactForces.sense

    def weaker(self: Any, data: Any) -> None:
        sense(self, data)
        data.sensordata.numpy()[:] *= 0.9

    patch.setattr(ContactForces, "sense", weaker)


def look_too_near(patch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.warp_physics import broad_phase

    patch.setattr(broad_phase, "_reach", lambda model, geom: 0.2)


def turn_targets(patch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.warp_physics.motors import WarpMotors

    write = WarpMotors.write

    def wrong(self: Any, data: Any) -> None:
        self.target.numpy()[:] += 0.01
        write(self, data)

    patch.setattr(WarpMotors, "write", wrong)


def forget_masses(patch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.warp_physics.worlds import Worlds

    patch.setattr(Worlds, "recompute_constants", lambda self, level: None)


@pytest.mark.parametrize(
    ("fault", "part", "named"),
    [
        (shrink_forces, "contact_forces", "contact forces"),
        (look_too_near, "broad_phase", "contacts"),
        (turn_targets, "motors", "torques"),
        (forget_masses, "motors", "model"),
    ],
)
def test_a_part_that_is_wrong_is_named(
    comparison: Any, diagnosis: Any, monkeypatch: pytest.MonkeyPatch, fault: Callable[..., None], part: str, named: str
) -> None:
    fault(monkeypatch)
    found = outcome(comparison, diagnosis, part)
    assert named in found.unlike(comparison.noise)
    assert diagnosis.verdict([found], comparison.noise).startswith("GUILTY parts: ")
    assert "**" in diagnosis.table([found], comparison.noise)


def test_what_the_first_run_differs_from_itself_is_taken_off(comparison: Any, diagnosis: Any) -> None:
    from physics_traces import Difference  # pyright: ignore[reportMissingImports]

    def differing(share: float, errors: float = 0.0) -> Any:
        steps = {name: Difference(share, 0.1, 1.0) for name in diagnosis.ALLOWED}
        return diagnosis.Outcome("x", steps, {"contacts": errors}, "", 1.0)

    noise = differing(0.01)
    assert differing(0.03).unlike(noise) == [] and len(differing(0.04).unlike(noise)) == len(diagnosis.ALLOWED)
    assert differing(0.01, errors=-6.0).unlike(noise) == ["mean contacts"]
    assert diagnosis.verdict([], differing(0.0, errors=9.0)).startswith("nothing can be said")


def test_on_a_gpu_every_part_and_kind_of_graph_is_tried(diagnosis: Any) -> None:
    variants = diagnosis.plan("cuda:0")
    assert {(v.parts, v.step_graphs) for v in variants if len(v.parts) == 1} == {
        ((part,), graphs) for part in diagnosis.PARTS for graphs in (False, True)
    }
    assert any(v.step_graphs and not v.parts for v in variants) and any(not v.physics_graphs for v in variants)


def test_the_command_says_what_it_found(
    diagnosis: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "parts.json"
    command = ["x", "--device", "cpu", "--num-envs", "2", "--steps", "3", "--only", "motors", "--json", str(out)]
    monkeypatch.setattr(sys, "argv", command)
    assert diagnosis.main() == 0
    assert "| contact forces 1 |" in capsys.readouterr().out
    written = json.loads(out.read_text())
    assert written["verdict"].startswith("no part") and [run["name"] for run in written["runs"]] == ["motors"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_no_part_and_no_graph_differs(diagnosis: Any) -> None:
    comparison = diagnosis.Comparison("cuda:0", num_envs=256, steps=60)
    found = [comparison.compare(variant) for variant in diagnosis.plan("cuda:0")]
    assert diagnosis.verdict(found, comparison.noise).startswith("no part"), diagnosis.table(found, comparison.noise)
