"""The contract that every encoder keeps."""

import pytest
from parkour.testing import Case, plugin_cases


@pytest.mark.parametrize("case", plugin_cases("parkour-encoder-attention"), ids=str)
def test_contract(case: Case) -> None:
    case.run()
