"""Registers the rewards and terminations of the parkour tasks."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import RewardSpec, TerminationSpec, hookimpl

PARKOUR_API = "1.1"

_EXTREME_PARKOUR = "Extreme Parkour with Legged Robots (Cheng et al., 2023)"
_LEGGED_GYM = "Learning to Walk in Minutes Using Massively Parallel Deep RL (Rudin et al., 2022)"


def _reward(name: str, module: str, source: str, summary: str, params: str | None = None) -> RewardSpec:
    return RewardSpec(
        name=name,
        summary=summary,
        target=f"parkour_rewards.{module}:{name}",
        params=params and f"parkour_rewards.params:{params}",
        source=source,
    )


@hookimpl
def register_rewards() -> Iterable[RewardSpec]:
    return (
        _reward("tracking_goal_vel", "tracking", _EXTREME_PARKOUR, "speed towards the way point over the command"),
        _reward("tracking_yaw", "tracking", _EXTREME_PARKOUR, "heading towards the way point"),
        _reward("tracking_lateral_speed", "tracking", _LEGGED_GYM, "speed to the left as commanded", "TrackingParams"),
        _reward("tracking_turn_rate", "tracking", _LEGGED_GYM, "rate of turning as commanded", "TrackingParams"),
        _reward("lin_vel_z", "motion", _EXTREME_PARKOUR, "vertical speed of the base, squared", "VerticalSpeedParams"),
        _reward("ang_vel_xy", "motion", _LEGGED_GYM, "roll and pitch rates of the base, squared"),
        _reward("orientation", "motion", _EXTREME_PARKOUR, "tilt of the base on flat terrain, squared"),
        _reward("hip_pos", "motion", _EXTREME_PARKOUR, "distance of the hips from the default pose, squared"),
        _reward("dof_error", "motion", _EXTREME_PARKOUR, "distance of all joints from the default pose, squared"),
        _reward("dof_acc", "effort", _LEGGED_GYM, "joint accelerations, squared"),
        _reward("torques", "effort", _LEGGED_GYM, "joint torques, squared"),
        _reward("delta_torques", "effort", _EXTREME_PARKOUR, "change of the joint torques, squared"),
        _reward("action_rate", "effort", _EXTREME_PARKOUR, "change of the action"),
        _reward("collision", "contact", _LEGGED_GYM, "number of bodies other than feet that touch", "CollisionParams"),
        _reward("feet_stumble", "contact", _LEGGED_GYM, "whether a foot hits something vertical", "StumbleParams"),
        _reward("feet_edge", "contact", _EXTREME_PARKOUR, "number of feet that stand on an edge", "EdgeParams"),
        RewardSpec(
            name="low_ceiling",
            summary="how much too high the base is for what hangs over the robot and ahead of it",
            target="parkour_rewards.posture:low_ceiling",
            params="parkour_rewards.params:CeilingParams",
        ),
    )


@hookimpl
def register_terminations() -> Iterable[TerminationSpec]:
    return (
        TerminationSpec(
            name="course_completed",
            summary="the last way point is reached",
            target="parkour_rewards.terminations:course_completed",
            twin="parkour_rewards.termination_twins:course_completed",
            outcome="success",
            source=_EXTREME_PARKOUR,
        ),
        TerminationSpec(
            name="time_out",
            summary="the episode has lasted as long as it may",
            target="parkour_rewards.terminations:time_out",
            twin="parkour_rewards.termination_twins:time_out",
            outcome="time_out",
            source=_LEGGED_GYM,
        ),
        TerminationSpec(
            name="bad_orientation",
            summary="the base rolls or pitches too far",
            target="parkour_rewards.terminations:bad_orientation",
            twin="parkour_rewards.termination_twins:bad_orientation",
            params="parkour_rewards.params:OrientationLimitParams",
            source=_EXTREME_PARKOUR,
        ),
        TerminationSpec(
            name="base_too_low",
            summary="the base has fallen into a pit or off the course",
            target="parkour_rewards.terminations:base_too_low",
            twin="parkour_rewards.termination_twins:base_too_low",
            params="parkour_rewards.params:HeightLimitParams",
            source=_EXTREME_PARKOUR,
        ),
        TerminationSpec(
            name="way_point_behind",
            summary="the robot has gone past its way point, and on",
            target="parkour_rewards.terminations:WayPointBehind",
            twin="parkour_rewards.termination_twins:WayPointBehind",
            params="parkour_rewards.params:WayPointBehindParams",
        ),
    )
