"""Where depth pictures come from."""
