"""Registers the protocols."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import ProtocolSpec, hookimpl

PARKOUR_API = "1.1"


@hookimpl
def register_protocols() -> Iterable[ProtocolSpec]:
    return (
        ProtocolSpec(
            name="course",
            summary="0.8 m/s, 30 s, difficulties evenly over the range on every terrain",
            target="parkour_protocols.protocols:COURSE",
        ),
        ProtocolSpec(
            name="reference",
            summary="U(0.3, 0.8) m/s, 20 s, 5 x 5 patches of random difficulty, as in earlier tables",
            target="parkour_protocols.protocols:REFERENCE",
        ),
        ProtocolSpec(
            name="gauntlet",
            summary="as course, clean and under every degradation of camera and body",
            target="parkour_protocols.protocols:GAUNTLET",
        ),
    )
