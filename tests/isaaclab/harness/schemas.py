"""PhysX's USD schemas without Isaac Sim: NVIDIA's Python mirror of them, made acceptable to usd-core."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pxr
from physx_usd_schemas import PhysxSchema
from pxr import Usd

ABSENT = ("PhysxDeformableAPI", "PhysxDeformableBodyAPI", "PhysxDeformableBodyMaterialAPI", "PhysxJointAPI")
"""Schemas that Isaac Lab 2.3 looks for and the newer mirror no longer has: no prim has them."""


def install_schemas() -> None:
    """Make ``pxr.PhysxSchema`` and let a prim be asked for the mirror's classes, which USD does not know as types."""
    sys.modules["pxr.PhysxSchema"] = PhysxSchema
    pxr.PhysxSchema = PhysxSchema  # pyright: ignore[reportAttributeAccessIssue]
    for name in ABSENT:
        setattr(PhysxSchema, name, type(name, (), {"_schemaName": name, "absent": True}))
    for name in ("HasAPI", "ApplyAPI", "RemoveAPI"):
        setattr(Usd.Prim, name, _by_name(getattr(Usd.Prim, name)))
    is_a: Callable[..., bool] = Usd.Prim.IsA
    Usd.Prim.IsA = lambda prim, schema: (
        prim.GetTypeName() == schema._schemaName if hasattr(schema, "_schemaName") else is_a(prim, schema)
    )


def _by_name(method: Callable[..., bool]) -> Callable[..., bool]:
    """The method of a prim, for a schema class of the mirror as well."""

    def call(prim: Usd.Prim, schema: Any, *rest: Any) -> bool:
        if getattr(schema, "absent", False):
            return False
        return method(prim, getattr(schema, "_schemaName", schema), *rest)

    return call
