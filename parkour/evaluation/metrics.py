"""What a policy is scored by: numbers of an episode, which plugins register."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from parkour.errors import ParkourError, PluginError
from parkour.mdp.context import StepContext
from parkour.mdp.robot import RobotLayout
from parkour.mdp.terms import StatefulTerm
from parkour.registry import BUILTIN, RegisteredSpec, Registry, default_registry
from parkour.specs import MetricSpec
from parkour.tasks.checks import check_interface
from parkour.tasks.components import load_with_defaults
from parkour.tasks.resolved import ResolvedComponent

if TYPE_CHECKING:
    from parkour.evaluation.episodes import EpisodeTable

_Found = TypeVar("_Found")

FACTS = ("level", "difficulty", "speed", "steps", "broken", "goals", "edge", "edge_squared")
"""Columns of a table of episodes that no metric may be called as."""


@dataclass(frozen=True)
class Pooled:
    """A metric whose mean and spread are over all steps of all episodes, not over episodes."""

    sums: np.ndarray
    """``[M]`` over the steps of each episode."""
    squares: np.ndarray
    """``[M]`` sums of the squares."""
    counts: np.ndarray
    """``[M]`` steps."""

    @property
    def means(self) -> np.ndarray:
        """``[M]`` each episode's own."""
        return self.sums / np.maximum(self.counts, 1)


@dataclass(frozen=True)
class Metric:
    """A number per episode: how it is found, and how it is reported."""

    key: str
    """Bare where that is unique, else the id."""
    spec: MetricSpec
    component: ResolvedComponent = field(compare=False, repr=False)

    @property
    def builtin(self) -> bool:
        return self.component.id.partition(":")[0] == BUILTIN

    @property
    def label(self) -> str:
        return self.spec.label or self.spec.name

    @property
    def unit(self) -> str:
        return self.spec.unit

    @property
    def digits(self) -> int:
        return self.spec.digits

    @property
    def better(self) -> int:
        """+1 where more is better, -1 where less is, 0 where neither."""
        return {"more": 1, "less": -1, "neither": 0}[self.spec.better]

    def of(self, table: EpisodeTable) -> np.ndarray | Pooled:
        """``[M]`` numbers of the episodes of a table.

        Raises:
            PluginError: its target raises, or returns something else.
        """
        if self.spec.per == "step":
            return table.values[self.key]
        found = self.guard(lambda: self.component.target(table, **self.component.kwargs))
        parts = (found.sums, found.squares, found.counts) if isinstance(found, Pooled) else (found,)
        for part in parts:
            if not isinstance(part, np.ndarray) or part.shape != (len(table),):
                got = f"shape {part.shape}" if isinstance(part, np.ndarray) else f"a {type(part).__name__}"
                raise PluginError(f"metric {self.component.id!r} returned {got}, expected an array ({len(table)},)")
        return found

    def guard(self, call: Callable[[], _Found]) -> _Found:
        """What a call into the plugin returns.

        Raises:
            PluginError: whatever it raises, in a line that names it.
        """
        try:
            return call()
        except ParkourError:
            raise
        except Exception as error:
            what = f"metric {self.component.id!r} (version {self.component.version})"
            raise PluginError(f"{what} failed: {type(error).__name__}: {error}") from error


class StepMetric:
    """A metric while episodes run: what its target says of every control step becomes one number.

    Args:
        metric: with ``per="step"``.
        num_envs: N.
        device: where the tensors live.
        layout: of the robot.
    """

    def __init__(self, metric: Metric, num_envs: int, device: str, layout: RobotLayout) -> None:
        self.metric, self.reduce = metric, metric.spec.reduce
        part = metric.component
        if inspect.isclass(part.target):
            self._term: Any = metric.guard(lambda: part.target(num_envs, device, layout, **part.kwargs))
            self._params: dict[str, Any] = {}
        else:
            self._term, self._params = part.target, part.kwargs
        self._start = {"max": -torch.inf, "min": torch.inf}.get(self.reduce, 0.0)
        self.state = torch.full((num_envs,), self._start, dtype=torch.float64, device=device)
        self._checked = False

    def add(self, ctx: StepContext) -> None:
        """A control step, after the physics and before any reset. What is not finite adds nothing.

        Raises:
            PluginError: the target raises, or returns no ``[N]``.
        """
        value = self.metric.guard(lambda: self._term(ctx, **self._params))
        if not self._checked:
            self._check(value)
        value = value.double()
        if self.reduce in ("mean", "sum"):
            self.state = self.state + torch.nan_to_num(value, nan=0.0, posinf=0.0, neginf=0.0)
            return
        better = {"max": torch.maximum, "min": torch.minimum}.get(self.reduce)
        chosen = value if better is None else better(self.state, value)
        self.state = torch.where(torch.isfinite(value), chosen, self.state)

    def numbers(self, steps: Tensor) -> Tensor:
        """``[N]`` the metric if the episodes, ``steps`` ``[N]`` long, ended now."""
        total = self.state / steps.clamp(min=1) if self.reduce == "mean" else self.state
        return torch.where(torch.isfinite(total), total, 0.0)

    def reset(self, done: Tensor) -> None:
        """Begin new episodes where ``done`` ``[N]`` bool."""
        self.state = torch.where(done, self._start, self.state)
        if isinstance(self._term, StatefulTerm):
            term = self._term
            self.metric.guard(lambda: term.reset(done))

    def _check(self, value: Any) -> None:
        shape, wanted = tuple(getattr(value, "shape", ())), tuple(self.state.shape)
        if not isinstance(value, Tensor) or shape != wanted:
            got = f"shape {shape}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
            raise PluginError(f"metric {self.metric.component.id!r} returned {got}, expected a tensor {wanted}")
        self._checked = True


def find_metrics(
    registry: Registry | None = None, notify: Callable[[str], None] = lambda line: None
) -> tuple[Metric, ...]:
    """Those that are registered, in the order in which they are shown.

    Args:
        registry: where they are looked up; what is installed when None.
        notify: told in a line of one that is left out because it is broken.

    Raises:
        PluginError: a built-in one is.
    """
    registry = registry or default_registry()
    found = []
    for item in registry.specs("metric"):
        try:
            found.append(load_metric(item, registry))
        except PluginError as error:
            if item.builtin:
                raise
            notify(f"{item.id} is left out: {error.message}")
    if not found:
        raise registry.unknown("metric", "success", ())
    return tuple(sorted(found, key=lambda metric: metric.spec.place))


def load_metric(item: RegisteredSpec, registry: Registry) -> Metric:
    """A registered metric with its target and the defaults of its parameters.

    Raises:
        PluginError: its target or its model cannot be imported, or cannot be called as agreed.
    """
    assert isinstance(item.spec, MetricSpec)
    component = load_with_defaults(item)
    check_interface(component)
    key = item.id if item.spec.name in FACTS else registry.shortest(item)
    return Metric(key, item.spec, component)
