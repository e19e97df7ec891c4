"""The sections of a task that name registered components: which, with which numbers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from parkour.params import within
from parkour.specs import EventMode
from parkour.tasks.names import Key
from parkour.tasks.sections import Positive, Section


class Component(Section):
    """A reference to a registered component, under the key it has in the task."""

    use: str | None = None
    """Name or ``distribution:name`` of the component; the key itself when left out."""
    enabled: bool = True
    """Overlays switch components off with this."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Numbers for the component's parameter model."""
    version: str | None = None
    """Version of the distribution the task was resolved with; written into run folders, not by hand."""


class TerrainUse(Component):
    share: float = Field(ge=0, le=1e6)
    """Part of the columns, relative to the other shares; 0 leaves the terrain out."""


class RewardUse(Component):
    weight: float = Field(ge=-1e6, le=1e6)
    """Multiplies the term (and the control step in seconds); 0 switches it off."""


class ModifierUse(Component):
    chance: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of the episodes in which it acts; each environment draws when its episode begins."""


class ObservationUse(Component):
    clip: Annotated[Positive | None, within(0.0, 1e6)] = 100.0
    """Numbers are clipped to ± this."""
    modifiers: dict[Key, ModifierUse] = Field(default_factory=dict)
    """Noise and faults, applied in this order."""


class TerminationUse(Component):
    pass


class EventUse(Component):
    mode: EventMode | None = None
    """When it runs, for events that leave the choice; the event's own mode when left out."""
    interval: Annotated[float | None, within(1e-3, 3600.0)] = None
    """Seconds between runs, for events of mode ``interval``."""


class CommandUse(Component):
    pass


class CurriculumUse(Section):
    """Which level follows an episode, where ``course.curriculum`` is on."""

    use: str = "distance"
    """Name or ``distribution:name`` of the curriculum."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Numbers for its parameter model."""
    version: str | None = None
    """See :attr:`Component.version`."""


class EncoderUse(Section):
    """Numbers for an encoder; its name is the policy's parameter of the same key."""

    params: dict[str, Any] = Field(default_factory=dict)
    """Numbers for the encoder's parameter model."""
    version: str | None = None
    """See :attr:`Component.version`."""


class PolicyUse(Section):
    use: str
    """Name or ``distribution:name`` of the policy."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Numbers for the policy's parameter model."""
    version: str | None = None
    """See :attr:`Component.version`."""
    encoders: dict[str, EncoderUse] = Field(default_factory=dict)
    """By the policy's parameter that names the encoder (``scan_encoder``)."""
