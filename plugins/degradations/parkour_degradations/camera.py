"""What real cameras do, as changes of the task. Each says all that it depends on, whatever the task has there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Changes = Mapping[str, Any]

LIMIT = 100.0
"""A reading that every camera's range cuts off [m]: far."""


def _depth(name: str, **params: Any) -> dict[str, Any]:
    """A modifier of the depth group, in every episode."""
    use = {"use": name, "enabled": True, "chance": 1.0, "params": params}
    return {f"observations.depth.modifiers.{name}": use}


def _mounting(part: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """An error of the camera's mounting, of each robot."""
    name = f"camera_{part}"
    return {f"event:{name}": True, f"events.{name}.mode": "startup", f"events.{name}.params": dict(params)}


def _angle(part: str, low: float, high: float) -> dict[str, Any]:
    return _mounting(part, {"range": [math.radians(low), math.radians(high)]})


_POSITION = _mounting("position", {axis: [-0.02, 0.02] for axis in "xyz"})

DROPPED_FRAMES: Changes = _depth("dropped_frames", probability=0.5)
GAUSSIAN_NOISE: Changes = _depth("gaussian_range_noise", sigma=0.1, growth=0.0)
STEREO_NOISE: Changes = _depth("stereo_range_noise", baseline=0.05, focal_length=447.0, subpixel=0.3, quantum=0.0)
EDGE_DROPOUT: Changes = _depth("edge_dropout", jump=0.1, width=2, probability=0.8, reads=0.0)
BLIND_ZONE: Changes = _depth("blind_zone", distance=1.0, reads=0.0)
SPECKLE: Changes = _depth("speckle", share=0.05)
OCCLUSION: Changes = _depth("occlusion", patches=2, size=0.3, reads=[0.0, 0.15, LIMIT], hold=0.0)
RANGE_ERROR: Changes = _depth("range_error", scale=1.05, bias=0.03)
NARROW_VIEW: Changes = {"camera.horizontal_fov": math.radians(70.0), "camera.vertical_fov": "square"}
PITCH_DOWN: Changes = _angle("pitch", 5.0, 5.0)
PITCH_UP: Changes = _angle("pitch", -5.0, -5.0)
ROLL: Changes = _angle("roll", -3.0, 3.0)
YAW: Changes = _angle("yaw", -3.0, 3.0)
POSITION: Changes = _POSITION
MOUNTING: Changes = {**_angle("pitch", -5.0, 5.0), **_angle("roll", -3.0, 3.0), **_angle("yaw", -3.0, 3.0), **_POSITION}
NO_LATENCY: Changes = {"observations.depth.params.latency": 0}
LATE_FRAMES: Changes = {"observations.depth.params.latency": 2}
BLANK: Changes = _depth("blind_zone", distance=10.0, reads=LIMIT)
