"""What policies are scored by: metrics, protocols, degradations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from parkour.specs.spec import Kind, Spec


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Spec):
    """What policies are scored by: a number of each episode.

    Per step: a term ``(ctx, **params) -> Tensor[num_envs]``, or a class with ``__call__(ctx)`` and ``reset(env_ids)``,
    as rewards are. Per episode: ``(table, **params)`` of a :class:`parkour.evaluation.episodes.EpisodeTable`, ``M``
    episodes, to an array ``[M]`` or a :class:`parkour.evaluation.metrics.Pooled`. Parameters have their defaults.
    """

    kind: ClassVar[Kind] = "metric"
    per: Literal["step", "episode"] = "step"
    """What the target is called for."""
    reduce: Literal["mean", "sum", "max", "min", "last"] = "mean"
    """How the numbers of an episode's steps become one; numbers that are not finite are left out."""
    label: str = ""
    """In tables; the name where it is empty."""
    unit: str = ""
    digits: int = 2
    """Behind the decimal point, in tables."""
    better: Literal["more", "less", "neither"] = "neither"
    """What is good: it colours the differences of two policies."""
    place: int = 100
    """In tables: those with smaller numbers come first, built-in ones are below 100."""


@dataclass(frozen=True, kw_only=True)
class ProtocolSpec(Spec):
    """A way of trying a policy: ``target`` is the address of a :class:`parkour.evaluation.protocol.EvaluationProtocol`.

    Its name and summary are the spec's.
    """

    kind: ClassVar[Kind] = "protocol"


@dataclass(frozen=True, kw_only=True)
class DegradationSpec(Spec):
    """What a policy must withstand: ``target`` is the address of changes to the task, a mapping.

    ``{"control.action_delay": 2}`` sets a value, ``{"event:friction": True}`` sees that there is a component; see
    :mod:`parkour.tasks.changes`. Tables are merged into those that are there.
    """

    kind: ClassVar[Kind] = "degradation"
    part: Literal["camera", "body"] = "body"
    """What of the robot is worse than it should be. Policies without a camera are spared those of the camera."""
