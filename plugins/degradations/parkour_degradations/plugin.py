"""Registers the degradations of the gauntlet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from parkour import DegradationSpec, hookimpl

PARKOUR_API = "1.1"

_REAL = "REAL: Robust Extreme Agility via Spatio-Temporal Policy Learning (arXiv 2603.17653)"
_STEREO = "Keselman et al., Intel RealSense Stereoscopic Depth Cameras, 2017"


def _degradation(
    part: Literal["camera", "body"], name: str, constant: str, summary: str, source: str
) -> DegradationSpec:
    target = f"parkour_degradations.{part}:{constant}"
    return DegradationSpec(name=name, part=part, summary=summary, target=target, source=source)


def _camera(name: str, constant: str, summary: str, source: str = "") -> DegradationSpec:
    return _degradation("camera", name, constant, summary, source)


def _body(name: str, constant: str, summary: str, source: str = "") -> DegradationSpec:
    return _degradation("body", name, constant, summary, source)


@hookimpl
def register_degradations() -> Iterable[DegradationSpec]:
    return (
        _camera("half_frames", "DROPPED_FRAMES", "half of the frames are lost", _REAL),
        _camera("range_noise", "GAUSSIAN_NOISE", "normal errors of 10 cm", _REAL),
        _camera("stereo", "STEREO_NOISE", "a stereo camera's errors, 5.4 cm at 2 m", _STEREO),
        _camera("missing_edges", "EDGE_DROPOUT", "4 of 5 pixels within two of an edge are missing", _STEREO),
        _camera("blind_nearby", "BLIND_ZONE", "nothing nearer than 1 m is seen", _REAL),
        _camera("speckled", "SPECKLE", "5 % of the pixels read 0 or the limit"),
        _camera("covered_lens", "OCCLUSION", "two patches of 30 % of the sides cover the picture"),
        _camera("wrong_scale", "RANGE_ERROR", "distances 5 % and 3 cm too large"),
        _camera("narrow_view", "NARROW_VIEW", "a lens of 70° from left to right", _REAL),
        _camera("pitch_down", "PITCH_DOWN", "the camera looks 5° further down"),
        _camera("pitch_up", "PITCH_UP", "the camera looks 5° further up"),
        _camera("roll", "ROLL", "the camera is rolled by up to 3°"),
        _camera("yaw", "YAW", "the camera looks up to 3° to the side"),
        _camera("displaced", "POSITION", "the camera sits up to 2 cm elsewhere along each axis"),
        _camera("mounting", "MOUNTING", "all errors of the mounting: 5° of pitch, 3° of roll and yaw, 2 cm"),
        _camera("no_latency", "NO_LATENCY", "images come at once"),
        _camera("late_frames", "LATE_FRAMES", "images come two frames late"),
        _camera("blank_camera", "BLANK", "nothing is seen: what is left is what the policy does without eyes"),
        _body("slippery", "SLIPPERY", "friction of 0.4"),
        _body("payload", "PAYLOAD", "5 kg on the base"),
        _body("slippery_payload", "SLIPPERY_PAYLOAD", "friction of 0.4 and 5 kg on the base"),
        _body("weak_motors", "WEAK_MOTORS", "nine tenths of the torques"),
        _body("pushes", "PUSHES", "pushes of up to 1 m/s along each axis, every 6 s"),
        _body("no_action_delay", "NO_ACTION_DELAY", "actions act at once"),
        _body("late_actions", "LATE_ACTIONS", "actions act two control steps late"),
        _body("encoder_noise", "ENCODER_NOISE", "noise and offsets of the encoders: 0.01 and 0.02 rad, 0.5 rad/s"),
        _body("no_contacts", "NO_CONTACTS", "no foot contact is ever reported"),
    )
