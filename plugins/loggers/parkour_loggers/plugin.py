"""Registers the loggers."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import LoggerSpec, hookimpl

PARKOUR_API = "1.1"


@hookimpl
def register_loggers() -> Iterable[LoggerSpec]:
    return (
        LoggerSpec(
            name="tensorboard",
            summary="event files in the run folder, for tensorboard --logdir",
            target="parkour_loggers.tensorboard:TensorBoardLogger",
        ),
        LoggerSpec(
            name="wandb",
            summary="a run at Weights & Biases, over the network",
            target="parkour_loggers.weights_and_biases:WandbLogger",
            keeps=("wandb_id.txt",),
            online=True,
        ),
    )
