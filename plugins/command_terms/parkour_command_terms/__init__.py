"""Built-in command terms, laid out as a plugin of its own."""
