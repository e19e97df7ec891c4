"""The Unitree Go1 for parkour-lab."""
