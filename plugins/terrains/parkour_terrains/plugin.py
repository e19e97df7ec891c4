"""Registers the built-in sub-terrains."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import TerrainSpec, hookimpl

PARKOUR_API = "1.1"

SOURCE = "after Cheng et al., Extreme Parkour with Legged Robots, 2023 (arXiv:2309.14341)"


@hookimpl
def register_terrains() -> Iterable[TerrainSpec]:
    """One spec per generator, in the order of the task's table."""
    return [
        TerrainSpec(
            name="gap",
            summary="platforms over a pit, with gaps to leap",
            target="parkour_terrains.gap:gap",
            params="parkour_terrains.gap:GapParams",
            source=SOURCE,
        ),
        TerrainSpec(
            name="hurdle",
            summary="hurdles across flat ground",
            target="parkour_terrains.hurdle:hurdle",
            params="parkour_terrains.hurdle:HurdleParams",
            source=SOURCE,
        ),
        TerrainSpec(
            name="step",
            summary="a staircase of high boxes, up and down again",
            target="parkour_terrains.step:step",
            params="parkour_terrains.step:StepParams",
            source=SOURCE,
        ),
        TerrainSpec(
            name="tilt",
            summary="stones over a pit, left and right in turn, each with its outer edge up",
            target="parkour_terrains.tilt:tilt",
            params="parkour_terrains.tilt:TiltParams",
            source=SOURCE,
        ),
        TerrainSpec(
            name="flat",
            summary="level ground with the way points of the hurdles",
            target="parkour_terrains.flat:flat",
            params="parkour_terrains.flat:FlatParams",
            flat=True,
            graded=False,
            source=SOURCE,
        ),
        TerrainSpec(
            name="demo",
            summary="one course of everything: hurdle, steps, gap, steps, tilted stones",
            target="parkour_terrains.demo:demo",
            params="parkour_terrains.demo:DemoParams",
            graded=False,
            source=SOURCE,
        ),
        TerrainSpec(
            name="crawl",
            summary="bars across level ground, to crawl under",
            target="parkour_terrains.crawl:crawl",
            params="parkour_terrains.crawl:CrawlParams",
        ),
        TerrainSpec(
            name="field",
            summary="a wide flat field, to drive on",
            target="parkour_terrains.field:field",
            params="parkour_terrains.field:FieldParams",
            flat=True,
            graded=False,
        ),
        TerrainSpec(
            name="imported",
            summary="real ground, from a file that parkour terrains import wrote",
            target="parkour_terrains.imported:imported",
            params="parkour_terrains.imported:ImportedParams",
            graded=False,
        ),
    ]
