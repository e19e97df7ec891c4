"""Registers the built-in modifiers."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import ModifierSpec, hookimpl

PARKOUR_API = "1.1"

_STEREO = "Keselman et al., Intel RealSense Stereoscopic Depth Cameras, 2017"


def _modifier(name: str, target: str, summary: str, source: str = "") -> ModifierSpec:
    attribute = target.partition(":")[2]
    return ModifierSpec(
        name=name,
        summary=summary,
        target=f"parkour_modifiers.{target}",
        params=f"parkour_modifiers.params:{attribute}Params",
        source=source,
    )


@hookimpl
def register_modifiers() -> Iterable[ModifierSpec]:
    return (
        _modifier("gaussian_noise", "noise:GaussianNoise", "normal errors on any group"),
        _modifier("gaussian_range_noise", "noise:GaussianRangeNoise", "normal errors that grow with the distance"),
        _modifier("constant_error", "noise:ConstantError", "errors that stay the same for an episode, on any group"),
        _modifier("stereo_range_noise", "noise:StereoRangeNoise", "errors of a stereo camera's disparity", _STEREO),
        _modifier("range_error", "noise:RangeError", "a wrong scale and a bias of the distance"),
        _modifier("zoom", "view:Zoom", "the picture of a narrower lens"),
        _modifier("occlusion", "view:Occlusion", "patches that cover part of the picture"),
        _modifier("edge_dropout", "pixels:EdgeDropout", "missing pixels where the distance jumps", _STEREO),
        _modifier("blind_zone", "pixels:BlindZone", "no readings nearby"),
        _modifier("speckle", "pixels:Speckle", "single pixels that read 0 or the limit"),
        _modifier("contact_faults", "contacts:ContactFaults", "contact sensors that never come on, or flicker"),
        _modifier("dropped_frames", "timing:DroppedFrames", "lost measurements; the last one is repeated"),
        _modifier("latency_jitter", "timing:LatencyJitter", "measurements that arrive late, by chance"),
    )
