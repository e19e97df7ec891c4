"""Built-in curricula, laid out as a plugin of its own."""
