"""The built-in reward terms and terminations."""
