"""The built-in sub-terrains: gap, hurdle, step, tilt, flat, demo and crawl."""
