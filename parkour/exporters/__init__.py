"""Exported policies: graphs that run without us, and ``deploy.toml``, which says how to feed them.

What robots and other simulators read, :mod:`parkour.exporters.manifest` and :mod:`parkour.exporters.manifest_file`,
needs no torch; everything else does.
"""
