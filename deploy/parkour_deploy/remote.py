"""Unitree's radio remote: 16 keys and three axes, in the 40 bytes that the robot's state carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KEYS = ("R1", "L1", "start", "select", "R2", "L2", "F1", "F2", "A", "B", "X", "Y", "up", "right", "down", "left")
"""In the order of their bits."""
SIZE = 40
_HEAD = b"\x55\x51"
NO_KEYS: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Remote:
    """What the operator presses. Sticks are within ± 1: right and forward positive."""

    keys: frozenset[str] = NO_KEYS
    left_x: float = 0.0
    left_y: float = 0.0
    right_x: float = 0.0

    def pressed(self, *keys: str) -> bool:
        """Whether all of these are."""
        return self.keys.issuperset(keys)

    def pack(self) -> np.ndarray:
        """``[40]`` uint8."""
        data = bytearray(SIZE)
        data[0:2] = _HEAD
        data[2:4] = sum(1 << KEYS.index(key) for key in self.keys).to_bytes(2, "little")
        data[4:12] = np.array([self.left_x, self.right_x], "<f4").tobytes()
        data[20:24] = np.array([self.left_y], "<f4").tobytes()
        return np.frombuffer(bytes(data), np.uint8)

    @classmethod
    def unpack(cls, raw: np.ndarray) -> Remote:
        """From 40 bytes; what is no number counts as a stick at rest."""
        data = bytes(raw)
        bits = int.from_bytes(data[2:4], "little")
        left_x, right_x = np.frombuffer(data, "<f4", 2, 4)
        left_y = np.frombuffer(data, "<f4", 1, 20)[0]
        sticks = (_axis(left_x), _axis(left_y), _axis(right_x))
        return cls(frozenset(key for index, key in enumerate(KEYS) if bits >> index & 1), *sticks)


def _axis(value: float) -> float:
    return float(min(max(value, -1.0), 1.0)) if np.isfinite(value) else 0.0
