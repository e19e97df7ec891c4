"""What ``parkour eval`` takes to be watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from parkour.commands import notice
from parkour.errors import ParkourError
from parkour_cli.options import DepthWidthOption

if TYPE_CHECKING:
    from parkour.policies.source import Weights
    from parkour.viewing.spectator import EvaluationViewer


@dataclass(frozen=True)
class SpectatorOptions:
    """How an evaluation is shown, if at all."""

    viewer: Annotated[
        str | None,
        typer.Option(
            "--viewer",
            metavar="KIND",
            help="Watch while it runs: web (a page, on this machine alone) or native (a window). [default: none]",
        ),
    ] = None
    depth_width: DepthWidthOption = None

    def refuse_with(self, other: str) -> None:
        """For what cannot be watched.

        Raises:
            ParkourError: somebody wants to watch it.
        """
        if self.viewer is not None:
            raise ParkourError(f"got --viewer and {other}, expected one of them")

    def open(self, weights: Weights, engine: str | None) -> EvaluationViewer | None:
        """The viewer that was asked for.

        Raises:
            ParkourError: there is no such viewer, or nothing to show so wide.
            EngineError: the engine has none of this kind, or it cannot be opened here.
        """
        from parkour.engines.choice import choose_engine
        from parkour.viewing.spectator import EvaluationViewer

        if self.viewer is None:
            if self.depth_width is not None:
                raise ParkourError("got --depth-width without --viewer, so nothing is shown", hint="--viewer web")
            return None
        name, found = choose_engine(engine)
        return EvaluationViewer(self.viewer, name, found, weights.label, self.depth_width, notice)
