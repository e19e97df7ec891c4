"""Doubles of Isaac Sim's tensor views (``omni.physics.tensors``) on :mod:`tests.isaaclab.harness.physx`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from ovphysx.types import TensorType as T
from pxr import Usd, UsdPhysics
from torch import Tensor

from tests.isaaclab.harness.physx import PhysicsStage, net_normal_forces

ARTICULATION_TENSORS = {
    "root_transforms": T.ARTICULATION_ROOT_POSE,
    "root_velocities": T.ARTICULATION_ROOT_VELOCITY,
    "dof_positions": T.ARTICULATION_DOF_POSITION,
    "dof_velocities": T.ARTICULATION_DOF_VELOCITY,
    "dof_position_targets": T.ARTICULATION_DOF_POSITION_TARGET,
    "dof_velocity_targets": T.ARTICULATION_DOF_VELOCITY_TARGET,
    "dof_actuation_forces": T.ARTICULATION_DOF_ACTUATION_FORCE,
    "dof_stiffnesses": T.ARTICULATION_DOF_STIFFNESS,
    "dof_dampings": T.ARTICULATION_DOF_DAMPING,
    "dof_limits": T.ARTICULATION_DOF_LIMIT,
    "dof_max_velocities": T.ARTICULATION_DOF_MAX_VELOCITY,
    "dof_max_forces": T.ARTICULATION_DOF_MAX_FORCE,
    "dof_armatures": T.ARTICULATION_DOF_ARMATURE,
    "dof_friction_properties": T.ARTICULATION_DOF_FRICTION_PROPERTIES,
    "masses": T.ARTICULATION_BODY_MASS,
    "coms": T.ARTICULATION_BODY_COM_POSE,
    "inertias": T.ARTICULATION_BODY_INERTIA,
    "link_transforms": T.ARTICULATION_LINK_POSE,
    "link_velocities": T.ARTICULATION_LINK_VELOCITY,
    "link_accelerations": T.ARTICULATION_LINK_ACCELERATION,
    "link_incoming_joint_force": T.ARTICULATION_LINK_INCOMING_JOINT_FORCE,
    "material_properties": T.ARTICULATION_SHAPE_FRICTION_AND_RESTITUTION,
    "generalized_mass_matrices": T.ARTICULATION_MASS_MATRIX,
}
"""``get_<name>`` and ``set_<name>`` of an articulation view → tensor of PhysX."""


def matching_paths(stage: Usd.Stage, pattern: str) -> list[str]:
    """Paths of prims that match, environment by environment; ``*`` stands for anything within one name."""
    wanted = re.compile(re.sub(r"(?<!\.)\*", "[^/]*", pattern))
    paths = [str(prim.GetPath()) for prim in stage.Traverse() if wanted.fullmatch(str(prim.GetPath()))]
    return sorted(paths, key=lambda path: [int(number) for number in re.findall(r"env_(\d+)", path)])


class ArticulationView:
    """Articulations by the paths of their root links; tensors have one row each."""

    def __init__(self, physics: PhysicsStage, paths: list[str]) -> None:
        self._tensors = physics.tensors(paths)
        self._backend = self
        binding = self._tensors.binding(T.ARTICULATION_DOF_POSITION)
        if list(binding.prim_paths) != paths:
            raise RuntimeError(f"PhysX lists articulations as {binding.prim_paths}, expected {paths}")
        self.prim_paths = paths
        self.count = binding.count
        self.max_dofs = binding.dof_count
        self.max_fixed_tendons = binding.fixed_tendon_count
        self.max_spatial_tendons = binding.spatial_tendon_count
        self.max_shapes = self._tensors.binding(T.ARTICULATION_SHAPE_FRICTION_AND_RESTITUTION).shape[1]
        self.shared_metatype = SimpleNamespace(
            dof_count=binding.dof_count,
            link_count=binding.body_count,
            dof_names=binding.dof_names,
            link_names=binding.body_names,
            fixed_base=binding.is_fixed_base,
        )
        roots = [path.rsplit("/", 1)[0] for path in paths]
        self.link_paths = [[f"{root}/{name}" for name in binding.body_names] for root in roots]
        self.dof_paths = [[f"{root}/joints/{name}" for name in binding.dof_names] for root in roots]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        verb, _, what = name.partition("_")
        if verb not in ("get", "set") or what not in ARTICULATION_TENSORS:
            raise AttributeError(f"the test harness's articulation view has no {name}")
        kind = ARTICULATION_TENSORS[what]
        if verb == "get":
            return lambda: self._tensors.get(kind)
        return lambda data, indices=None: self._tensors.set(kind, data, indices)

    def get_dof_friction_coefficients(self) -> Tensor:
        return self.get_dof_friction_properties()[..., 0]


class RigidBodyView:
    """Links of articulations by path, in the given order."""

    def __init__(self, physics: PhysicsStage, paths: list[str]) -> None:
        self._backend, self.prim_paths, self.count = self, paths, len(paths)
        self._stage = physics.usd
        roots = dict.fromkeys(self._root_link(path) for path in paths)
        self._articulations = ArticulationView(physics, list(roots))
        links = [path for paths in self._articulations.link_paths for path in paths]
        self._rows = torch.tensor([links.index(path) for path in paths])

    @property
    def max_shapes(self) -> int:
        """Collision shapes of the body that has most."""
        return max(self._count_shapes(path) for path in self.prim_paths)

    def get_transforms(self) -> Tensor:
        return self._articulations.get_link_transforms().reshape(-1, 7)[self._rows]

    def get_velocities(self) -> Tensor:
        return self._articulations.get_link_velocities().reshape(-1, 6)[self._rows]

    def _root_link(self, path: str) -> str:
        siblings = self._stage.GetPrimAtPath(path).GetParent().GetAllChildren()
        roots = [prim for prim in siblings if prim.HasAPI(UsdPhysics.ArticulationRootAPI)]
        if len(roots) != 1:
            raise RuntimeError(f"{path}: expected one articulation root beside it, got {roots}")
        return str(roots[0].GetPath())

    def _count_shapes(self, path: str) -> int:
        prims = Usd.PrimRange(self._stage.GetPrimAtPath(path), Usd.TraverseInstanceProxies())
        return sum(prim.HasAPI(UsdPhysics.CollisionAPI) for prim in prims)


class RigidContactView:
    """Net contact forces of bodies by path, in the given order. Filters are not offered."""

    filter_count = 0

    def __init__(self, physics: PhysicsStage, paths: list[str]) -> None:
        self._backend, self._binding = self, physics.contact_binding(paths)
        found = list(self._binding.sensor_paths)
        self._rows = torch.tensor([found.index(path) for path in paths])
        self.sensor_count = self._binding.sensor_count

    def get_net_contact_forces(self, dt: float) -> Tensor:
        return net_normal_forces(self._binding)[self._rows]


class SimulationView:
    """Makes the views above, by patterns of paths."""

    def __init__(self, physics: PhysicsStage, gravity: Sequence[float]) -> None:
        self._backend, self._physics, self._gravity = self, physics, gravity

    def create_articulation_view(self, pattern: str) -> ArticulationView:
        return ArticulationView(self._physics, matching_paths(self._physics.usd, pattern))

    def create_rigid_body_view(self, pattern: str | list[str]) -> RigidBodyView:
        patterns = [pattern] if isinstance(pattern, str) else pattern
        return RigidBodyView(self._physics, [p for one in patterns for p in matching_paths(self._physics.usd, one)])

    def create_rigid_contact_view(
        self, pattern: str, filter_patterns: Sequence[str] = (), max_contact_data_count: int = 0
    ) -> RigidContactView:
        if filter_patterns:
            raise NotImplementedError(f"the test harness has no filtered contacts, asked for {filter_patterns}")
        return RigidContactView(self._physics, matching_paths(self._physics.usd, pattern))

    def get_gravity(self) -> Sequence[float]:
        return self._gravity

    def initialize_kinematic_bodies(self) -> None:
        pass

    def update_articulations_kinematic(self) -> None:
        self._physics.update_kinematics()
