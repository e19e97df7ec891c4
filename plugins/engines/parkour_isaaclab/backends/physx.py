"""What PhysX is told, with Kit and without."""

from __future__ import annotations

RIGID_PATCHES = 10 * 2**15
"""Contact patches that a GPU has room for: a robot on boxes has more of them than Isaac Lab's default allows."""
