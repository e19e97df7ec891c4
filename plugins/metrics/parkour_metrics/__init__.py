"""Built-in metrics of ``parkour eval``, laid out as a plugin of its own."""
