"""The contract that every terrain keeps."""

import pytest
from parkour.testing import Case, plugin_cases


@pytest.mark.parametrize("case", plugin_cases("parkour-terrain-balance"), ids=str)
def test_contract(case: Case) -> None:
    case.run()
