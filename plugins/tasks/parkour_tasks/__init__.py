"""The built-in tasks, as TOML files."""
