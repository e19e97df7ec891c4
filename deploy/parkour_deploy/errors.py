"""What an operator can act on: one line of what was got and expected, and what to try."""

from __future__ import annotations


class DeployError(Exception):
    """A problem of the export, the options or the robot, not of the program.

    Args:
        message: one line: what was got and what was expected.
        hint: what to try next.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ContractError(DeployError):
    """An export that is damaged, was changed, or asks for what a robot does not have."""


class LinkError(DeployError):
    """The robot is not there, answers wrongly, or listens to somebody else."""
