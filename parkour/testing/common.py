"""Checks of every component: what it says of itself, and whether it can be called as it will be."""

from __future__ import annotations

from collections.abc import Mapping

from parkour.evaluation.protocol import EvaluationProtocol
from parkour.registry.describe import describe_parameters
from parkour.tasks.checks import check_interface
from parkour.testing.subject import CheckFailed, DoesNotApply, Subject, expect


def described(subject: Subject) -> str:
    """It says what it is, and what its parameters mean."""
    expect(subject.spec.summary.strip(), "its spec has no summary")
    parameters = describe_parameters(subject.registered)
    silent = [parameter.name for parameter in parameters if not parameter.doc]
    expect(not silent, f"parameters without a line of text: {', '.join(silent)}")
    required = [parameter.name for parameter in parameters if parameter.required]
    expect(not required, f"parameters without a default: {', '.join(required)}; a component must work without any")
    return f"{len(parameters)} parameter{'' if len(parameters) == 1 else 's'}" if parameters else "no parameters"


def callable_as_agreed(subject: Subject) -> str:
    """Its target takes the arguments of the contract."""
    if subject.target is None or isinstance(subject.target, (Mapping, EvaluationProtocol)):
        raise DoesNotApply("it is data")
    if not callable(subject.target):
        raise CheckFailed(f"{subject.spec.target} is a {type(subject.target).__name__}, expected something to call")
    check_interface(subject.component)
    return subject.spec.target
