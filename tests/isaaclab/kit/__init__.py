"""Doubles of what Isaac Sim has with a window: application, keyboard, widgets, viewport. They draw nothing.

The environment behind them is real, on a backend without Kit. Each double declares exactly what the engine uses; an
attribute that none declares is an error. What would be seen on a screen only Isaac Sim can show.
"""
