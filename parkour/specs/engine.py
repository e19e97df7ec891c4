"""What simulates a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from parkour.specs.spec import Kind, Spec


@dataclass(frozen=True, kw_only=True)
class EngineSpec(Spec):
    """A simulator: a class that fulfils :class:`parkour.engines.protocol.Engine`."""

    kind: ClassVar[Kind] = "engine"
    extra: str = ""
    """The extra of ``parkour-lab`` that installs it."""
    preference: int = 0
    """Of the engines that can run, the one with the greatest is taken where none is named."""
