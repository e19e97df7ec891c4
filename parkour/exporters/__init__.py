"""Exported policies: graphs that run without us, and ``deploy.toml``, which says how to feed them.

:mod:`parkour.exporters.manifest` is read on robots and in other simulators and needs no torch; everything else does.
"""
