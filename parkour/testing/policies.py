"""Checks of policies, in a task on recorded states."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import torch
from rsl_rl.utils import resolve_callable
from torch import Tensor

from parkour.errors import ParkourError
from parkour.exporters.graphs import deployed_graphs
from parkour.exporters.parity import GroupSpan, check, compare, random_observations
from parkour.exporters.writers import DEFAULT_OPSET, run_onnx, write_onnx
from parkour.policies.definition import PolicyDefinition, acting_network, define_policy
from parkour.policies.deployed import build_actor
from parkour.registry import RegisteredSpec
from parkour.specs import PolicySpec
from parkour.tasks import load_task
from parkour.tasks.document import read_registered
from parkour.tasks.resolved import ResolvedTask
from parkour.testing.replay import ReplayEnv
from parkour.testing.subject import CheckFailed, NotChecked, Subject, expect

ROLLOUT = 4
"""Control steps of the iteration that is trained."""


def task_with(subject: Subject) -> ResolvedTask:
    """A task that uses the policy: its distribution's own, another registered one, or one of its stage given it.

    Raises:
        NotChecked: no task of its stage is registered.
    """
    if "task" not in subject.cache:
        item = _own_task(subject)
        subject.cache["task"] = (
            load_task(item.id, overlay="train", registry=subject.registry) if item else _borrowed_task(subject)
        )
    return subject.cache["task"]


def _own_task(subject: Subject) -> RegisteredSpec | None:
    """The first registered task that names this very policy, its distribution's first."""
    wanted = subject.registered
    tasks = sorted(subject.registry.specs("task"), key=lambda item: item.distribution != wanted.distribution)
    for item in tasks:
        try:
            use = str(read_registered(item, subject.registry).tables.get("policy", {}).get("use"))
            if subject.registry.get("policy", use) == wanted:
                return item
        except ParkourError:
            continue
    return None


def _borrowed_task(subject: Subject) -> ResolvedTask:
    assert isinstance(subject.spec, PolicySpec)
    for item in subject.registry.specs("task"):
        try:
            stage = read_registered(item, subject.registry).tables.get("stage")
        except ParkourError:
            continue
        if stage == subject.spec.stage:
            tables = {"extends": item.id, "policy": {"use": subject.registered.id}}
            return load_task(tables, overlay="train", registry=subject.registry)
    raise NotChecked(f"no task of the stage {subject.spec.stage!r} is registered")


def _env(subject: Subject) -> ReplayEnv:
    if "env" not in subject.cache:
        subject.cache["env"] = ReplayEnv(task_with(subject))
    return subject.cache["env"]


def _definition(subject: Subject) -> PolicyDefinition:
    found = define_policy(task_with(subject))
    if not isinstance(found, PolicyDefinition):
        raise CheckFailed(f"it returned a {type(found).__name__}, expected a PolicyDefinition")
    return found


def _actor(subject: Subject) -> Any:
    env = _env(subject)
    torch.manual_seed(0)
    return build_actor(_definition(subject), env.get_observations(), env.num_actions, "cpu")


def defines_itself(subject: Subject) -> str:
    """It gives networks, algorithm and observation groups for a task."""
    definition = _definition(subject)
    for key in ("algorithm", "obs_groups", acting_network(definition)):
        expect(key in definition.train_cfg, f"its train_cfg has no {key!r}")
    expect(callable(resolve_callable(definition.runner)), f"its runner {definition.runner!r} cannot be called")
    return f"in task {task_with(subject).name}, reads {', '.join(definition.groups)}"


def acts(subject: Subject) -> str:
    """It acts on recorded states: finite actions, twice the same."""
    actor, env = _actor(subject), _env(subject)
    rounds: list[Tensor] = []
    with torch.inference_mode():
        obs = env.get_observations()
        for _ in range(2):
            actor.reset()
            rounds.append(actor(obs).clone())
    actions = rounds[0]
    expected = (env.num_envs, env.num_actions)
    expect(tuple(actions.shape) == expected, f"actions of shape {tuple(actions.shape)}, expected {expected}")
    expect(torch.isfinite(actions).all(), "NaN or infinite actions")
    expect(torch.equal(*rounds), "the same observations give other actions: in eval() a policy is deterministic")
    return f"{env.num_envs} robots, {env.num_actions} joints"


def learns(subject: Subject) -> str:
    """One iteration of training changes the acting network and gives finite losses."""
    assert isinstance(subject.spec, PolicySpec)
    if subject.spec.stage == "student":
        raise NotChecked("a student needs a teacher's weights")
    definition = _definition(subject)
    cfg = {**copy.deepcopy(definition.train_cfg), "num_steps_per_env": ROLLOUT, "save_interval": 1}
    torch.manual_seed(0)
    runner: Any = resolve_callable(definition.runner)(_env(subject), cfg, None, "cpu")
    network = runner.alg.get_policy()
    before = copy.deepcopy(network.state_dict())
    losses: dict[str, float] = {}

    class Listener:
        def on_iteration(self, iteration: Any) -> None:
            losses.update({k: v for k, v in iteration.scalars.items() if k.startswith("Loss/")})

        def close(self) -> None: ...

    runner.learn(1, listeners=[Listener()])
    changed = [key for key, value in network.state_dict().items() if not torch.equal(before[key], value)]
    expect(changed, "training changed no weight of the acting network")
    broken = [key for key, value in network.state_dict().items() if not torch.isfinite(value.float()).all()]
    expect(not broken, f"training made {', '.join(broken[:3])} NaN or infinite")
    said = ", ".join(f"{name.removeprefix('Loss/')} {value:.3g}" for name, value in losses.items())
    return f"{len(changed)} of {len(before)} tensors changed; {said}"


def exports(subject: Subject) -> str:
    """It exports to ONNX, and the files act as torch does."""
    actor, env = _actor(subject), _env(subject)
    spans, offset = {}, 0
    for name, value in env.get_observations().items():
        spans[str(name)] = GroupSpan(offset, tuple(value.shape[1:]))
        offset += spans[str(name)].size
    graphs = deployed_graphs(actor, {name: span.size for name, span in spans.items()}, env.num_actions)
    with tempfile.TemporaryDirectory() as folder:
        runners = []
        for graph in graphs:
            path = Path(folder) / f"{graph.name}.onnx"
            write_onnx(graph, graph.module, path, opset=DEFAULT_OPSET, batch=None, metadata={})
            runners.append(run_onnx(path))
        period = task_with(subject).model.timing.perception_period
        parities = [
            compare(
                actor,
                graphs,
                runners,
                spans,
                random_observations(spans, batch, 12, seed=batch),
                period=period,
                kind="random",
            )
            for batch in (1, 8)
        ]
    check(parities, "float32")
    names = ", ".join(graph.name for graph in graphs)
    return f"{names}; greatest difference {max(parity.max_error for parity in parities):.1e}"


CHECKS = (defines_itself, acts, learns, exports)
