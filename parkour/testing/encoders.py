"""Checks of encoders: shapes, gradient, export."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from parkour.exporters.graphs import DeployedGraph
from parkour.exporters.manifest import Port
from parkour.exporters.writers import DEFAULT_OPSET, run_onnx, write_onnx
from parkour.specs import EncoderSpec
from parkour.testing.subject import CheckFailed, Subject, expect

INPUT_SHAPES: dict[str, tuple[int, ...]] = {
    "scan": (132,),
    "privileged": (29,),
    "history": (10, 53),
    "depth": (58, 87),
}
"""Of one environment, by what is encoded: those of the built-in tasks."""
PROPRIOCEPTION = 53
"""Numbers that a recurrent encoder is given besides the picture."""
LATENTS = (5, 32)
TOLERANCE = 1e-4
"""Between torch and ONNX, absolute; relative for latents above 1."""


def _spec(subject: Subject) -> EncoderSpec:
    assert isinstance(subject.spec, EncoderSpec)
    return subject.spec


def make_encoder(subject: Subject, latent: int = LATENTS[1]) -> Any:
    """The module for the input of its kind, with weights of a fixed seed."""
    shape = INPUT_SHAPES[_spec(subject).encodes]
    torch.manual_seed(0)
    return subject.target((*shape, PROPRIOCEPTION) if _spec(subject).recurrent else shape, latent, **subject.kwargs)


def inputs(subject: Subject, encoder: Any, batch: int, seed: int = 0, scale: float = 1.0) -> tuple[Tensor, ...]:
    """A batch of random inputs; of a recurrent encoder also the proprioception and its first state."""
    rng = torch.Generator().manual_seed(seed)
    shown = scale * torch.randn(batch, *INPUT_SHAPES[_spec(subject).encodes], generator=rng)
    if not _spec(subject).recurrent:
        return (shown,)
    return shown, torch.randn(batch, PROPRIOCEPTION, generator=rng), encoder.initial_state(batch)


def _outputs(encoder: Any, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    got = encoder(*given)
    return got if isinstance(got, tuple) else (got,)


def has_a_place(subject: Subject) -> str:
    """Policies keep a state for it, if it has one."""
    spec = _spec(subject)
    expect(
        not spec.recurrent or spec.encodes == "depth",
        f"it encodes {spec.encodes} and is recurrent, but policies keep a state for their depth encoder alone: "
        "make one without a state; the history has the last steps",
    )
    return "depth, with a state" if spec.recurrent else "no state"


def gives_its_latent(subject: Subject) -> str:
    """It turns a batch into latents of the size that is asked for."""
    shape = INPUT_SHAPES[_spec(subject).encodes]
    for latent in LATENTS:
        encoder = make_encoder(subject, latent)
        expect(isinstance(encoder, nn.Module), f"it made a {type(encoder).__name__}, expected a torch.nn.Module")
        for batch in (1, 3):
            given = inputs(subject, encoder, batch)
            got = _outputs(encoder, given)
            expect(
                tuple(got[0].shape) == (batch, latent),
                f"a batch {(batch, *shape)} became {tuple(got[0].shape)}, expected {(batch, latent)}",
            )
            if _spec(subject).recurrent:
                right = len(got) == 2 and got[1].shape == given[2].shape
                expect(right, "a recurrent encoder must return the latent and a next state of the first one's shape")
    size = sum(parameter.numel() for parameter in make_encoder(subject).parameters())
    return f"{' × '.join(map(str, shape))} to {LATENTS[0]} and {LATENTS[1]}, {size} weights"


def finite(subject: Subject) -> str:
    """It is finite on ordinary and on large inputs."""
    encoder = make_encoder(subject)
    for scale in (1.0, 100.0):
        with torch.no_grad():
            latent = _outputs(encoder, inputs(subject, encoder, 16, scale=scale))[0]
        expect(torch.isfinite(latent).all(), f"NaN or infinity on inputs of size {scale:g}")
    return "inputs up to about 400"


def gradient_reaches_everything(subject: Subject) -> str:
    """The gradient reaches every weight and the input."""
    encoder = make_encoder(subject)
    given = inputs(subject, encoder, 16)
    shown = given[0].requires_grad_()
    torch.manual_seed(1)
    latent, *state = _outputs(encoder, (shown, *given[1:]))
    # A second step, so that the weights through which a state is used count as well.
    if state:
        latent = _outputs(encoder, (shown, given[1], state[0]))[0]
    (latent * torch.randn_like(latent)).sum().backward()
    missing = [name for name, p in encoder.named_parameters() if p.requires_grad and p.grad is None]
    expect(not missing, f"no gradient reaches {', '.join(missing[:4])}")
    broken = [name for name, p in encoder.named_parameters() if p.grad is not None and not torch.isfinite(p.grad).all()]
    expect(not broken, f"the gradient of {', '.join(broken[:4])} is NaN or infinite")
    still = [name for name, p in encoder.named_parameters() if p.grad is not None and not p.grad.any()]
    expect(not still, f"the gradient of {', '.join(still[:4])} is 0 everywhere")
    expect(shown.grad is not None and shown.grad.any(), "no gradient reaches the input")
    return "one batch of 16"


def rows_are_separate(subject: Subject) -> str:
    """Each environment's latent depends on its own input alone, in training too."""
    encoder = make_encoder(subject)
    for mode in (False, True):
        encoder.train(mode)
        given = inputs(subject, encoder, 6)
        torch.manual_seed(2)
        with torch.no_grad():
            together = _outputs(encoder, given)[0]
            pairs = torch.cat([_outputs(encoder, tuple(v[i : i + 2] for v in given))[0] for i in range(0, 6, 2)])
        difference = float((together - pairs).abs().max())
        when = "training" if mode else "evaluation"
        expect(
            difference < 1e-4,
            f"in {when} a row of 2 differs by {difference:.2g} from the same of 6: no batch norm, no dropout",
        )
    return "6 rows together and in pairs"


