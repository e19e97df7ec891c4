"""When, on what machine and by which versions a stage was run: a folder may have been moved in between."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from parkour.machine import cores, cpu_name, gpu_names
from parkour.packages import versions
from parkour.pipeline.settings import PipelineSettings


def made_here(settings: PipelineSettings) -> dict[str, Any]:
    """Of a stage that begins now, as plain values (:class:`parkour.pipeline.results.Made`)."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return {"began": now, "device": _device(settings.device, settings.gpus), "versions": versions()}


def _device(device: str | None, gpus: int) -> str:
    """What computes."""
    from parkour.engines.device import choose_device  # Imports torch, for which --help need not wait.

    chosen = choose_device(device)
    if chosen == "cpu":
        return f"{cpu_name() or 'a CPU'}, {cores()} processors"
    names = gpu_names()
    if gpus > 1:
        names = names[:gpus]
        return f"{gpus} x {names[0]}" if len(names) == gpus and len(set(names)) == 1 else ", ".join(names) or "GPUs"
    number = int(chosen.partition(":")[2] or 0)
    return names[number] if number < len(names) else "a GPU"
