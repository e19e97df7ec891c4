"""Doubles of Kit: settings, timeline, application, the USD context. No physics in here."""

from __future__ import annotations

import enum
import logging
import os
from collections.abc import Callable
from typing import Any

from pxr import Sdf, Usd, UsdGeom, UsdShade, UsdUtils

from tests.isaaclab.harness.strict import declare, unavailable

log = logging.getLogger("parkour.isaaclab.harness")

ASSET_ROOT = "https://assets.invalid"
"""Where Isaac Sim's settings say that its assets are. Nothing in the harness may fetch from there."""


class Settings:
    """Carbonite settings: a dictionary by path."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = dict(values)

    def get(self, path: str) -> Any:
        return self._values.get(path)

    def get_as_bool(self, path: str) -> bool:
        return bool(self._values.get(path))

    def set(self, path: str, value: Any) -> None:
        self._values[path] = value

    set_bool = set_int = set_float = set_string = set


class Subscription:
    """What subscribing to an event returns; the event comes until it is given up or let go of, as in Kit."""

    def __init__(self, listeners: list[Any], entry: Any) -> None:
        self._listeners, self._entry = listeners, entry

    def unsubscribe(self) -> None:
        if self._entry in self._listeners:
            self._listeners.remove(self._entry)

    def __del__(self) -> None:
        self.unsubscribe()


class EventStream:
    """Listeners by event, called in order of their number."""

    def __init__(self) -> None:
        self._listeners: list[tuple[int, int, int | None, Callable[[Any], None]]] = []
        self._count = 0

    def create_subscription_to_pop_by_type(
        self, event: int, listener: Callable[[Any], None], order: int = 0, name: str = ""
    ) -> Subscription:
        return self._add(order, int(event), listener)

    def create_subscription_to_pop(
        self, listener: Callable[[Any], None], order: int = 0, name: str = ""
    ) -> Subscription:
        return self._add(order, None, listener)

    def push(self, event: int) -> None:
        for entry in sorted(self._listeners, key=lambda entry: entry[:2]):
            # A listener may have been given up by one before it.
            if entry in self._listeners and entry[2] in (None, int(event)):
                entry[3](None)

    def _add(self, order: int, event: int | None, listener: Callable[[Any], None]) -> Subscription:
        self._count += 1
        entry = (order, self._count, event, listener)
        self._listeners.append(entry)
        return Subscription(self._listeners, entry)


class TimelineEventType(enum.IntEnum):
    PLAY = 0
    PAUSE = 1
    STOP = 2


class Timeline:
    """Playing or stopped."""

    def __init__(self) -> None:
        self.stream = EventStream()
        self.playing = False

    def get_timeline_event_stream(self) -> EventStream:
        return self.stream

    def is_playing(self) -> bool:
        return self.playing

    def is_stopped(self) -> bool:
        return not self.playing

    def play(self) -> None:
        self.playing = True
        self.stream.push(TimelineEventType.PLAY)

    def stop(self) -> None:
        self.playing = False
        self.stream.push(TimelineEventType.STOP)


class Application:
    """The running Kit application; all that an update does is to tell who listens."""

    def __init__(self) -> None:
        self._post_update = EventStream()
        self.running = True
        """Until somebody closes the window."""
        self.updates = 0

    def update(self) -> None:
        self.updates += 1
        self._post_update.push(0)

    def is_running(self) -> bool:
        return self.running

    def get_post_update_event_stream(self) -> EventStream:
        return self._post_update


class UsdContext:
    """Holds the one open stage, in memory."""

    def __init__(self) -> None:
        self._stage: Usd.Stage | None = None
        self.new_stage()

    def get_stage(self) -> Usd.Stage | None:
        return self._stage

    def new_stage(self) -> bool:
        self._stage = Usd.Stage.CreateInMemory()
        UsdGeom.SetStageUpAxis(self._stage, UsdGeom.Tokens.z)
        UsdGeom.SetStageMetersPerUnit(self._stage, 1.0)
        UsdUtils.StageCache.Get().Insert(self._stage)
        return True


settings = Settings(
    {
        "/isaaclab/render/rtx_sensors": False,
        "/rtx/rendermode": "",
        "/persistent/isaac/asset_root/cloud": ASSET_ROOT,
    }
)
timeline = Timeline()
application = Application()
usd_context = UsdContext()


async def _stat(path: str) -> tuple[int, None]:
    """Local files are there or not; everything else is not."""
    return (_Result.OK if os.path.exists(path) else _Result.ERROR_NOT_FOUND), None  # noqa: PTH110 - a URL may come


class _Result(enum.IntEnum):
    OK = 0
    ERROR_NOT_FOUND = 1


def _execute(command: str, **_: Any) -> tuple[bool, None]:
    """Kit's commands. Binding a material is for the eye alone; nothing else may be asked for."""
    if command != "BindMaterialCommand":
        raise RuntimeError(f"the test harness has no Kit command {command!r}")
    return True, None


def declare_carb() -> None:
    """Logging and settings."""
    declare("carb", log_info=log.info, log_warn=log.warning, log_error=log.error)
    declare("carb.settings", get_settings=lambda: settings)
    declare("carb.events", IEvent=type("IEvent", (), {}))
    declare("carb.input")
    declare("carb.tokens")


def declare_omni() -> None:
    """Application, timeline, USD, and names that are imported without being used."""
    declare("omni.kit.app", get_app_interface=lambda: application, get_app=lambda: application)
    declare("omni.kit.commands", execute=_execute)
    declare("omni.timeline", get_timeline_interface=lambda: timeline, TimelineEventType=TimelineEventType)
    declare("omni.log", warn=log.warning, info=log.info, error=log.error)
    declare(
        "omni.client",
        Result=_Result,
        stat_async=_stat,
        stat=unavailable("omni.client"),
        read_file=unavailable("omni.client"),
        copy=unavailable("omni.client"),
    )
    declare("omni.ui")
    declare("omni.usd", get_context=lambda: usd_context, get_world_transform_matrix=_world_transform)
    declare(
        "omni.usd.commands",
        CreateMdlMaterialPrimCommand=unavailable("CreateMdlMaterialPrimCommand"),
        CreateShaderPrimFromSdrCommand=CreateShader,
    )
    declare("omni.metrics.assembler.core", get_metrics_assembler_interface=_Assembler)


class CreateShader:
    """The command that makes a shader of USD's own kinds."""

    def __init__(self, *, parent_path: str, identifier: str, stage_or_context: Usd.Stage, name: str) -> None:
        self._make = lambda: UsdShade.Shader.Define(stage_or_context, f"{parent_path}/{name}")
        self._identifier = identifier

    def do(self) -> UsdShade.Shader:
        shader = self._make()
        shader.CreateIdAttr(self._identifier)
        shader.CreateOutput("surface", Sdf.ValueTypeNames.Token)
        return shader


class _Assembler:
    """Checks that layers agree on their units: all of ours are metres."""

    def check_layers(self, *_: object) -> dict[str, bool]:
        return {"ret_val": True}


def _world_transform(prim: Usd.Prim) -> Any:
    return UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(Usd.TimeCode.Default())
