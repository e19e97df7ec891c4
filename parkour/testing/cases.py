"""The checks as test cases for pytest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from parkour.errors import PluginError
from parkour.registry import RegisteredSpec, Registry, canonical_distribution, default_registry
from parkour.specs import Kind
from parkour.testing.catalogue import checks_of
from parkour.testing.plugin import WHOLE_CHECKS, _Whole, components_of
from parkour.testing.subject import Check, CheckOptions, NotChecked, Subject

_SUBJECTS: dict[tuple[str, str], Subject] = {}


@dataclass(frozen=True)
class Case:
    """One check of one component, or of a distribution as a whole."""

    name: str
    check: Any
    registered: RegisteredSpec | None
    whole: Any = None
    options: CheckOptions = field(default_factory=CheckOptions)

    def run(self) -> str:
        """Make the check; pytest skips what cannot be checked here.

        Raises:
            CheckFailed: an AssertionError: the contract is broken.
        """
        try:
            return self.check(self.whole if self.registered is None else self._subject())
        except NotChecked as reason:
            import pytest

            pytest.skip(str(reason))

    def _subject(self) -> Subject:
        """Made when the first of its checks runs, and shared by the others."""
        assert self.registered is not None
        key = (self.registered.spec.kind, self.registered.id)
        if key not in _SUBJECTS or _SUBJECTS[key].registered != self.registered:
            _SUBJECTS[key] = Subject.of(self.registered, self.whole.registry, self.options)
        return _SUBJECTS[key]

    def __str__(self) -> str:
        return self.name


def plugin_cases(
    distribution: str,
    *,
    kinds: Iterable[Kind] | None = None,
    registry: Registry | None = None,
    options: CheckOptions | None = None,
) -> list[Case]:
    """All checks of a distribution, for ``@pytest.mark.parametrize("case", plugin_cases("my-plugin"), ids=str)``.

    Args:
        distribution: its name. One that is not installed has a single case, which fails.
        kinds: of its components, and nothing of the distribution as a whole; all when None.
        registry: what is installed when None.
        options: how much is tried.
    """
    registry, name = registry or default_registry(), canonical_distribution(distribution)
    whole, options = _Whole(name, registry), options or CheckOptions()
    if name not in {load.distribution for load in registry.loads}:
        return [Case(f"{name}-installed", _not_installed, None, whole)]
    cases = (
        [] if kinds is not None else [Case(f"{name}-{check.__name__}", check, None, whole) for check in WHOLE_CHECKS]
    )
    for item in components_of(name, registry):
        if kinds is None or item.spec.kind in kinds:
            cases += [_case(item, check, whole, options) for check in checks_of(item.spec.kind)]
    return cases


def _case(item: RegisteredSpec, check: Check, whole: _Whole, options: CheckOptions) -> Case:
    return Case(f"{item.spec.kind}-{item.spec.name}-{check.__name__}", check, item, whole, options)


def _not_installed(whole: _Whole) -> str:
    raise PluginError(f"the plugin {whole.distribution} is not installed", hint="pip install -e .")
