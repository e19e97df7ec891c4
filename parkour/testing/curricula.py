"""Checks of curricula, on made-up ends of episodes."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.terrain.curriculum import Curriculum, CurriculumWithMemory, EndedEpisodes
from parkour.testing.subject import DoesNotApply, Subject, expect

ROBOTS, LEVELS, STEPS = 200, 10, 20


def ended_episodes(num_envs: int, seed: int, device: str = "cpu") -> EndedEpisodes:
    """Ends of episodes of ``num_envs`` robots drawn from ``seed``, the same on every device."""
    rng = torch.Generator().manual_seed(seed)
    uniform = lambda high: torch.rand(num_envs, generator=rng) * high  # noqa: E731
    reached = torch.randint(0, 9, (num_envs,), generator=rng)
    completed = reached == 8
    made = {
        "ended": uniform(1.0) < 0.5,
        "level": torch.randint(0, LEVELS, (num_envs,), generator=rng),
        "terrain": torch.randint(0, 5, (num_envs,), generator=rng),
        "distance": uniform(16.0),
        "speed": torch.where(uniform(1.0) < 0.1, 0.0, uniform(0.8)),
        "way_points": reached / 8,
        "completed": completed,
        "failed": ~completed & (uniform(1.0) < 0.5),
    }
    return EndedEpisodes(
        **{name: value.to(device) for name, value in made.items()}, num_levels=LEVELS, episode_length=20.0
    )


def _make(subject: Subject, num_envs: int = ROBOTS, device: str = "cpu") -> Curriculum:
    return Curriculum(subject.registered.id, subject.target, subject.kwargs, num_envs, device)


def _run(subject: Subject, seed: int = 0) -> list[Tensor]:
    torch.manual_seed(seed)
    curriculum = _make(subject)
    return [curriculum(ended_episodes(ROBOTS, step)) for step in range(STEPS)]


def one_level_each(subject: Subject) -> str:
    """It returns one level of the field per environment."""
    levels = torch.stack(_run(subject))
    low, high = int(levels.min()), int(levels.max())
    expect(low >= 0 and high < LEVELS, f"levels {low} to {high}, expected 0 to {LEVELS - 1}")
    return f"levels {low} to {high} of {LEVELS}, mean {levels.double().mean():.1f}"


def deterministic(subject: Subject) -> str:
    """The same episodes and the same seed give the same levels."""
    same = all(torch.equal(a, b) for a, b in zip(_run(subject), _run(subject), strict=True))
    expect(same, "two runs over the same episodes differ")
    return "two runs"


def leaves_the_state(subject: Subject) -> str:
    """It leaves what it is given as it was."""
    given, kept = ended_episodes(ROBOTS, 0), ended_episodes(ROBOTS, 0)
    _make(subject)(given)
    for name, value in vars(given).items():
        if isinstance(value, Tensor):
            expect(torch.equal(value, getattr(kept, name)), f"it changed {name} in place")
    return "all fields"


def waits_for_nothing(subject: Subject) -> str:
    """It reads no value back from the device and mixes no devices."""
    levels = _make(subject, 8, "meta")(ended_episodes(8, 0, "meta"))
    expect(levels.device.type == "meta", f"its result is on {levels.device}, expected the device of the state")
    return "on tensors without values"


def remembers(subject: Subject) -> str:
    """With a memory: a checkpoint brings it back."""
    first = _make(subject)
    if not isinstance(first.term, CurriculumWithMemory):
        raise DoesNotApply("it keeps nothing in checkpoints")
    for step in range(5):
        first(ended_episodes(ROBOTS, step))
    again = _make(subject)
    again.load_state_dict(first.state_dict())
    for step in range(5, 10):
        torch.manual_seed(step)
        a = first(ended_episodes(ROBOTS, step))
        torch.manual_seed(step)
        expect(torch.equal(a, again(ended_episodes(ROBOTS, step))), "one that was loaded goes on otherwise")
    return ", ".join(first.state_dict())


CHECKS = (one_level_each, deterministic, leaves_the_state, waits_for_nothing, remembers)
