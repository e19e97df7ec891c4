"""Protocols, loggers, callbacks, curricula and commands that each break one rule."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from parkour.evaluation.protocol import EvaluationProtocol
from parkour.learning.callbacks import TrainingCallback

BACKWARD = EvaluationProtocol(difficulty=(0.8, 0.2))
MOVING = EvaluationProtocol(changes={"course.curriculum": True})


class FiniteLogger:
    """Bears no NaN."""

    def __init__(self, context: Any) -> None:
        self.run: Path = context.run

    def on_iteration(self, iteration: Any) -> None:
        if any(math.isnan(value) for value in iteration.scalars.values()):
            raise ValueError("not a number")

    def close(self) -> None: ...


class FreshLogger:
    """Knows no run that was there before, and takes away what it finds."""

    def __init__(self, context: Any) -> None:
        for path in context.run.iterdir():
            path.unlink()
        (context.run / "own.txt").write_text("begun")

    def on_iteration(self, iteration: Any) -> None: ...

    def close(self) -> None: ...


class ImpatientLogger(FreshLogger):
    def __init__(self, context: Any) -> None:
        if context.start > 0:
            raise RuntimeError("the run has begun without me")


class ClumsyCallback(TrainingCallback):
    def on_checkpoint(self, training: Any, checkpoint: Path) -> None:
        raise RuntimeError("dropped it")


class LateCallback(TrainingCallback):
    def on_end(self, training: Any) -> None:
        self.losses.append(0.0)  # type: ignore[attr-defined] - it comes into being with the first iteration


def steeper(ended: Any) -> Tensor:
    return ended.level + 1


class Absent:
    """Counts ends, and takes up nothing of what it kept."""

    def __init__(self, num_envs: int, device: str) -> None:
        self.count = torch.zeros((), dtype=torch.int64, device=device)

    def __call__(self, ended: Any) -> Tensor:
        self.count = self.count + ended.ended.sum()
        return (ended.level + self.count) % ended.num_levels

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class HeldCommand:
    """Writes into what it gave away."""

    def __init__(self, num_envs: int, device: str, step_dt: float) -> None:
        self.value = torch.zeros(num_envs, device=device)

    def update(self, episode_step: Tensor) -> None:
        self.value += 1.0


class WideCommand(HeldCommand):
    def update(self, episode_step: Tensor) -> None:
        self.value = torch.zeros(len(episode_step), 2, device=episode_step.device)
