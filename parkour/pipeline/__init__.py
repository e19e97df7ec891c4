"""From nothing to a policy that has been scored: teacher, student, gauntlet, export and sim2sim, one after the other.

``parkour pipeline go2`` is the command. Each stage is a ``parkour`` command in a process of its own, so that it has the
GPUs to itself and can be run again by hand; what came of it is a JSON file.
"""
