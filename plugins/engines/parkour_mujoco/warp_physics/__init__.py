"""MuJoCo Warp's physics step, with parts of our own where a robot on boxes needs less than MuJoCo's general ones."""
