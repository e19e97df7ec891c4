"""Doubles of Isaac Sim's core: simulation context, simulation manager, cloner, application."""

from __future__ import annotations

import builtins
import enum
import math
import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from physx_usd_schemas import PhysxSchema
from pxr import Sdf, Usd, UsdGeom, UsdPhysics

from tests.isaaclab.harness import kit, window
from tests.isaaclab.harness.physx import PhysicsStage
from tests.isaaclab.harness.strict import declare, unavailable
from tests.isaaclab.harness.views import SimulationView

VERSION = ("5.1.0", "", "5", "1", "0", "", "", "")
"""What the doubles stand for."""


class IsaacEvents(enum.Enum):
    PHYSICS_READY = enum.auto()
    PHYSICS_WARMUP = enum.auto()
    POST_PHYSICS_STEP = enum.auto()
    POST_RESET = enum.auto()
    PRE_PHYSICS_STEP = enum.auto()
    PRIM_DELETION = enum.auto()
    TIMELINE_STOP = enum.auto()


class SimulationManager:
    """The device and the tensor views of the running simulation."""

    view: ClassVar[SimulationView | None] = None
    _device: ClassVar[str] = "cpu"

    @classmethod
    def set_physics_sim_device(cls, device: str) -> None:
        cls._device = device

    @classmethod
    def get_physics_sim_device(cls) -> str:
        return cls._device

    @classmethod
    def get_physics_sim_view(cls) -> SimulationView | None:
        return cls.view

    @classmethod
    def get_backend(cls) -> str:
        return "torch"

    @classmethod
    def register_callback(cls, callback: Callable[..., Any], event: IsaacEvents, **_: Any) -> int:
        """No event ever comes: prims are not deleted while the harness simulates."""
        return id(callback)

    @classmethod
    def deregister_callback(cls, callback_id: int) -> None:
        pass


class SimulationContext:
    """The one simulation of a process: its stage becomes a :class:`PhysicsStage` at the first reset."""

    _instance: ClassVar[Any] = None
    backend = "torch"

    def __init__(
        self,
        *,
        stage_units_in_meters: float,
        physics_dt: float,
        rendering_dt: float,
        backend: str,
        sim_params: dict[str, Any],
        physics_prim_path: str,
        device: str,
        stage: Usd.Stage,
    ) -> None:
        if device != "cpu":
            raise RuntimeError(f"the test harness simulates on the CPU alone, got device {device!r}")
        SimulationContext._instance = type(self)._instance = self
        self.stage, self._app, self._settings = stage, kit.application, kit.settings
        self._physics_dt, self._rendering_dt = physics_dt, rendering_dt
        self.physics: PhysicsStage | None = None
        self.physics_sim_view: SimulationView | None = None
        self._init_stage(physics_prim_path, sim_params)

    @classmethod
    def instance(cls) -> Any:
        return SimulationContext._instance

    @classmethod
    def clear_instance(cls) -> None:
        current = SimulationContext._instance
        if current is not None and current.physics is not None:
            current.physics.close()
            current.physics = None
        SimulationContext._instance = cls._instance = None
        SimulationManager.view = None
        kit.timeline.playing = False
        kit.usd_context.new_stage()

    @property
    def app(self) -> kit.Application:
        return self._app

    def get_physics_dt(self) -> float:
        return self._physics_dt

    def get_rendering_dt(self) -> float:
        return self._rendering_dt

    def is_playing(self) -> bool:
        return kit.timeline.is_playing()

    def is_stopped(self) -> bool:
        return kit.timeline.is_stopped()

    def reset(self, soft: bool = False) -> None:
        """Start playing. Listeners put their exceptions aside, as Kit would swallow them; the first is raised here."""
        if self.physics is None:
            self.physics = PhysicsStage(self.stage)
            self.physics_sim_view = SimulationManager.view = SimulationView(self.physics, self.cfg.gravity)
        kit.timeline.play()
        error = builtins.ISAACLAB_CALLBACK_EXCEPTION
        if error is not None:
            builtins.ISAACLAB_CALLBACK_EXCEPTION = None
            raise error

    def step(self, render: bool = True) -> None:
        assert self.physics is not None, "reset the simulation first"
        self.physics.step(self._physics_dt)

    def stop(self) -> None:
        kit.timeline.stop()

    def clear_all_callbacks(self) -> None:
        pass

    def _init_stage(self, path: str, params: dict[str, Any]) -> Usd.Stage:
        self._physics_context = PhysicsContext(self.stage, path, params)
        return self.stage


class PhysicsContext:
    """The physics scene's prim, with the solver settings of Isaac Lab's configuration."""

    def __init__(self, stage: Usd.Stage, path: str, params: dict[str, Any]) -> None:
        self._physics_scene = UsdPhysics.Scene.Define(stage, path)
        self._physx_scene_api = api = PhysxSchema.PhysxSceneAPI.Apply(self._physics_scene.GetPrim())
        api.CreateSolverTypeAttr("TGS" if params["solver_type"] == 1 else "PGS")
        api.CreateBounceThresholdAttr(params["bounce_threshold_velocity"])
        api.CreateFrictionOffsetThresholdAttr(params["friction_offset_threshold"])
        api.CreateFrictionCorrelationDistanceAttr(params["friction_correlation_distance"])
        api.CreateEnableStabilizationAttr(params["enable_stabilization"])
        api.CreateTimeStepsPerSecondAttr(round(1 / params["dt"]))
        api.CreateEnableGPUDynamicsAttr(False)
        api.CreateBroadphaseTypeAttr("MBP")

    def enable_ccd(self, flag: bool) -> None:
        self._physx_scene_api.CreateEnableCCDAttr(flag)


