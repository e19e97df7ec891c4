"""What a session looks like: a model for the eye alone, fed with snapshots, in a film, a window or a page.

The simulation is not touched: its model has no shapes that only please the eye, and its worlds lie on top of one
another. :mod:`.model` builds another one, of one robot and one course, and poses it after a
:class:`parkour.viewing.snapshot.Snapshot`.
"""
