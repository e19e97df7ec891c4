"""Numbers of the built-in export targets. Imports no torch: their lists are shown without it."""

from __future__ import annotations

from parkour.params import Params, param


class OnnxParams(Params):
    opset: int = param(18, ge=1, le=1000, doc="ONNX operator set, 14 to 20; onnxruntime reads 18 from 1.14 on.")
