"""What episodes that end tell: the statistics how they went, the curriculum how far robots walked."""

from __future__ import annotations

import math

from torch import Tensor

from parkour.mdp.clock import Clock
from parkour.mdp.goals import GoalTracker
from parkour.mdp.rewards import RewardSet
from parkour.mdp.statistics import EpisodeStatistics
from parkour.mdp.terminations import TerminationSet
from parkour.terrain.curriculum import EndedEpisodes
from parkour.terrain.library import CourseState


def record_ends(
    statistics: EpisodeStatistics, ended: Tensor, episode_step: Tensor, broken: Tensor, *,
    course: CourseState, goals: GoalTracker, terminations: TerminationSet, rewards: RewardSet,
) -> None:  # fmt: skip
    """Add the episodes of ``ended`` (``[N]`` bool) to the statistics; ``broken`` is ``[N]`` bool, too."""
    ends = terminations
    statistics.add(
        ended,
        hard=course.level >= math.ceil(course.num_levels * 2 / 3),
        succeeded=ends.succeeded,
        timed_out=ends.timed_out,
        failed=ends.failed,
        way_points=goals.index / course.goal_count,
        steps=episode_step,
        reward_sums=rewards.episode_sums,
        fired=ends.fired,
        broken=broken,
    )


def ended_episodes(
    ended: Tensor, base_pos: Tensor, speed: Tensor, *,
    course: CourseState, goals: GoalTracker, terminations: TerminationSet, clock: Clock,
) -> EndedEpisodes:  # fmt: skip
    """How far the robots walked, for the curriculum.

    Args:
        ended: ``[N]`` bool: whose episodes end.
        base_pos: ``[N, 3]`` where they are [m].
        speed: ``[N]`` commanded [m/s].
        course: what they stand on.
        goals: which way points they have passed.
        terminations: how each ended.
        clock: how long episodes last.
    """
    index, count = goals.index, course.goal_count
    return EndedEpisodes(
        ended=ended,
        level=course.level,
        terrain=course.terrain,
        distance=course.distance_walked(base_pos[:, :2], index),
        speed=speed,
        way_points=index / count,
        completed=index >= count,
        failed=terminations.failed,
        num_levels=course.num_levels,
        episode_length=clock.max_episode_steps * clock.step_dt,
    )
