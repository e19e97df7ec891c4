"""The built-in sub-terrains: gap, hurdle, step, tilt, flat, demo, crawl and field."""
