"""Legacy checkpoints, of the reference implementation of the same tasks, as checkpoints of ours.

Such a file holds ``model_state_dict`` (``actor.*``, ``critic.*``, ``std``) and ``estimator_state_dict``, and a
student's also ``depth_encoder_state_dict`` and ``depth_actor_state_dict``. Its networks have our layers under other
names and read the same 753 numbers in the same order. Optimizers are left behind: the weights can be evaluated, played,
exported, and taught from, but no run resumes from them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from parkour.errors import CheckpointError
from parkour.policies.checkpoint import Checkpoint, TaskStamp
from parkour.policies.checkpoint_check import check_finite
from parkour.reading import MalformedError
from parkour.registry import default_registry
from parkour.tasks.document import document_tables, read_task
from parkour.text import counted

MODEL, ESTIMATOR = "model_state_dict", "estimator_state_dict"
DEPTH_ENCODER, DEPTH_ACTOR = "depth_encoder_state_dict", "depth_actor_state_dict"
FORMAT = "the reference implementation"
"""What :attr:`Checkpoint.versions` says under ``format``."""

SAME_LAYOUT = (
    "nothing in the file says of which robot: it is taken for a Go2's. Extreme Parkour's own weights have the same "
    "layout and are an A1's, with joints in another order; such a policy falls at once. Weights of another robot: "
    "--set robot=NAME --allow-mismatch (parkour plugins list --kind robot)"
)
"""What to beware of with every such file: it holds weights alone, and sizes that both robots share."""
IMAGE = (58, 87)
"""Rows and columns of a depth image."""
_ACTOR = {
    "scan_encoder.": "scan_encoder.",
    "priv_encoder.": "privileged_encoder.",
    "history_encoder.": "history_encoder.",
    "actor_backbone.": "mlp.",
}
_MODEL = {f"actor.{old}": f"actor/{new}" for old, new in _ACTOR.items()} | {
    "critic.": "critic/mlp.",
    "std": "actor/distribution.std_param",
}
_DEPTH_ACTOR = {f"{nested}{old}": new for old, new in _ACTOR.items() for nested in ("", "actor.")} | {"std": "std"}
_DEPTH_ENCODER = {
    name: name for name in ("base_backbone.image_compression.", "combination_mlp.", "rnn.", "output_mlp.")
}

_LINEAR = re.compile(r".+\.(\d{1,4})\.weight")

_log = logging.getLogger(__name__)


def is_legacy(data: object) -> bool:
    """Whether the contents of a file are of the reference implementation."""
    return isinstance(data, Mapping) and "format" not in data and MODEL in data and ESTIMATOR in data


def convert(path: Path, data: Mapping[str, Any]) -> Checkpoint:
    """The same weights as a slim checkpoint of ours; logs a line of what was found.

    Args:
        path: of the file, for messages.
        data: what it holds.

    Raises:
        CheckpointError: a network is missing, has a layer we do not know, or sizes that do not fit together.
        MalformedError: numbers are not finite, or a network has no linear layer.
    """
    for part in (MODEL, ESTIMATOR, DEPTH_ENCODER, DEPTH_ACTOR):
        check_finite(part, data.get(part))
    networks = _teacher(path, data)
    stage = "student" if data.get(DEPTH_ENCODER) else "teacher"
    observations = _sizes(path, networks["actor"], networks["critic"])
    if stage == "student":
        student = _student(path, data, networks["actor"])
        networks = {"student": student, "teacher": networks["actor"]}
        observations |= {"depth": IMAGE, "yaw_valid": (1,), "perception": (1,)}
    name = f"go2-{stage}"
    iteration = data.get("iter")
    checkpoint = Checkpoint(
        iteration=iteration if type(iteration) is int and 0 <= iteration < 2**53 else 0,
        stamp=TaskStamp(name, stage, observations, {}, _width(networks.get("student", networks.get("actor", {})))),
        task=document_tables(read_task(name, default_registry())[0]),
        model={f"{network}_state_dict": weights for network, weights in networks.items()},
        optimizers=None,
        learning_rate=0.0,
        rng=None,
        env=None,
        num_envs=0,
        total_steps=0,
        seconds=0.0,
        seed=0,
        versions={"format": FORMAT},
    )
    _log.warning("%s: %s", path, summary(checkpoint))
    _log.warning("%s: %s", path, SAME_LAYOUT)
    return checkpoint


def summary(checkpoint: Checkpoint) -> str:
    """One line of what a converted checkpoint holds."""
    parts = [
        f"{name.removesuffix('_state_dict')} {sum(weight.numel() for weight in weights.values()):,} numbers"
        for name, weights in checkpoint.model.items()
    ]
    stamp = checkpoint.stamp
    flat = sum(shape[0] for name, shape in stamp.observations.items() if name in _FLAT)
    return (
        f"weights of {FORMAT}: a {stamp.stage} after {counted(checkpoint.iteration, 'iteration')}, "
        f"{flat} observations, {stamp.actions} actions ({', '.join(parts)})"
    )


_FLAT = ("proprioception", "height_scan", "privileged_explicit", "privileged_latent", "proprioception_history")


def _teacher(path: Path, data: Mapping[str, Any]) -> dict[str, dict[str, Tensor]]:
    """State dicts of actor and critic."""
    both = _renamed(path, data, MODEL, _MODEL)
    networks: dict[str, dict[str, Tensor]] = {"actor": {}, "critic": {}}
    for key, weight in both.items():
        network, _, name = key.partition("/")
        networks[network][name] = weight
    networks["actor"] |= _renamed(path, data, ESTIMATOR, {"estimator.": "estimator."})
    return networks


def _student(path: Path, data: Mapping[str, Any], teacher: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State dict of the student: the parts of the depth actor that act, its estimator, and the depth encoder."""
    actor = _renamed(path, data, DEPTH_ACTOR, _DEPTH_ACTOR)
    kept = {key: weight for key, weight in actor.items() if key.startswith(("history_encoder.", "mlp."))}
    kept |= {key: weight for key, weight in teacher.items() if key.startswith("estimator.")}
    encoder = _renamed(path, data, DEPTH_ENCODER, _DEPTH_ENCODER)
    return {f"actor.{key}": weight for key, weight in kept.items()} | {
        f"depth_encoder.{key}": weight for key, weight in encoder.items()
    }


