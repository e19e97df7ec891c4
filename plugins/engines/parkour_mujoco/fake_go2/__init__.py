"""A Go2 that speaks the robot's protocol: plain C MuJoCo behind rt/lowstate and rt/lowcmd.

Course, robot, motors and camera are those of :mod:`parkour_mujoco.sim2sim`.
"""
