"""Sizes and colours of what is drawn besides robot and course, the same in every viewer."""

from __future__ import annotations

import numpy as np

UP = np.array([0.0, 0.0, 1.0])
POLE_HEIGHT = 0.5
"""Of the markers of way points [m]."""
BALL_RADIUS = 0.05
"""Of the balls on top of them [m]."""
FORCE_COLOUR, VELOCITY_COLOUR, COMMAND_COLOUR = (214, 52, 132), (38, 110, 230), (30, 160, 84)
"""Of the arrows of contact forces, of the base's velocity and of the commanded one."""
FORCE_SCALE = 0.4 / 150.0
"""Length of an arrow for a contact force [m/N]: about the robot's weight is 0.4 m."""
VELOCITY_SCALE = 0.6
"""Length of an arrow for a velocity [m per m/s]."""
HEADING_HEIGHT = 0.25
"""Of the arrow over the base [m]."""
HEADING_COLOUR = (240, 60, 60)
"""Red, green, blue, 0 to 255."""
