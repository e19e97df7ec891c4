"""What this plugin registers. Every command imports this module, so it imports nothing but specs."""

from collections.abc import Iterable

from parkour import RewardSpec, TaskSpec, TerrainSpec, hookimpl

PARKOUR_API = "1.1"


@hookimpl
def register_terrains() -> Iterable[TerrainSpec]:
    yield TerrainSpec(
        name="balance_beam",
        summary="beams over a pit, with platforms to rest on between them",
        target="parkour_terrain_balance.beams:balance_beam",
        params="parkour_terrain_balance.beams:BeamParams",
    )
    yield TerrainSpec(
        name="stepping_stones",
        summary="a row of stones over a pit, left and right of the middle line",
        target="parkour_terrain_balance.stones:stepping_stones",
        params="parkour_terrain_balance.stones:StoneParams",
    )


@hookimpl
def register_rewards() -> Iterable[RewardSpec]:
    yield RewardSpec(
        name="feet_near_drop",
        summary="number of loaded feet that stand close to a drop, whatever its side",
        target="parkour_terrain_balance.rewards:feet_near_drop",
        params="parkour_terrain_balance.rewards:DropParams",
    )


@hookimpl
def register_tasks() -> Iterable[TaskSpec]:
    yield TaskSpec(
        name="balance-teacher",
        summary="Unitree Go2 on beams and stepping stones, height scan and privileged state",
        target="parkour_terrain_balance:balance_teacher.toml",
    )
