"""Built-in policies: the RMA teacher, its encoders and its training algorithm."""
