"""Registers the callbacks."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import CallbackSpec, hookimpl

PARKOUR_API = "1.1"


@hookimpl
def register_callbacks() -> Iterable[CallbackSpec]:
    return (
        CallbackSpec(
            name="video",
            summary="a short film of the policy at the end; --video",
            target="parkour_callbacks.video:Video",
            renders=True,
        ),
    )
