"""Registers the metrics."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import MetricSpec, hookimpl

PARKOUR_API = "1.1"

_PARKOUR = "Cheng et al., Extreme Parkour with Legged Robots (arXiv 2309.14341)"


@hookimpl
def register_metrics() -> Iterable[MetricSpec]:
    ends, ways, feet, effort = (f"parkour_metrics.{name}" for name in ("ends", "ways", "feet", "effort"))
    return (
        MetricSpec(
            name="success", per="episode", better="more", place=1,
            summary="1 if all way points were reached", target=f"{ends}:success",
        ),
        MetricSpec(
            name="way_points", label="way points", per="episode", better="more", place=2,
            summary="way points reached, as a part of all", target=f"{ways}:way_points",
        ),
        MetricSpec(
            name="way_points_before", label="way points before end", per="episode", better="more", place=3,
            summary="index of the way point aimed at before the last step, as a part of the greatest index",
            target=f"{ways}:way_points_before",
        ),
        MetricSpec(
            name="displacement", label="MXD", per="episode", better="more", place=4, source=_PARKOUR,
            summary="displacement along the course, as a part of the patch", target=f"{ways}:displacement",
        ),
        MetricSpec(
            name="edge_per_step", label="MEV / step", per="episode", digits=3, better="less", place=5, source=_PARKOUR,
            summary="feet in contact on edges, over all steps of all episodes", target=f"{feet}:edge_per_step",
        ),
        MetricSpec(
            name="edge_per_episode", label="MEV / episode", per="episode", digits=1, better="less", place=6,
            source=_PARKOUR, summary="the same, summed over an episode", target=f"{feet}:edge_per_episode",
        ),
        MetricSpec(
            name="return", per="episode", better="more", place=7,
            summary="sum of the rewards as trained with", target=f"{effort}:episode_return",
        ),
        MetricSpec(
            name="length", per="episode", unit="s", digits=1, place=8,
            summary="how long the episode lasted", target=f"{ends}:length",
        ),
        MetricSpec(
            name="fall", label="falls", per="episode", better="less", place=9,
            summary="1 if it ended in failure", target=f"{ends}:fall",
        ),
        MetricSpec(
            name="time_out", label="time-outs", per="episode", place=10,
            summary="1 if it ended with the time", target=f"{ends}:time_out",
        ),
        MetricSpec(
            name="power", unit="W", digits=0, better="less", place=11,
            summary="mean of Σ|τ·q̇| over the steps", target=f"{effort}:power",
        ),
    )  # fmt: skip
