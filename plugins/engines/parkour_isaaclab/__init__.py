"""The isaaclab engine: Isaac Lab 2.3 on Isaac Sim."""
