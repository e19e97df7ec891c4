"""What is particular to this encoder."""

from pathlib import Path

import pytest
import torch
from parkour.learning.options import TrainOptions
from parkour.learning.train import train
from parkour.policies.definition import define_policy
from parkour.tasks import load_task
from parkour.testing import ReplayEnv
from torch import nn

from parkour_encoder_attention.encoder import ScanAttentionParams, scan_attention


def make(**changes: int) -> nn.Module:
    torch.manual_seed(0)
    return scan_attention((132,), 32, **ScanAttentionParams(**changes).model_dump())


def test_every_row_counts() -> None:
    encoder, scan = make(), torch.randn(1, 132)
    before = encoder(scan)
    for row in range(11):
        other = scan.clone()
        other[:, 12 * row : 12 * row + 12] += 1.0
        assert not torch.allclose(encoder(other), before)


def test_rows_have_places() -> None:
    """Without places, a wall to the left and one to the right would look the same."""
    scan = torch.randn(1, 11, 12)
    assert not torch.allclose(make()(scan.flatten(1)), make()(scan.flip(1).flatten(1)))


@pytest.mark.parametrize(("changes", "said"), [({"columns": 13}, "whole rows of 13"), ({"heads": 5}, "do not divide")])
def test_numbers_that_do_not_fit_are_told(changes: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make(**changes)


def test_the_task_s_policy_has_it() -> None:
    task = load_task("go2-teacher-attention", overlay="train")
    assert task.encoders["scan_encoder"].id == "parkour-encoder-attention:scan_attention"
    define_policy(task)


def test_a_policy_with_it_trains(tmp_path: Path) -> None:
    """Some iterations on recorded states: its weights change, and losses stay finite (or training would stop)."""
    task = load_task("go2-teacher-attention", overlay="train", changes={"algorithm.steps_per_env": 8})
    options = TrainOptions(iterations=3, num_envs=12, device="cpu", log_root=tmp_path, logger="none", progress=False)
    result = train(task, options, make_env=lambda task, num_envs, device, seed: ReplayEnv(task))
    assert result.iterations == 3
    saved = torch.load(result.checkpoint, weights_only=True)
    weights = {k: v for k, v in _tensors(saved) if k.endswith(("look.weight", "place"))}
    fresh = {k: v for k, v in make().state_dict().items() if k.endswith(("look.weight", "place"))}
    assert len(weights) >= len(fresh) == 2
    assert all(torch.isfinite(value).all() and value.any() for value in weights.values())


def _tensors(tree: object, path: str = "") -> list[tuple[str, torch.Tensor]]:
    if isinstance(tree, torch.Tensor):
        return [(path, tree)]
    items = tree.items() if isinstance(tree, dict) else []
    return [pair for key, value in items for pair in _tensors(value, f"{path}.{key}")]
