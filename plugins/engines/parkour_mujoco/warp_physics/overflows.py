"""How much room contacts and constraints took, and how often there was too little: counted on the device."""

# Warp's kernels are Python only in their syntax.
# pyright: reportIndexIssue=false, reportArgumentType=false, reportOperatorIssue=false, reportCallIssue=false
# pyright: reportInvalidTypeForm=false

from __future__ import annotations

from typing import Any

import warp as wp
from mjlab.sim.sim_data import TorchArray
from torch import Tensor

from parkour_mujoco.simulation import Room

wp.set_module_options({"enable_backward": False})


@wp.kernel
def _count(
    rows: wp.array(dtype=int),
    most_rows: int,
    pairs: wp.array(dtype=int),
    contacts: wp.array(dtype=int),
    most_contacts: int,
    counts: wp.array(dtype=int),
    peaks: wp.array(dtype=int),
):
    world = wp.tid()
    # The peak is read first: as a rule it is higher, and nobody waits for another.
    if rows[world] > peaks[0]:
        wp.atomic_max(peaks, 0, rows[world])
    if rows[world] > most_rows:
        wp.atomic_add(counts, 0, 1)
    if world == 0:
        found = wp.max(pairs[0], contacts[0])
        peaks[1] = wp.max(peaks[1], found)
        if found > most_contacts:
            counts[1] = counts[1] + 1


class Overflows:
    """Counts after every physics step.

    Args:
        data: MuJoCo Warp's.
    """

    def __init__(self, data: Any) -> None:
        self._counts, self._peaks = wp.zeros(2, dtype=int), wp.zeros(2, dtype=int)
        self._tensor = TorchArray(self._counts)
        self._most = int(data.njmax), int(data.naconmax)

    def count(self, data: Any) -> None:
        most_rows, most_contacts = self._most
        wp.launch(
            _count,
            dim=data.nworld,
            inputs=[data.nefc, most_rows, data.ncollision, data.nacon, most_contacts],
            outputs=[self._counts, self._peaks],
        )

    def total(self) -> Tensor:
        """Overflows so far, of either kind: a number on the device."""
        return self._tensor.sum()

    def read(self) -> Room:
        """All that was counted; a host sync."""
        worlds, steps = self._counts.numpy().tolist()
        rows, contacts = self._peaks.numpy().tolist()
        return Room(worlds, steps, rows, self._most[0], contacts, self._most[1])
