"""Balance beams and stepping stones for parkour-lab, with a reward and a task that uses them."""
