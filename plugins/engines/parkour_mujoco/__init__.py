"""The mujoco engine: MuJoCo Warp through mjlab, on CPU and CUDA."""
