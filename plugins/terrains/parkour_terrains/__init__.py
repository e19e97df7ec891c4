"""The built-in sub-terrains: gap, hurdle, step, tilt, flat and demo."""
