"""The built-in observation groups."""
