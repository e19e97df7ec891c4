"""What came through a door and fails: one clear line, and nothing lost that need not be."""

from __future__ import annotations

from typing import Any

import pytest

from parkour.policies.source import Weights
from tests.evaluation.conftest import gliding_engine as gliding_engine
from tests.evaluation.conftest import weights as weights
from tests.evaluation.eval_command import SMALL, command, fails

METRIC = """
    from parkour import MetricSpec, hookimpl

    def bad(ctx): {body}

    @hookimpl
    def register_metrics():
        yield MetricSpec(name="{name}", summary="", target="bad_metric:{target}", {more})
"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ZeroDivisionError('no feet')", "failed: ZeroDivisionError: no feet"),
        ("return 3", "returned a int, expected a tensor (10,)"),
        ("return ctx.command[:3]", "returned shape (3,), expected a tensor (10,)"),
    ],
)
def test_a_metric_that_fails_is_named(
    body: str, said: str, install_plugin: Any, gliding_engine: None, weights: Weights,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    install_plugin("parkour-bad", {"bad_metric": METRIC.format(body=body, name="bad", target="bad", more="")})
    error = fails(capsys, "--checkpoint", weights.path, *SMALL)
    assert "metric 'parkour-bad:bad'" in error and said in error


def test_a_metric_that_cannot_be_imported_is_left_out(
    install_plugin: Any, gliding_engine: None, weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    install_plugin("parkour-bad", {"bad_metric": METRIC.format(body="pass", name="bad", target="worse", more="")})
    code, out, err = command(capsys, "--checkpoint", weights.path, *SMALL)
    assert code == 0 and "success" in out
    assert "parkour-bad:bad is left out: metric 'parkour-bad:bad': 'bad_metric' has no attribute 'worse'" in err


def test_a_metric_s_name_hides_no_column(
    install_plugin: Any, gliding_engine: None, weights: Weights, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """``steps`` is a column of every table, ``success`` a built-in metric: both stay what they are."""
    import json

    for name in ("steps", "success"):
        source = METRIC.format(body="return ctx.command * 0 + 7", name=name, target="bad", more="reduce='last'")
        install_plugin(f"parkour-{name}", {f"bad_{name}": source.replace("bad_metric", f"bad_{name}")}, folder=name)
    out = tmp_path / "eval.json"
    assert command(capsys, "--checkpoint", weights.path, *SMALL, "--json", out)[0] == 0
    columns = json.loads(out.read_text())["episodes"]
    assert set(columns["parkour-steps:steps"]) == set(columns["parkour-success:success"]) == {7}
    assert set(columns["steps"]) != {7} and set(columns["success"]) <= {0, 1}
