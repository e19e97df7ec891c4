"""Installed packages: their versions, and whether they are those that they ask for of each other."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from parkour.registry import BUILTIN

ASKING = (BUILTIN, "mjlab", "mujoco-warp", "mujoco", "rsl-rl-lib")
"""Distributions whose requirements are compared, where they are installed."""
SHOWN = ("mjlab", "mujoco", "mujoco-warp", "rsl-rl-lib")
"""What is shown though nothing is wrong with it: versions of these make the most difference."""
RUNS_ON = ("parkour-lab", "torch", "rsl-rl-lib", "mjlab", "mujoco", "mujoco-warp", "warp-lang", "numpy")
"""Distributions that what a run computes depends on."""


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a run depends on, as far as they are installed."""
    found = {"python": platform.python_version()}
    for name in RUNS_ON:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True)
class Pin:
    """What a distribution asks of another."""

    package: str
    installed: str | None
    wanted: str
    """As in metadata: ``==1.6.0``; empty for any version."""
    by: str
    """Who asks, with its version."""
    ok: bool
    optional: bool
    """Whether it comes with an extra, so that it may be missing."""

    def __str__(self) -> str:
        wanted = f"{self.by} wants {self.package}{self.wanted}"
        return wanted if self.ok else f"{wanted}, found {self.installed or 'none'}"


def pins() -> list[Pin]:
    """Every requirement of :data:`ASKING` that is of interest: those that are not met, and those of :data:`SHOWN`."""
    # Once each: several extras may ask for the same.
    found = dict.fromkeys(pin for name in ASKING for pin in _asked_by(name))
    return [pin for pin in found if not pin.ok or (pin.package in SHOWN and pin.installed is not None)]


def _asked_by(name: str) -> Iterator[Pin]:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        asked, version = metadata.requires(name) or [], metadata.version(name)
    except metadata.PackageNotFoundError:
        return
    for text in asked:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        optional = requirement.marker is not None and "extra" in str(requirement.marker)
        if optional and (name != BUILTIN or requirement.name not in SHOWN):
            continue
        if requirement.marker is not None and not optional and not requirement.marker.evaluate():
            continue
        try:
            installed = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            installed = None
        met = optional if installed is None else requirement.specifier.contains(installed, prereleases=True)
        yield Pin(requirement.name, installed, str(requirement.specifier), f"{name} {version}", met, optional)
