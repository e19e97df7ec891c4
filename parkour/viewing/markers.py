"""Sizes and colours of what is drawn besides robot and course, the same in every viewer."""

from __future__ import annotations

import numpy as np

UP = np.array([0.0, 0.0, 1.0])
POLE_HEIGHT = 0.5
"""Of the markers of way points [m]."""
BALL_RADIUS = 0.05
"""Of the balls on top of them [m]."""
HEADING_HEIGHT = 0.25
"""Of the arrow over the base [m]."""
HEADING_COLOUR = (240, 60, 60)
"""Red, green, blue, 0 to 255."""
