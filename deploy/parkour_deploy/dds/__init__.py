"""Unitree's low-level messages, their bytes and their services, over DDS."""
