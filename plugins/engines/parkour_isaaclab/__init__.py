"""The isaaclab engine: Isaac Lab 3.0 on PhysX, Newton or Isaac Sim."""
