"""Built-in loggers of ``parkour train``, laid out as a plugin of its own."""
