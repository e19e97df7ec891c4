"""Terms of torch in plain MuJoCo see what numpy sees there, step by step: every built-in group and termination."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from parkour.errors import PluginError
from parkour.exporters.exporter import ExportResult
from parkour.mdp.twins import TwinContext
from parkour_deploy.contract import Contract, read_contract
from parkour_deploy.policy import GraphPolicy

pytest.importorskip("mujoco")
pytestmark = pytest.mark.mujoco


class Compared:
    """Numpy's observer and terminations, held against torch's at every step.

    Args:
        torch_terms: of the same export.
        contract: of the export.
        names: groups that are compared.
    """

    def __init__(self, torch_terms: Any, contract: Contract, names: list[str]) -> None:
        self._torch, self._groups = torch_terms, [group for group in contract.groups if group.name in names]
        self.observed = self.ended = 0

    def observer(self, contract: Contract) -> Any:
        from parkour_mujoco.sim2sim.observation import SimulatedObserver

        compared = self

        class Observer(SimulatedObserver):
            def observe(self, now: Any) -> np.ndarray:
                values = super().observe(now)
                compared.observe(now, values)
                return values

        return Observer(contract)

    def observe(self, now: Any, values: np.ndarray) -> None:
        by_torch = self._torch.observe(now.context)
        for group in self._groups:
            got, want = values[group.offset : group.offset + group.size], by_torch[group.name]
            want = want if group.clip is None else np.clip(want, -group.clip, group.clip)
            close = np.isclose(got, want, atol=1e-4)
            # A point of the scan on the border of two cells may fall into either.
            assert close.mean() > (0.97 if group.kind in ("height_scan", "depth") else 0.9999), group.name
        self.observed += 1

    def end(self, twins: Any, ctx: TwinContext) -> Any:
        outcomes = self._torch.outcomes(ctx)
        assert (twins.failed, twins.over) == ("failure" in outcomes, bool(outcomes))
        self.ended += twins.over
        return twins


@pytest.mark.parametrize("stage", ["teacher", "student"])
def test_torch_and_numpy_agree(exports: dict[str, ExportResult], stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.sim2sim import episode
    from parkour_mujoco.sim2sim.courses import CoursePlan, Patch, build_courses
    from parkour_mujoco.sim2sim.observation import KINDS
    from parkour_mujoco.sim2sim.run import _robot_files
    from parkour_mujoco.sim2sim.stand_in import TorchTerms
    from parkour_mujoco.sim2sim.terms import TaskTerms

    manifest, contract = exports[stage].manifest, read_contract(exports[stage].folder)
    names = [group.name for group in contract.groups if group.kind in KINDS]
    assert len(names) >= 4
    runner = episode.Runner(
        manifest, contract, _robot_files(manifest), GraphPolicy(contract), episode.Conditions(0.7, 1.2, 0.9)
    )
    assert runner.terms.by_torch == ()
    torch_terms = TorchTerms(manifest, list(manifest.terminations), names, 0.9)
    compared, ended = Compared(torch_terms, contract, names), TaskTerms.ended
    runner.observer = compared.observer(contract)
    monkeypatch.setattr(TaskTerms, "ended", lambda self, ctx: compared.end(ended(self, ctx), ctx))
    field = build_courses(manifest, CoursePlan(("hurdle", "gap"), (0.3, 0.9), 2, 4))
    for index in range(4):
        patch = Patch(field, index)
        torch_terms.begin(patch)
        assert runner.run(patch)["steps"] > 5
    assert compared.observed > 60 and compared.ended == 4


def test_further_commands_are_0(exports: dict[str, ExportResult], monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour.mdp.context import StepContext
    from parkour_mujoco.sim2sim import episode
    from parkour_mujoco.sim2sim.courses import CoursePlan, Patch, build_courses
    from parkour_mujoco.sim2sim.run import _robot_files
    from parkour_mujoco.sim2sim.stand_in import TorchTerms
    from parkour_mujoco.sim2sim.terms import TaskTerms

    manifest, contract = exports["teacher"].manifest, read_contract(exports["teacher"].folder)
    seen: list[StepContext] = []
    terms = TorchTerms(manifest, [], [], 1.0)

    def look(self: TaskTerms, ctx: TwinContext) -> Any:
        assert ctx.commanded("turn_rate") == 0.0
        seen.append(terms._context(ctx))
        return ended(self, ctx)

    ended = TaskTerms.ended
    monkeypatch.setattr(TaskTerms, "ended", look)
    patch = Patch(build_courses(manifest, CoursePlan(("flat",), (0.0, 0.0), 1, 3)), 0)
    terms.begin(patch)
    conditions = episode.Conditions(0.5, 0.1, 1.0)
    episode.Runner(manifest, contract, _robot_files(manifest), GraphPolicy(contract), conditions).run(patch)
    assert len(seen) == 5 and seen[-1].commanded("turn_rate").tolist() == [0.0]


def test_a_twin_that_fails_is_named_in_one_line(
    exports: dict[str, ExportResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    from parkour_mujoco.sim2sim import episode
    from parkour_mujoco.sim2sim.courses import CoursePlan, Patch, build_courses
    from parkour_mujoco.sim2sim.run import _robot_files

    manifest, contract = exports["teacher"].manifest, read_contract(exports["teacher"].folder)
    runner = episode.Runner(
        manifest, contract, _robot_files(manifest), GraphPolicy(contract), episode.Conditions(0.5, 0.1, 1.0)
    )

    def broken(ctx: TwinContext) -> bool:
        raise KeyError("battery")

    key = next(iter(runner.terms._ends))
    monkeypatch.setitem(runner.terms._ends, key, broken)
    with pytest.raises(PluginError, match=f"the twin of termination {key!r} failed in sim2sim .KeyError: 'battery'"):
        runner.run(Patch(build_courses(manifest, CoursePlan(("flat",), (0.0, 0.0), 1, 3)), 0))
