"""Newton with MuJoCo Warp's solver: no Kit, and no PhysX."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

from torch import Tensor

COURSE_FRICTION = 1e-5
"""MuJoCo takes the larger coefficient of two that touch, so the course's is the least that MuJoCo has."""
CONTACTS, CONSTRAINTS = 50, 200
"""Room for contacts and rows of constraints, per robot. Four feet on edges and a belly on a box have about half."""
TRIANGLE_PAIRS = 1024
"""Room for pairs of a shape and a triangle of the course that may touch, per robot."""
CONTACT_STIFFNESS, CONTACT_DAMPING = 160_000.0, 1_100.0
"""Of contacts without a material of their own [N/m], [N s/m]; as in Isaac Lab's own tasks for legged robots."""


class NewtonBackend:
    """See :class:`parkour_isaaclab.backends.backend.Backend`."""

    name = "newton"
    package = "isaaclab_newton"
    distributions = ("newton", "mujoco-warp")
    libraries = ()
    install = "pip install 'isaaclab==3.0.0'"
    renders = False

    def start(self, *, device: str, window: bool, cameras: bool) -> None:
        """Nothing to do."""

    def physics_cfg(self, num_envs: int) -> Any:
        from isaaclab_newton.physics import MJWarpSolverCfg, NewtonCfg, NewtonCollisionPipelineCfg, NewtonShapeCfg

        return NewtonCfg(
            solver_cfg=MJWarpSolverCfg(
                njmax=CONSTRAINTS,
                nconmax=CONTACTS,
                cone="pyramidal",
                integrator="implicitfast",
                # MuJoCo Warp's own contacts of meshes are not for courses: Newton finds them.
                use_mujoco_contacts=False,
            ),
            collision_cfg=NewtonCollisionPipelineCfg(max_triangle_pairs=max(num_envs, 64) * TRIANGLE_PAIRS),
            default_shape_cfg=NewtonShapeCfg(margin=0.0, ke=CONTACT_STIFFNESS, kd=CONTACT_DAMPING),
        )

    def settle_course(self, env: Any) -> None:
        import warp as wp

        manager = env.sim.physics_manager
        model = manager.get_model()
        # Shapes of no world in particular are everybody's: the course.
        shared = wp.to_torch(model.shape_world) < 0
        wp.to_torch(model.shape_material_mu)[shared] = COURSE_FRICTION
        _tell(manager)

    def set_friction(self, robot: Any, env_ids: Tensor, friction: Tensor) -> None:
        mu = _friction(robot)
        mu[env_ids] = friction[:, None].expand(-1, mu.shape[1])
        _tell(_manager())

    def friction(self, robot: Any) -> Tensor:
        return _friction(robot).clone()


def _manager() -> Any:
    from isaaclab.sim import SimulationContext

    return SimulationContext.instance().physics_manager


def _friction(robot: Any) -> Tensor:
    """``[N, S]`` the model's own memory: of the view's one articulation per world."""
    import warp as wp

    view = robot.root_view
    return wp.to_torch(view.get_attribute("shape_material_mu", _manager().get_model())[:, 0])


def _tell(manager: Any) -> None:
    """The solver copies coefficients when it is told that they have changed."""
    from newton import ModelFlags

    manager.add_model_change(ModelFlags.SHAPE_PROPERTIES)
