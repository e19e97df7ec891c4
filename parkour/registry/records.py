"""What discovery found: specs with their origin, and plugins that could not be loaded."""

from __future__ import annotations

from dataclasses import dataclass

from parkour.entry_points import BUILTIN
from parkour.specs import Kind, Spec


@dataclass(frozen=True)
class RegisteredSpec:
    """A spec and the distribution that registered it."""

    spec: Spec
    distribution: str
    """Canonical name of the distribution."""
    version: str
    entry_point: str
    """Name of the entry point it came through."""

    @property
    def id(self) -> str:
        """``distribution:name``, unique within its kind."""
        return f"{self.distribution}:{self.spec.name}"

    @property
    def builtin(self) -> bool:
        return self.distribution == BUILTIN


@dataclass(frozen=True)
class PluginLoad:
    """What it cost to load an entry point, and what that did besides."""

    distribution: str
    version: str
    entry_point: str
    seconds: float
    """For the import and all hooks [s]; what several plugins import is charged to the first."""
    heavy: tuple[str, ...] = ()
    """Large packages that came in with it, such as torch."""
    printed: str = ""
    """What it wrote to standard output meanwhile."""


@dataclass(frozen=True)
class BrokenPlugin:
    """An entry point, a hook or a spec that could not be used; everything else was loaded all the same."""

    distribution: str
    version: str
    entry_point: str
    reason: str
    """One line: what went wrong."""
    traceback: str = ""
    """Python's traceback, where there was an exception."""
    kind: Kind | None = None
    """The kind of component that is missing, or None where it can be any."""
    name: str | None = None
    """The name of the component that is missing, where it is known."""

    def could_provide(self, kind: Kind, name: str) -> bool:
        """Whether a component that was looked up in vain could have come from here."""
        return self.kind in (None, kind) and self.name in (None, name)

    def __str__(self) -> str:
        return f"plugin {self.distribution} {self.version} (entry point {self.entry_point!r}) is broken: {self.reason}"
