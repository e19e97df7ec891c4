"""The contract that every robot and task keeps."""

import pytest
from parkour.testing import Case, plugin_cases


@pytest.mark.parametrize("case", plugin_cases("parkour-robot-go1"), ids=str)
def test_contract(case: Case) -> None:
    case.run()
