"""Every built-in component keeps the contract of its kind, by the checks that plugin authors use."""

from __future__ import annotations

import pytest

from parkour.registry import Registry
from parkour.specs import KINDS
from parkour.testing import Case, CheckOptions, plugin_cases
from parkour.testing.catalogue import MODULES, all_checks
from parkour.testing.subject import title_of

CASES = plugin_cases("parkour-lab", registry=Registry.discover(only=[]), options=CheckOptions(seeds=12))


ELSEWHERE = {
    "policy-rma-teacher-exports",
    "policy-rma-student-exports",
    "policy-rma-student-ppo-exports",
    "encoder-depth_gru-exports",
    "encoder-depth_strided_gru-exports",
    "encoder-depth_cnn58x87-exports",
    "engine-mujoco-steps_a_task",
    "engine-isaaclab-steps_a_task",
}
"""Slow, and done in tests/exporters and tests/engines at length."""


@pytest.mark.parametrize("case", [case for case in CASES if str(case) not in ELSEWHERE], ids=str)
def test_contract(case: Case) -> None:
    case.run()


def test_every_kind_has_checks_of_its_own() -> None:
    assert set(MODULES) == set(KINDS)
    for kind, checks in all_checks().items():
        assert len(checks) > 3, kind
        titles = [title_of(check) for check in checks]
        assert len(set(titles)) == len(titles) and all(len(title) > 15 for title in titles), kind
