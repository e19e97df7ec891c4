"""A component under test, and what its checks say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from parkour.errors import ParkourError
from parkour.registry import RegisteredSpec, Registry, default_registry, resolve_target
from parkour.specs import Spec
from parkour.tasks.resolved import ResolvedComponent

Status = Literal["passed", "failed", "not checked", "does not apply"]


class CheckFailed(AssertionError):  # noqa: N818 - a finding, which pytest shows as a failed assertion
    """A component breaks its contract; the text says how, in one line."""


class NotChecked(Exception):  # noqa: N818 - no error
    """A check that cannot be made here; the text says why."""


class DoesNotApply(NotChecked):
    """A check that does not concern this component; the text says why."""


@dataclass(frozen=True)
class CheckOptions:
    """How much is tried."""

    difficulties: int = 11
    """Terrains: difficulties from 0 to 1."""
    seeds: int = 20
    """Terrains: draws at each of them."""
    max_boxes: int = 40
    """Terrains: boxes that a patch may have; what the built-in tasks allow."""
    max_goals: int = 8
    """Terrains: way points that it may have."""
    compile: bool = False
    """Terms: compile them for real, which takes seconds each, and not only into one graph."""
    pictures: Path | None = None
    """Terrains: folder for pictures of the worst cases."""


@dataclass(frozen=True)
class Subject:
    """A component, imported, with its parameters."""

    registered: RegisteredSpec
    target: Any
    """The imported ``spec.target``; None for what is data: a task in a TOML file, a robot."""
    params: Any
    """Instance of the parameter model, or None."""
    registry: Registry
    options: CheckOptions = CheckOptions()
    cache: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What checks of this subject share."""

    @classmethod
    def of(
        cls,
        registered: RegisteredSpec,
        registry: Registry | None = None,
        options: CheckOptions | None = None,
        **params: Any,
    ) -> Subject:
        """The component with its default parameters, ``params`` changed.

        Raises:
            PluginError: target or parameter model cannot be imported.
        """
        spec, owner = registered.spec, f"{registered.spec.kind} {registered.id!r}"
        data = spec.kind == "robot" or spec.target.endswith(".toml")
        target = None if data else resolve_target(spec.target, owner=owner)
        model = resolve_target(spec.params, owner=owner)(**params) if spec.params else None
        return cls(registered, target, model, registry or default_registry(), options or CheckOptions())

    @property
    def spec(self) -> Spec:
        return self.registered.spec

    @property
    def kwargs(self) -> dict[str, Any]:
        """Parameters as keyword arguments."""
        return self.component.kwargs

    @property
    def component(self) -> ResolvedComponent:
        """As a task resolves it."""
        item = self.registered
        return ResolvedComponent(item.spec.name, item.id, item.version, item.spec, self.target, self.params)

    def __str__(self) -> str:
        return f"{self.spec.kind} {self.registered.id}"


Check = Callable[[Subject], str]
"""Returns what was looked at, for the report. Its docstring's first line says what it is about.

Raises:
    CheckFailed: or any other exception: the contract is broken.
    NotChecked: it could not be made.
"""


@dataclass(frozen=True)
class CheckResult:
    """What one check said."""

    check: str
    """Name of the check's function."""
    title: str
    status: Status
    detail: str
    """What was looked at, what is wrong, or why nothing was checked; one line."""


def title_of(check: Check) -> str:
    """First line of the check's docstring, without the full stop."""
    return (check.__doc__ or check.__name__).strip().splitlines()[0].rstrip(".")


def run_check(check: Check, subject: Subject) -> CheckResult:
    """Make a check, whatever it raises."""
    try:
        status, detail = "passed", check(subject)
    except DoesNotApply as reason:
        status, detail = "does not apply", str(reason)
    except NotChecked as reason:
        status, detail = "not checked", str(reason)
    except (CheckFailed, ParkourError) as failure:
        status, detail = "failed", str(failure)
    except Exception as error:  # The plugin's own.
        status, detail = "failed", f"{type(error).__name__}: {error}"
    return CheckResult(check.__name__, title_of(check), status, " ".join(detail.split())[:400])  # type: ignore[arg-type]


def expect(condition: object, failure: str) -> None:
    """Raises :class:`CheckFailed` unless ``condition`` holds."""
    if not condition:
        raise CheckFailed(failure)