class GridCloner:
    """Copies the first environment's prims, and keeps environments from touching one another."""

    def __init__(self, spacing: float = 1.0, num_per_row: int = -1, stage: Usd.Stage | None = None) -> None:
        assert stage is not None
        self._spacing, self._stage = spacing, stage

    def define_base_env(self, path: str) -> None:
        if not self._stage.GetPrimAtPath(path):
            UsdGeom.Scope.Define(self._stage, path)

    def generate_paths(self, root: str, count: int) -> list[str]:
        return [f"{root}_{index}" for index in range(count)]

    def clone(self, source_prim_path: str, prim_paths: Sequence[str], **_: Any) -> np.ndarray:
        """Copies, on a square grid; returns ``[N, 3]`` where they are."""
        layer = self._stage.GetEditTarget().GetLayer()
        side = math.ceil(math.sqrt(len(prim_paths)))
        places = np.array([(*divmod(index, side), 0.0) for index in range(len(prim_paths))]) * self._spacing
        for path in prim_paths:
            if path != source_prim_path:
                Sdf.CopySpec(layer, source_prim_path, layer, path)
        for path, place in zip(prim_paths, places, strict=True):
            prim = UsdGeom.Xformable(self._stage.GetPrimAtPath(path))
            prim.ClearXformOpOrder()
            UsdGeom.XformCommonAPI(prim).SetTranslate(tuple(place))
        return places

    def replicate_physics(self, *_: Any, **__: Any) -> None:
        """Isaac Sim parses one copy and repeats it; PhysX here parses them all."""

    def filter_collisions(
        self, scene: str, root: str, environments: Sequence[str], global_paths: Sequence[str] = ()
    ) -> None:
        """A collision group per environment, which collides with itself and with the ``global_paths``."""
        api = PhysxSchema.PhysxSceneAPI(self._stage.GetPrimAtPath(scene))
        api.CreateInvertCollisionGroupFilterAttr(True)
        UsdGeom.Scope.Define(self._stage, root)
        shared = self._group(f"{root}/shared", global_paths) if global_paths else None
        for index, path in enumerate(environments):
            own = self._group(f"{root}/group_{index}", [path])
            own.CreateFilteredGroupsRel().AddTarget(own.GetPath())
            if shared is not None:
                own.GetFilteredGroupsRel().AddTarget(shared.GetPath())
                shared.CreateFilteredGroupsRel().AddTarget(own.GetPath())

    def _group(self, path: str, members: Sequence[str]) -> UsdPhysics.CollisionGroup:
        group = UsdPhysics.CollisionGroup.Define(self._stage, path)
        group.GetCollidersCollectionAPI().CreateIncludesRel().SetTargets([Sdf.Path(member) for member in members])
        return group


class SimulationApp:
    """Kit is "launched" at once. ``launched_with`` holds the settings of each launch."""

    launched_with: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, config: dict[str, Any], experience: str = "") -> None:
        SimulationApp.launched_with.append({**config, "experience": experience})
        kit.settings.set("/app/window/enabled", not config["headless"])
        if not config["headless"]:
            window.declare_window()
        elif "rendering" in experience:
            window.declare_cameras()

    def is_running(self) -> bool:
        return True

    def update(self) -> None:
        pass

    def close(self) -> None:
        pass


def declare_isaacsim() -> None:
    """The packages of Isaac Sim that Isaac Lab imports."""
    # Isaac Sim's own package sets it to the folder of its application files.
    os.environ.setdefault("EXP_PATH", "")
    declare("isaacsim", SimulationApp=SimulationApp, __file__=__file__)
    declare("isaacsim.core.version", get_version=lambda: VERSION)
    declare(
        "isaacsim.core.utils.extensions",
        enable_extension=lambda *_, **__: True,
        get_extension_path_from_name=unavailable("an extension's path"),
    )
    declare("isaacsim.core.utils.viewports", set_camera_view=window.viewport.set_camera_view)
    declare("isaacsim.core.utils.stage", get_current_stage=lambda *_, **__: kit.usd_context.get_stage())
    declare("isaacsim.core.utils.torch")
    declare("isaacsim.core.simulation_manager", SimulationManager=SimulationManager, IsaacEvents=IsaacEvents)
    declare("isaacsim.core.cloner", GridCloner=GridCloner, Cloner=GridCloner)
    declare("isaacsim.core.api.simulation_context", SimulationContext=SimulationContext)
    declare("isaacsim.core.prims", SingleXFormPrim=type("SingleXFormPrim", (), {}))


def declare_physics() -> None:
    """PhysX's extensions of Kit."""

    class PhysxSimulation:
        def attach_stage(self, *_: Any) -> None:
            pass

        def detach_stage(self) -> None:
            pass

    class Fabric:
        def force_update(self, *_: Any) -> None:
            pass

    declare(
        "omni.physx",
        acquire_physx_interface=unavailable("omni.physx"),
        get_physx_simulation_interface=PhysxSimulation,
    )
    declare("omni.physx.scripts", deformableUtils=declare("omni.physx.scripts.deformableUtils"))
    declare("omni.physx.scripts.utils")
    declare("omni.physxfabric", get_physx_fabric_interface=Fabric)
    kinds = ("ArticulationView", "RigidBodyView", "RigidContactView", "SoftBodyView", "SoftBodyMaterialView")
    declare("omni.physics.tensors.impl.api", **{name: type(name, (), {}) for name in (*kinds, "SimulationView")})
