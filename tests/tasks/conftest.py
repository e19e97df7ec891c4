"""A third party's plugin beside the built-in ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from parkour.registry import Registry
from parkour.registry.discovery import installed_entries

BEAMS = """
    from parkour import EncoderSpec, EventSpec, Params, RewardSpec, TaskSpec, TerminationSpec, TerrainSpec
    from parkour import hookimpl, param

    class BeamParams(Params):
        width: float = param(0.3, unit="m", ge=0.05, le=1.0, doc="Width of the beam.")

    class ScanParams(Params):
        width: int = param(8, ge=1, doc="Units.")

    def beam(difficulty, rng, params):
        raise NotImplementedError

    def two_arguments(difficulty, rng):
        raise NotImplementedError

    def calm(ctx, *, limit=1.0):
        raise NotImplementedError

    def no_context():
        raise NotImplementedError

    class Forgetful:
        def __init__(self, num_envs, device, layout):
            pass

        def __call__(self, ctx):
            raise NotImplementedError

    def kick(sim, env_ids):
        raise NotImplementedError

    def scan(input_shape, latent_dim, width=8):
        raise NotImplementedError

    TASK = {
        "extends": "go2-teacher",
        "terrains": {"gap": {"share": 0.7}, "balance_beam": {"share": 0.3}},
        "overlays": {"wide": {"terrains": {"balance_beam": {"params": {"width": 0.9}}}}},
    }

    @hookimpl
    def register_terrains():
        yield TerrainSpec(name="balance_beam", summary="a beam", target="beams:beam", params="beams:BeamParams")
        yield TerrainSpec(name="gap", summary="another gap", target="beams:beam")
        yield TerrainSpec(name="two_arguments", summary="", target="beams:two_arguments")
        yield TerrainSpec(name="absent", summary="", target="beams:absent")
        yield TerrainSpec(name="bad_params", summary="", target="beams:beam", params="beams:beam")

    @hookimpl
    def register_rewards():
        yield RewardSpec(name="calm", summary="calm", target="beams:calm")
        yield RewardSpec(name="no_context", summary="", target="beams:no_context")
        yield RewardSpec(name="forgetful", summary="", target="beams:Forgetful")

    @hookimpl
    def register_events():
        yield EventSpec(name="kick", summary="kick", target="beams:kick", mode="interval")

    @hookimpl
    def register_encoders():
        yield EncoderSpec(name="small_scan", summary="", target="beams:scan", params="beams:ScanParams", encodes="scan")

    @hookimpl
    def register_tasks():
        yield TaskSpec(name="beams", summary="beams", target="beams:TASK")
        yield TaskSpec(name="absent-task", summary="", target="beams:absent.toml")
"""


@pytest.fixture
def registry(install_plugin: Callable[..., object]) -> Registry:
    """The built-in components and those of ``parkour-beams`` 0.4."""
    install_plugin("parkour-beams", {"beams": BEAMS}, version="0.4")
    entries, _ = installed_entries()
    return Registry.from_entries(entry for entry in entries if entry.distribution in ("parkour-lab", "parkour-beams"))
