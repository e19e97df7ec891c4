"""Domain randomization of sensors: what is drawn for whom, how long it stays, and that none is none."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from parkour.errors import TaskError
from parkour.mdp.action_delay import ActionDelay
from parkour.mdp.magnitudes import EpisodeChoice, EpisodeMagnitude
from parkour.mdp.modifiers import EpisodeChance, ModifierChain, NoiseRamp
from parkour.mdp.observations import ClippedGroup, ObservationSet
from parkour.specs import ObservationField
from tests.contexts import random_context

EVERYONE = torch.arange(4000)


def test_a_magnitude_is_uniform_between_its_ends() -> None:
    torch.manual_seed(0)
    drawn = EpisodeMagnitude((0.2, 0.6), 4000, "cpu").values
    assert drawn.min() >= 0.2 and drawn.max() <= 0.6
    assert drawn.mean().item() == pytest.approx(0.4, abs=0.01)
    assert drawn.std().item() == pytest.approx(0.4 / 12**0.5, rel=0.05)


def test_whole_magnitudes_take_both_ends_alike() -> None:
    torch.manual_seed(0)
    drawn = EpisodeMagnitude((0, 2), 6000, "cpu", whole=True).values
    shares = [(drawn == number).float().mean().item() for number in range(3)]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)


@pytest.mark.parametrize("as_indices", [True, False])
def test_a_magnitude_stays_for_the_episode(as_indices: bool) -> None:
    magnitude = EpisodeMagnitude((0.0, 1.0), 4000, "cpu")
    before = magnitude.of(EVERYONE, torch.zeros(4000, 3))
    assert isinstance(before, Tensor) and before.shape == (4000, 1)
    torch.testing.assert_close(magnitude.of(EVERYONE, torch.zeros(4000, 3)), before)
    begun = EVERYONE % 2 == 0
    magnitude.reset(begun.nonzero().squeeze(1) if as_indices else begun)
    after = magnitude.of(EVERYONE, torch.zeros(4000, 3))
    assert isinstance(after, Tensor)
    assert torch.equal(after[~begun], before[~begun]) and (after[begun] != before[begun]).float().mean() > 0.99


def test_a_plain_number_is_not_drawn() -> None:
    state = torch.random.get_rng_state()
    magnitude = EpisodeMagnitude(0.3, 4, "cpu")
    magnitude.reset(torch.ones(4, dtype=torch.bool))
    assert magnitude.of(EVERYONE, torch.zeros(4)) == 0.3
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_choice_is_one_of_several() -> None:
    torch.manual_seed(0)
    choice = EpisodeChoice((0.0, 0.5, 2.0), 4000, "cpu").of(EVERYONE, torch.zeros(4000))
    assert isinstance(choice, Tensor)
    for option in (0.0, 0.5, 2.0):
        assert (choice == option).float().mean().item() == pytest.approx(1 / 3, abs=0.03)
    assert EpisodeChoice(2.0, 4, "cpu").of(EVERYONE, torch.zeros(4)) == 2.0


# -- chance and ramp -----------------------------------------------------------------------------------------------


class AddOne:
    def __call__(self, values: Tensor, ctx: Any, env_ids: Tensor) -> Tensor:
        return values + 1.0

    def reset(self, env_ids: Tensor) -> None:
        """Nothing to forget."""


def chain(chance: float, ramp: NoiseRamp | None = None) -> ModifierChain:
    strength = (ramp or NoiseRamp("cpu")).strength
    return ModifierChain("a", {"one": AddOne()}, {"one": EpisodeChance(chance, 4000, "cpu", strength)})


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_a_modifier_acts_in_a_share_of_the_episodes(chance: float) -> None:
    torch.manual_seed(0)
    laid, values = chain(chance), torch.zeros(4000, 2)
    first = laid(values, None, EVERYONE)  # type: ignore[arg-type]
    assert first[:, 0].mean().item() == pytest.approx(chance, abs=0.03)
    assert torch.equal(laid(values, None, EVERYONE), first)  # type: ignore[arg-type]
    assert torch.equal(laid(values[:7], None, EVERYONE[:7]), first[:7])  # type: ignore[arg-type]
    laid.reset(EVERYONE < 2000)
    again = laid(values, None, EVERYONE)  # type: ignore[arg-type]
    assert torch.equal(again[2000:], first[2000:]) and again[:, 0].mean().item() == pytest.approx(chance, abs=0.03)
    if 0.0 < chance < 1.0:
        assert (again[:2000] != first[:2000]).any()


class Number:
    """A group of one number: 1."""

    def layout(self) -> list[ObservationField]:
        return [ObservationField(name="number", size=1)]

    def __call__(self, ctx: Any) -> Tensor:
        return torch.ones(ctx.num_envs, 1)

    def reset(self, env_ids: Tensor) -> None:
        """Nothing to forget."""


class Before(Number):
    """What the group ``number`` was a step ago."""

    source = "number"

    def __init__(self) -> None:
        self.last = torch.zeros(1)

    def __call__(self, ctx: Any) -> Tensor:
        return self.derive(torch.ones(ctx.num_envs, 1))

    def derive(self, values: Tensor) -> Tensor:
        last, self.last = self.last.expand_as(values), values
        return last


def test_noise_grows_over_training_with_the_next_episodes() -> None:
    torch.manual_seed(0)
    ramp = NoiseRamp("cpu")
    groups = ObservationSet({"number": ClippedGroup(Number(), None, chain(0.8, ramp))}, ramp)
    ctx = random_context(4000, seed=0)
    share = lambda: (groups.compute(ctx)["number"] - 1.0).mean().item()  # noqa: E731
    assert share() == pytest.approx(0.8, abs=0.03)
    groups.ramp_noise(0.0, begin=True)
    assert share() == 0.0
    groups.ramp_noise(0.5)
    assert share() == 0.0
    groups.reset(EVERYONE)
    assert share() == pytest.approx(0.4, abs=0.03)
    groups.ramp_noise(3.0)
    groups.reset(torch.ones(4000, dtype=torch.bool))
    assert share() == pytest.approx(0.8, abs=0.03)


def test_what_is_wrong_in_a_group_is_wrong_in_its_history_and_a_teacher_sees_neither() -> None:
    noisy = ModifierChain("number", {"one": AddOne()})
    groups = ObservationSet({"number": ClippedGroup(Number(), None, noisy), "before": ClippedGroup(Before(), None)})
    ctx = random_context(3, seed=0)
    first, second = groups.compute(ctx), groups.compute(ctx)
    assert first["before"].tolist() == [[0.0]] * 3
    assert second["number"].tolist() == second["before"].tolist() == [[2.0]] * 3
    assert groups.clean["number"].tolist() == groups.clean["before"].tolist() == [[1.0]] * 3


def test_a_group_that_comes_before_its_source_is_named() -> None:
    noisy = ModifierChain("number", {"one": AddOne()})
    with pytest.raises(TaskError, match="'before' comes before 'number', which it is made of"):
        ObservationSet({"before": ClippedGroup(Before(), None), "number": ClippedGroup(Number(), None, noisy)})


def test_without_modifiers_there_is_no_second_copy() -> None:
    groups = ObservationSet({"number": ClippedGroup(Number(), None), "before": ClippedGroup(Before(), None)})
    groups.compute(random_context(3, seed=0))
    assert groups.clean == {}


# -- actions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delay", [0, 1, 3])
def test_actions_come_late(delay: int) -> None:
    delayed = ActionDelay(delay, 2, 1, "cpu")
    given = [delayed(torch.full((2, 1), float(step)))[0].item() for step in range(1, 7)]
    assert given == [0.0] * delay + [1.0, 2.0, 3.0, 4.0, 5.0, 6.0][: 6 - delay]


def test_each_robot_draws_its_delay_for_an_episode() -> None:
    torch.manual_seed(0)
    delayed = ActionDelay((0, 2), 3000, 1, "cpu")
    executed = [delayed(torch.full((3000, 1), float(step)))[:, 0] for step in range(1, 6)]
    late, drawn = 5.0 - executed[-1], delayed.steps.clone()
    assert torch.equal(late.long(), drawn)
    assert [(drawn == steps).float().mean().item() for steps in range(3)] == pytest.approx([1 / 3] * 3, abs=0.04)
    begun = torch.arange(3000) < 1500
    delayed.reset(begun)
    assert torch.equal(delayed.steps[1500:], drawn[1500:]) and not torch.equal(delayed.steps[:1500], drawn[:1500])
    first = delayed(torch.full((3000, 1), 6.0))[:, 0]
    assert torch.equal(first[:1500] == 0.0, delayed.steps[:1500] > 0)
