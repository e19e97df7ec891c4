"""The bytes of rt/lowstate and rt/lowcmd, through numpy.

DDS's Python binding takes and gives messages as objects of lists: 1 ms and more for each state, half a core at 500 Hz.
These messages are of fixed size, so one ``frombuffer`` reads them. CDR, the encoding on the wire, aligns members to
their size and structs not at all; C aligns both, and the checksum is over the C layout: the two differ in where the
first motor's mode is.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

MOTORS = 20
"""Places for motors in a message; a Go2 uses the first 12."""
CDR = b"\x00\x01\x00\x00"
"""Header of a message: little endian, plain CDR."""


def _layout(size: int, fields: dict[str, tuple[int, Any]]) -> np.dtype:
    names = list(fields)
    return np.dtype(
        {
            "names": names,
            "formats": [fields[name][1] for name in names],
            "offsets": [fields[name][0] for name in names],
            "itemsize": size,
        }
    )


_HEAD: dict[str, tuple[int, Any]] = {
    "head": (0, "2u1"), "level_flag": (2, "u1"), "frame_reserve": (3, "u1"), "sn": (4, "2<u4"), "version": (12, "2<u4"),
    "bandwidth": (20, "<u2"),
}  # fmt: skip
_MOTOR_CMD = _layout(
    36,
    {
        "q": (0, "<f4"),
        "dq": (4, "<f4"),
        "tau": (8, "<f4"),
        "kp": (12, "<f4"),
        "kd": (16, "<f4"),
        "reserve": (20, "3<u4"),
    },
)
_MOTOR_STATE = _layout(
    48,
    {
        "q": (0, "<f4"), "dq": (4, "<f4"), "ddq": (8, "<f4"), "tau_est": (12, "<f4"), "q_raw": (16, "<f4"),
        "dq_raw": (20, "<f4"), "ddq_raw": (24, "<f4"), "temperature": (28, "u1"), "lost": (32, "<u4"),
        "reserve": (36, "2<u4"),
    },
)  # fmt: skip
COMMAND = _layout(
    808,
    {
        **_HEAD, "motor": (24, (_MOTOR_CMD, MOTORS)), "bms_off": (740, "u1"), "bms_reserve": (741, "3u1"),
        "remote": (744, "40u1"), "led": (784, "12u1"), "fan": (796, "2u1"), "gpio": (798, "u1"),
        "reserve": (800, "<u4"), "crc": (804, "<u4"),
    },
)  # fmt: skip
"""rt/lowcmd, without the motors' modes: see :func:`modes`."""
STATE = _layout(
    1176,
    {
        **_HEAD, "quaternion": (24, "4<f4"), "gyroscope": (40, "3<f4"), "accelerometer": (52, "3<f4"),
        "rpy": (64, "3<f4"), "imu_temperature": (76, "u1"), "motor": (80, (_MOTOR_STATE, MOTORS)),
        "bms_version": (1036, "2u1"), "bms_status": (1038, "u1"), "soc": (1039, "u1"), "current": (1040, "<i4"),
        "cycle": (1044, "<u2"), "bq_ntc": (1046, "2u1"), "mcu_ntc": (1048, "2u1"), "cell_vol": (1050, "15<u2"),
        "foot_force": (1080, "4<i2"), "foot_force_est": (1088, "4<i2"), "tick": (1096, "<u4"), "remote": (1100, "40u1"),
        "bit_flag": (1140, "u1"), "adc_reel": (1144, "<f4"), "temperature_ntc": (1148, "2u1"), "power_v": (1152, "<f4"),
        "power_a": (1156, "<f4"), "fan_frequency": (1160, "4<u2"), "reserve": (1168, "<u4"), "crc": (1172, "<u4"),
    },
)  # fmt: skip
"""rt/lowstate, without the motors' modes."""
_MODES = {808: (22, 56, 36), 1176: (77, 124, 48)}
"""By size: places of the first motor's mode and of the second's, and the distance to each further one."""
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


class Message:
    """A message to fill: ``fields`` is a view of its bytes.

    Args:
        layout: :data:`COMMAND` or :data:`STATE`.
    """

    def __init__(self, layout: np.dtype) -> None:
        self.data = bytearray(layout.itemsize)
        self.fields = np.frombuffer(self.data, layout, count=1)
        self.modes = _mode_views(np.frombuffer(self.data, np.uint8))

    def seal(self, *, corrupt: bool = False) -> bytes:
        """Its bytes with their checksum; with a wrong one, for tests, if ``corrupt``."""
        self.fields["crc"] = checksum(bytes(self.data)) ^ int(corrupt)
        return bytes(self.data)


class _Modes:
    """The motors' modes of a message, which lie at irregular places."""

    def __init__(self, first: np.ndarray, others: np.ndarray) -> None:
        self._first, self._others = first, others

    def set(self, values: np.ndarray) -> None:
        """``[20]``"""
        self._first[:], self._others[:] = values[:1], values[1:]

    def get(self) -> np.ndarray:
        """``[20]``"""
        return np.concatenate([self._first, self._others])


def modes(data: bytes) -> np.ndarray:
    """``[20]`` the motors' modes in a message: 1 enables one."""
    return _mode_views(np.frombuffer(data, np.uint8)).get()


def new_command() -> Message:
    """A command that enables all motors, as Unitree's SDK begins one."""
    message = Message(COMMAND)
    message.fields["head"] = (0xFE, 0xEF)
    message.fields["level_flag"] = 0xFF
    message.modes.set(np.ones(MOTORS, np.uint8))
    return message


def read(data: bytes, layout: np.dtype) -> np.void:
    """A message's fields; read-only."""
    return np.frombuffer(data, layout, count=1)[0]


def intact(data: bytes) -> bool:
    """Whether a message carries the checksum of its bytes."""
    return checksum(data) == int.from_bytes(data[-4:], "little")


def checksum(data: bytes) -> int:
    """CRC-32/MPEG-2 of all words of the C layout but the last, each word from its highest bit on.

    zlib's CRC is the same polynomial on reversed bits: of reversed bits, reversed.
    """
    words = np.frombuffer(_c_layout(data)[:-4], "<u4").byteswap().tobytes()
    value = zlib.crc32(words.translate(_REVERSED)) ^ 0xFFFFFFFF
    return int(f"{value:032b}"[::-1], 2)


def _c_layout(data: bytes) -> bytes:
    first, second, stride = _MODES[len(data)]
    padding = -first % 4  # The struct begins at a word in C ...
    rest = second - stride + 4  # ... and its floats at the next.
    return data[:first] + bytes(padding) + data[first : first + 1] + bytes(3) + data[rest:]


def _mode_views(raw: np.ndarray) -> _Modes:
    first, second, stride = _MODES[len(raw)]
    return _Modes(raw[first : first + 1], raw[second : second + stride * (MOTORS - 2) + 1 : stride])
