"""The built-in noise and faults of sensors."""
