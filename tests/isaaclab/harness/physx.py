"""A USD stage in PhysX (``ovphysx``, CPU): what stands in Isaac Sim's place behind the doubles. Nothing is faked."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import ClassVar

import numpy as np
import ovphysx
import ovstage
import physx_usd_schemas
import torch
from ovphysx.types import TensorType
from pxr import Usd
from torch import Tensor


class PhysicsStage:
    """One simulation of an open USD stage, as it is now; later edits of the stage are not seen.

    Args:
        usd: the stage.
    """

    _schemas_known: ClassVar[bool] = False

    def __init__(self, usd: Usd.Stage) -> None:
        self.usd = usd
        ovphysx.PhysX.set_cpu_mode(True)
        if not PhysicsStage._schemas_known:
            folders = [*physx_usd_schemas.schema_paths(), ovphysx.newton_schema_root()]
            ovstage.population.register_usd_schemas([str(folder) for folder in folders])
            PhysicsStage._schemas_known = True
        self._folder = tempfile.TemporaryDirectory(prefix="parkour_harness_")
        path = Path(self._folder.name) / "stage.usdc"
        usd.Export(str(path))
        self._physx = ovphysx.PhysX()
        self._stage = ovstage.Stage("harness")
        domains = ovstage.PopulationDomain.ALL
        ovstage.population.open_usd(self._stage, str(path), ordinal=1, domains=domains)
        self._stage.advance_write_floor(ordinal=1).wait()
        self._physx.wait_task(self._physx.attach_ovstage(self._stage, read_ordinal=1))
        self._physx.wait_all()

    def step(self, dt: float) -> None:
        """Advance by ``dt`` [s]."""
        self._physx.step_sync(dt)

    def update_kinematics(self) -> None:
        """Link poses after a root or joint position was written."""
        self._physx.update_articulations_kinematic()

    def contact_binding(self, bodies: list[str]) -> ovphysx.ContactBinding:
        """Net contact forces of bodies (prim paths)."""
        with _no_deprecations():
            return self._physx.create_contact_binding(sensor_patterns=bodies, max_contact_data_count=16 * len(bodies))

    def tensors(self, prim_paths: list[str]) -> TensorAccess:
        """Tensors of articulations, by their root links' paths."""
        return TensorAccess(self._physx, prim_paths)

    def close(self) -> None:
        self._physx.wait_task(self._physx.detach_ovstage())
        self._stage.destroy()
        self._physx.destroy()
        self._folder.cleanup()


class TensorAccess:
    """Reads and writes whole tensors of a set of articulations, one row each."""

    def __init__(self, physx: ovphysx.PhysX, prim_paths: list[str]) -> None:
        self._physx, self._paths = physx, prim_paths
        self._bindings: dict[TensorType, ovphysx.TensorBinding] = {}

    def binding(self, kind: TensorType) -> ovphysx.TensorBinding:
        if kind not in self._bindings:
            with _no_deprecations():
                self._bindings[kind] = self._physx.create_tensor_binding(
                    prim_paths=self._paths, tensor_type=kind, raise_if_empty=True
                )
        return self._bindings[kind]

    def get(self, kind: TensorType) -> Tensor:
        """A new tensor ``[N, ...]``."""
        binding = self.binding(kind)
        values = np.zeros(binding.shape, dtype=binding.dtype_name)
        binding.read(values)
        return torch.from_numpy(values)

    def set(self, kind: TensorType, values: Tensor, rows: Tensor | None = None) -> None:
        """Write ``values`` (all rows), or of them the given ``rows``.

        Raises:
            ValueError: the values do not fit.
        """
        binding = self.binding(kind)
        array = values.detach().numpy()
        if array.size != int(np.prod(binding.shape)):
            raise ValueError(f"{kind.name}: got shape {tuple(values.shape)}, expected {tuple(binding.shape)}")
        array = np.ascontiguousarray(array.reshape(binding.shape), dtype=binding.dtype_name)
        chosen = None if rows is None else np.ascontiguousarray(rows.detach().numpy(), dtype=np.int32)
        binding.write(array, indices=chosen)


def net_normal_forces(binding: ovphysx.ContactBinding) -> Tensor:
    """``[S, 3]`` [N], world frame, of the last step: normal components alone, as Isaac Sim's contact view gives."""
    values = np.zeros((binding.sensor_count, 3), np.float32)
    with _no_deprecations():
        binding.read_net_normal_forces(values)
    return torch.from_numpy(values)


def _no_deprecations() -> warnings.catch_warnings:
    # The tensor bindings are what Isaac Sim's tensor views correspond to; ovphysx prefers its newer sessions.
    return warnings.catch_warnings(action="ignore", category=DeprecationWarning)
