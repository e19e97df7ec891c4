"""Registers the command terms."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import CommandTermSpec, hookimpl

PARKOUR_API = "1.1"


@hookimpl
def register_command_terms() -> Iterable[CommandTermSpec]:
    return (
        CommandTermSpec(
            name="speed",
            unit="m/s",
            summary="the forward speed, which every task commands: [command]",
            target="parkour_command_terms.uniform:ForwardSpeed",
            params="parkour_command_terms.uniform:SpeedParams",
        ),
        CommandTermSpec(
            name="lateral_speed",
            unit="m/s",
            summary="the speed to the left, in the robot's frame",
            target="parkour_command_terms.uniform:UniformCommand",
            params="parkour_command_terms.uniform:LateralSpeedParams",
        ),
        CommandTermSpec(
            name="turn_rate",
            unit="rad/s",
            summary="the rate of turning to the left, about the robot's vertical axis",
            target="parkour_command_terms.uniform:UniformCommand",
            params="parkour_command_terms.uniform:TurnRateParams",
        ),
    )
