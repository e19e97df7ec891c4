"""Looking at a robot before it moves."""