def _renamed(path: Path, data: Mapping[str, Any], part: str, names: Mapping[str, str]) -> dict[str, Tensor]:
    """A state dict under our names; every key must begin with one of ``names``."""
    weights = data.get(part)
    if not isinstance(weights, Mapping) or not weights:
        raise CheckpointError(f"checkpoint {path} is of {FORMAT}, but lacks {part}")
    found: dict[str, Tensor] = {}
    for key, weight in weights.items():
        old = next((old for old in names if str(key).startswith(old)), None)
        if old is None or not isinstance(weight, Tensor):
            raise CheckpointError(
                f"checkpoint {path} is of {FORMAT}, but {part} has {key!r}, expected tensors under {', '.join(names)}"
            )
        found[names[old] + str(key).removeprefix(old)] = weight
    return found


def _sizes(path: Path, actor: Mapping[str, Tensor], critic: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Sizes of the observation groups, in the order in which the critic reads them."""
    first = {name: _inputs(path, actor, name) for name in ("estimator", "scan_encoder", "privileged_encoder", "mlp")}
    explicit = _width({key: weight for key, weight in actor.items() if key.startswith("estimator.")})
    known = (first["estimator"], first["scan_encoder"], explicit, first["privileged_encoder"])
    history = _inputs(path, critic, "mlp") - sum(known)
    if history <= 0 or history % first["estimator"]:
        raise CheckpointError(
            f"checkpoint {path}: the critic leaves {history} numbers for the history, expected a multiple of the "
            f"proprioception's {first['estimator']}"
        )
    return {name: (size,) for name, size in zip(_FLAT, (*known, history), strict=True)}


def _inputs(path: Path, weights: Mapping[str, Tensor], network: str) -> int:
    """What the first layer of a network reads."""
    weight = weights.get(f"{network}.0.weight")
    if weight is None or weight.ndim != 2:
        raise CheckpointError(f"checkpoint {path} is of {FORMAT}, but has no linear layer {network}.0.weight")
    return weight.shape[1]


def _width(weights: Mapping[str, Tensor]) -> int:
    """What the last linear layer of the actor (or of the one network given) returns."""
    layers = {
        key: int(match[1])
        for key, weight in weights.items()
        if (match := _LINEAR.fullmatch(key)) and weight.ndim == 2 and ("mlp." in key or key.startswith("estimator."))
    }
    own = [key for key in layers if key.startswith(("mlp.", "actor.mlp."))] or list(layers)
    if not own:
        raise MalformedError("a network has no linear layers")
    return weights[max(own, key=lambda key: layers[key])].shape[0]
