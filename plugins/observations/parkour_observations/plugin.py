"""Registers the observation groups of the parkour tasks."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import ObservationSpec, hookimpl

PARKOUR_API = "1.1"

_EXTREME_PARKOUR = "Extreme Parkour with Legged Robots (Cheng et al., 2023)"
_RMA = "RMA: Rapid Motor Adaptation for Legged Robots (Kumar et al., 2021)"


@hookimpl
def register_observations() -> Iterable[ObservationSpec]:
    return (
        ObservationSpec(
            name="proprioception",
            summary="proprioception: rates, tilt, yaws to the way points, command, joints, action, contacts",
            target="parkour_observations.proprioception:Proprioception",
            params="parkour_observations.params:ProprioceptionParams",
            source=_EXTREME_PARKOUR,
        ),
        ObservationSpec(
            name="height_scan",
            summary="heights of the ground (and of the ceiling) around the robot, on a grid that turns with it",
            target="parkour_observations.height_scan:HeightScan",
            params="parkour_observations.params:HeightScanParams",
            source=_EXTREME_PARKOUR,
        ),
        ObservationSpec(
            name="privileged_explicit",
            summary="what a robot can estimate but not measure: the velocity of its base",
            target="parkour_observations.privileged:PrivilegedExplicit",
            params="parkour_observations.params:PrivilegedExplicitParams",
            source=_EXTREME_PARKOUR,
        ),
        ObservationSpec(
            name="privileged_latent",
            summary="randomized constants of the robot: mass, centre of mass, friction, gains",
            target="parkour_observations.privileged:PrivilegedLatent",
            source=_RMA,
        ),
        ObservationSpec(
            name="proprioception_history",
            summary="the last blocks of proprioception, oldest first, without the yaws",
            target="parkour_observations.history:ProprioceptionHistory",
            params="parkour_observations.params:HistoryParams",
            source=_RMA,
        ),
        ObservationSpec(
            name="depth",
            summary="depth image: cropped, resized, normalised, one frame late",
            target="parkour_observations.depth:DepthImage",
            params="parkour_observations.params:DepthImageParams",
            needs=("depth_camera",),
            source=_EXTREME_PARKOUR,
        ),
        ObservationSpec(
            name="yaw_valid",
            summary="whether the way point lies ahead, so that a camera can tell the way",
            target="parkour_observations.depth:YawValid",
            params="parkour_observations.params:YawValidParams",
            source=_EXTREME_PARKOUR,
        ),
        ObservationSpec(
            name="commands",
            summary="what the task's command terms ask for, such as lateral speed and turn rate",
            target="parkour_observations.commands:Commands",
            params="parkour_observations.params:CommandsParams",
        ),
        ObservationSpec(
            name="perception",
            summary="1 at the steps at which scan, yaws and depth are refreshed, else 0",
            target="parkour_observations.perception:Perception",
            source=_EXTREME_PARKOUR,
        ),
    )
