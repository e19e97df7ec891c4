"""Levels after an episode."""

from __future__ import annotations

import pytest
import torch

from parkour.errors import PluginError, UnknownNameError
from parkour.registry import default_registry
from parkour.tasks import load_task
from parkour.tasks.document import read_task
from parkour.tasks.missing import TRAINING
from parkour.tasks.resolve import resolve_task
from parkour.terrain.curriculum import Curriculum, EndedEpisodes, mean_levels, next_levels
from parkour.testing import ended_episodes


def after(level: int, distance: float, speed: float = 0.5, completed: bool = False, levels: int = 10) -> int:
    result = next_levels(
        torch.tensor([level]), torch.tensor([distance]), torch.tensor([speed]), torch.tensor([completed]), levels, 20.0
    )
    assert result.dtype == torch.int64
    return int(result)


# At 0.5 m/s for 20 s the command asks for 10 m: up beyond 8 m, down short of 4 m.
@pytest.mark.parametrize(
    ("level", "distance", "expected"),
    [
        (3, 8.1, 4),
        (3, 7.9, 3),
        (3, 4.1, 3),
        (3, 3.9, 2),
        (0, 0.0, 0),
        (0, 9.0, 1),
        (8, 9.0, 9),
        (9, 5.0, 9),
        (9, 1.0, 8),
    ],
)
def test_distance_moves_the_level(level: int, distance: float, expected: int) -> None:
    assert after(level, distance) == expected


def test_completing_the_course_counts_as_up() -> None:
    assert after(3, 12.0, speed=0.8) == 3
    assert after(3, 12.0, speed=0.8, completed=True) == 4
    assert after(3, 1.0, speed=0.8, completed=True) == 4


def test_standing_by_command_stays() -> None:
    assert after(3, 0.1, speed=0.0) == 3


def test_a_broken_distance_stays() -> None:
    assert after(3, float("nan")) == 3


def test_above_the_last_level_any_level_follows() -> None:
    n = 5000
    generator = torch.Generator().manual_seed(0)
    levels = next_levels(
        torch.full((n,), 9), torch.full((n,), 15.0), torch.full((n,), 0.5), torch.ones(n, dtype=torch.bool), 10, 20.0,
        generator,
    )  # fmt: skip
    counts = torch.bincount(levels, minlength=10)
    assert len(counts) == 10 and counts.min() > 0.8 * n / 10 and counts.max() < 1.2 * n / 10


def test_draws_are_reproducible() -> None:
    def draw(seed: int) -> torch.Tensor:
        ones = torch.ones(50)
        generator = torch.Generator().manual_seed(seed)
        return next_levels(torch.full((50,), 9), 99 * ones, ones, ones.bool(), 10, 20.0, generator)

    assert torch.equal(draw(1), draw(1)) and not torch.equal(draw(1), draw(2))


def test_mean_levels_per_terrain() -> None:
    means = mean_levels(torch.tensor([1, 2, 9, 4]), torch.tensor([0, 0, 2, 0]), 4)
    assert means.tolist() == pytest.approx([7 / 3, 0.0, 9.0, 0.0])


# -- curricula as components -------------------------------------------------------------------------------------------


class Patient:
    """Up after the second good episode on end."""

    def __init__(self, num_envs: int, device: str, *, wanted: int) -> None:
        self.good, self.wanted = torch.zeros(num_envs, dtype=torch.int64, device=device), wanted

    def __call__(self, ended: EndedEpisodes) -> torch.Tensor:
        counted = torch.where(ended.completed, self.good + 1, 0)
        self.good = torch.where(ended.ended, counted, self.good)
        return ended.level + (self.good >= self.wanted).long()

    def state_dict(self) -> dict[str, torch.Tensor]:
        return {"good": self.good}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        self.good = state["good"].clone()


def test_a_checkpoint_keeps_what_a_curriculum_remembers() -> None:
    make = lambda: Curriculum("patient", Patient, {"wanted": 2}, 50, "cpu")  # noqa: E731
    first = make()
    for seed in range(3):
        first(ended_episodes(50, seed))
    again = make()
    again.load_state_dict(first.state_dict())
    ended = ended_episodes(50, 3)
    assert torch.equal(first(ended), again(ended)) and not torch.equal(first(ended), make()(ended))


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (torch.zeros(3), r"'x' returned torch.float32 \(3,\), expected torch.int64 \(4,\)"),
        (7, r"'x' returned int \(\), expected torch.int64 \(4,\)"),
    ],
)
def test_one_that_returns_something_else_is_named(returned: object, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        Curriculum("x", lambda ended: returned, {}, 4, "cpu")(ended_episodes(4, 0))


def test_only_a_training_needs_its_curriculum() -> None:
    changes = {"curriculum.use": "gone"}
    with pytest.raises(UnknownNameError, match="unknown curriculum 'gone'"):
        load_task("go2-teacher", overlay="train", changes=changes)
    task = load_task("go2-teacher", changes={**changes, "course.curriculum": False})
    assert task.curriculum is None
    document, _ = read_task("go2-teacher", default_registry())
    spared = resolve_task(document, changes=changes, spare=TRAINING)
    assert spared.curriculum is None and [item.kind for item in spared.left_out] == ["curriculum"]
