"""The critic's own learning rate beside the actor's, which adapts: groups of parameters of one optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

Groups = list[dict[str, Any]]


def parameter_groups(actor: list[nn.Parameter], critic: list[nn.Parameter], rate: float) -> Groups:
    """What PPO trains, with the critic apart if its learning rate is its own.

    The KL divergence says how far the actor may go. A critic that follows it takes steps of more than 2e-3 while
    rewards are still small, which can throw its values off by orders of magnitude.

    Args:
        actor: of the policy.
        critic: of the values.
        rate: of the critic; 0: the actor's.
    """
    if rate == 0.0:
        return [{"params": [*actor, *critic]}]
    return [{"params": actor}, {"params": critic, "lr": rate}]


def regrouped(saved: Mapping[str, Any], groups: Groups) -> dict[str, Any]:
    """A saved state of an optimizer for these groups, whichever the critic was in when it was saved.

    The actor's rate is where it had adapted to; a critic's own rate is that of ``groups``, as it may have been changed,
    or had none before.

    Args:
        saved: ``state_dict()`` of then; the order of all parameters is the same.
        groups: ``state_dict()["param_groups"]`` of now.

    Raises:
        ValueError: it is of another number of parameters.
    """
    before = [number for group in saved["param_groups"] for number in group["params"]]
    now = [number for group in groups for number in group["params"]]
    if before != now:
        raise ValueError(f"got {len(before)} parameters, expected {len(now)}")
    first = saved["param_groups"][0]
    apart = [{**first, "params": group["params"], "lr": group["lr"]} for group in groups[1:]]
    return {"state": saved["state"], "param_groups": [{**first, "params": groups[0]["params"]}, *apart]}