def copies(subject: Subject) -> str:
    """A copy and its weights loaded elsewhere give the same latents."""
    encoder = make_encoder(subject).eval()
    given = inputs(subject, encoder, 3)
    other = make_encoder(subject).eval()
    other.load_state_dict(copy.deepcopy(encoder).state_dict())
    with torch.no_grad():
        same = torch.equal(_outputs(encoder, given)[0], _outputs(other, given)[0])
    expect(same, "weights written and read back give other latents: keep them all in parameters and buffers")
    return "through its state_dict"


def exports(subject: Subject) -> str:
    """It exports to ONNX, and onnxruntime gives what torch gives."""
    encoder = make_encoder(subject).eval()
    graph = _graph(subject, encoder)
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.onnx"
        write_onnx(graph, encoder, path, opset=DEFAULT_OPSET, batch=None, metadata={})
        run = run_onnx(path)
        for batch in (1, 64):
            given = inputs(subject, encoder, batch, seed=batch)
            with torch.no_grad():
                expected = _outputs(encoder, given)
            got = run([value.numpy() for value in given])
            for ours, theirs in zip(expected, got, strict=True):
                scale = max(1.0, float(ours.abs().max()))
                worst = max(worst, float(np.abs(ours.numpy() - theirs).max()) / scale)
    if not worst <= TOLERANCE:
        raise CheckFailed(f"onnxruntime differs from torch by {worst:.3g}, expected at most {TOLERANCE:g}")
    return f"greatest difference {worst:.1e} in batches of 1 and 64"


def _graph(subject: Subject, encoder: Any) -> DeployedGraph:
    given = inputs(subject, encoder, 1)
    names = ("input", "proprioception", "state")
    outputs = [Port(name="latent", shape=(LATENTS[1],))]
    if len(given) == 3:
        outputs.append(Port(name="next_state", shape=tuple(given[2].shape[1:])))
    ports = tuple(
        Port(name=name, shape=tuple(value.shape[1:]), source=f"group:{name}")
        for name, value in zip(names, given, strict=False)
    )
    return DeployedGraph(name="encoder", module=encoder, inputs=ports, outputs=tuple(outputs))


CHECKS = (has_a_place, gives_its_latent, finite, gradient_reaches_everything, rows_are_separate, copies, exports)
