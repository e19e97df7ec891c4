"""Registers the curricula."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import CurriculumSpec, hookimpl

PARKOUR_API = "1.1"


@hookimpl
def register_curricula() -> Iterable[CurriculumSpec]:
    return (
        CurriculumSpec(
            name="distance",
            summary="up after 0.8 of the commanded distance or the whole course, down short of 0.4 of it",
            target="parkour_curricula.distance:by_distance",
            params="parkour_curricula.distance:DistanceParams",
            source="Rudin et al., Learning to Walk in Minutes (arXiv 2109.11978)",
        ),
    )
