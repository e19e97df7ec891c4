"""What the physics backends of Isaac Lab do each in their own way: start, configuration, friction, one physics step.

Everything else is Isaac Lab's own common interface. Nothing of Isaac Lab is imported before a backend was started.
"""
