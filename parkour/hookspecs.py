"""The hooks a plugin can implement. Each returns specs; none may import a simulator or torch when it is called."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from parkour.specs import (
    EncoderSpec,
    EngineSpec,
    EventSpec,
    Kind,
    ModifierSpec,
    ObservationSpec,
    PolicySpec,
    RewardSpec,
    TaskSpec,
    TerminationSpec,
    TerrainSpec,
)

PROJECT = "parkour"
"""Name of the pluggy project and of the entry-point group."""

API_VERSION = "1.0"
"""Version of the hooks, specs and contracts, ``major.minor``. A new minor version only adds to them; a new major
version may take away. A plugin says what it was written for in ``PARKOUR_API = "1.0"``, beside its hooks."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin module as an implementation of one of the hooks below."""


@hookspec
def register_terrains() -> Iterable[TerrainSpec]:  # type: ignore[empty-body]
    """Sub-terrain generators."""


@hookspec
def register_rewards() -> Iterable[RewardSpec]:  # type: ignore[empty-body]
    """Reward terms."""


@hookspec
def register_observations() -> Iterable[ObservationSpec]:  # type: ignore[empty-body]
    """Observation groups."""


@hookspec
def register_modifiers() -> Iterable[ModifierSpec]:  # type: ignore[empty-body]
    """Noise and faults that tasks lay on observation groups."""


@hookspec
def register_terminations() -> Iterable[TerminationSpec]:  # type: ignore[empty-body]
    """Termination terms."""


@hookspec
def register_events() -> Iterable[EventSpec]:  # type: ignore[empty-body]
    """Randomisations at startup, at reset or at intervals."""


@hookspec
def register_encoders() -> Iterable[EncoderSpec]:  # type: ignore[empty-body]
    """Networks that turn an observation group into a latent."""


@hookspec
def register_policies() -> Iterable[PolicySpec]:  # type: ignore[empty-body]
    """Policies: model, algorithm and the observation groups they read."""


@hookspec
def register_engines() -> Iterable[EngineSpec]:  # type: ignore[empty-body]
    """Simulators."""


@hookspec
def register_tasks() -> Iterable[TaskSpec]:  # type: ignore[empty-body]
    """Tasks: TOML resources or mappings."""


HOOKS: dict[Kind, str] = {
    "terrain": "register_terrains",
    "reward": "register_rewards",
    "observation": "register_observations",
    "modifier": "register_modifiers",
    "termination": "register_terminations",
    "event": "register_events",
    "encoder": "register_encoders",
    "policy": "register_policies",
    "engine": "register_engines",
    "task": "register_tasks",
}
