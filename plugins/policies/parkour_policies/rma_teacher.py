"""The teacher: what the task's numbers mean to the RMA actor and its PPO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from parkour import Params, ParkourError, param
from parkour.errors import TaskError
from parkour.params import ORDERED, within
from parkour.policies.definition import PolicyDefinition
from parkour.specs import EncoderSpec
from parkour.tasks.resolved import ResolvedTask
from parkour_policies.encoders import Activation, Widths
from parkour_policies.further_groups import check_further
from parkour_policies.precision import Precision
from parkour_policies.rma_actor import GROUPS, EncoderChoice


class RmaTeacherParams(Params):
    """Networks."""

    hidden_dims: Widths = (512, 256, 128)
    """Widths of the hidden layers of actor and critic."""
    activation: Activation = "elu"
    """Of actor, critic and estimator."""
    init_noise_std: float = param(1.0, ge=1e-3, le=100, doc="First standard deviation of every action.")
    scan_latent: int = param(32, ge=1, le=16_384, doc="Size of the encoded height scan.")
    privileged_latent: int = param(
        20, ge=1, le=16_384, doc="Size of the encoded privileged constants, and of the encoded history."
    )
    estimator_dims: Widths = (128, 64)
    """Widths of the estimator's hidden layers."""
    scan_encoder: str = "scan_mlp"
    """Encoder of the height scan."""
    privileged_encoder: str = "privileged_mlp"
    """Encoder of the privileged constants."""
    history_encoder: str = "history_conv"
    """Encoder of the history."""
    actor_groups: tuple[str, ...] = ()
    """Further observation groups that the actor reads, as they are; a robot must be able to measure them."""
    critic_groups: tuple[str, ...] = ()
    """Further observation groups that the critic reads."""


class RmaAlgorithmParams(Params):
    """PPO and what RMA adds; a task's ``[algorithm.params]``."""

    learning_rate: float = param(2e-4, ge=0, le=1, doc="First learning rate of actor and critic (Adam).")
    critic_learning_rate: float = param(
        0.0, ge=0, le=1, doc="Learning rate of the critic, which stays as it is; 0: the actor's, which adapts."
    )
    desired_kl: float = param(
        0.01, ge=0, le=1e9, doc="KL divergence per update that the learning rate adapts to; 0: it stays as it is."
    )
    epochs: int = param(5, ge=1, le=1000, doc="Passes over each rollout.")
    mini_batches: int = param(4, ge=1, le=100_000, doc="Parts into which each pass is split.")
    gamma: float = param(0.99, ge=0, le=1, doc="Discount per control step.")
    lam: float = param(0.95, ge=0, le=1, doc="Decay of generalised advantage estimation.")
    clip: float = param(0.2, ge=0, le=1000, doc="Clip of the probability ratio and of the value's change.")
    entropy: float = param(0.01, ge=0, le=1000, doc="Weight of the entropy bonus.")
    value_loss: float = param(1.0, ge=0, le=1000, doc="Weight of the value loss.")
    max_grad_norm: float = param(1.0, ge=0, le=1000, doc="Bound on the norm of the actor's and the critic's gradient.")
    joint_clipping: bool = param(False, doc="Whether that bound is on both gradients together, not on each.")
    estimator_learning_rate: float = param(1e-4, ge=0, le=1, doc="Learning rate of the estimator (Adam).")
    history_learning_rate: float = param(1e-3, ge=0, le=1, doc="Learning rate of the history encoder (Adam).")
    latent_regularisation: Annotated[tuple[float, float], within(0.0, 1000.0)] = (0.0, 0.1)
    """Weight of the distance between privileged and history latent, before and after the ramp."""
    latent_regularisation_iterations: Annotated[tuple[int, int], within(0, 100_000_000), ORDERED] = (2000, 5000)
    """Iterations between which that weight rises."""
    dagger_interval: int = param(
        20, ge=0, le=100_000_000, doc="Every so many iterations one is a DAgger iteration; 0: none."
    )
    dagger_with_ppo: bool = param(False, doc="Whether PPO trains on the rollouts of DAgger iterations too.")
    precision: Precision = "float32"
    """Of the networks' layers while a GPU trains; weights, losses and all that is evaluated or exported are float32."""


def encoder_choice(task: ResolvedTask, key: str, latent_dim: int) -> EncoderChoice:
    """The encoder that a task resolved under a policy's parameter ``key``."""
    if key not in task.encoders:
        raise ParkourError(f"policy {task.policy.id!r} needs an encoder under {key!r}; the task resolved none")
    component = task.encoders[key]
    if isinstance(component.spec, EncoderSpec) and component.spec.recurrent and key != "depth_encoder":
        raise TaskError(
            f"policy.params.{key}: {component.id} is recurrent, expected an encoder without a state: "
            f"policy {task.policy.id} keeps one for its depth encoder alone",
            hint=f"parkour plugins list --kind encoder; --set policy.params.{key}=NAME",
        )
    return EncoderChoice(component.id, component.target, latent_dim, component.kwargs)


def teacher_actor(task: ResolvedTask, params: RmaTeacherParams) -> dict[str, Any]:
    """Configuration of the teacher's actor, for a task whose policy names its encoders."""
    return {
        "class_name": "parkour_policies.rma_actor:RmaActor",
        "hidden_dims": list(params.hidden_dims),
        "activation": params.activation,
        "distribution_cfg": {"class_name": "parkour_policies.gaussian:Gaussian", "init_std": params.init_noise_std},
        "scan_encoder": encoder_choice(task, "scan_encoder", params.scan_latent),
        "privileged_encoder": encoder_choice(task, "privileged_encoder", params.privileged_latent),
        "history_encoder": encoder_choice(task, "history_encoder", params.privileged_latent),
        "estimator_dims": list(params.estimator_dims),
    }


def rma_teacher(task: ResolvedTask) -> PolicyDefinition:
    """Networks and algorithm of the teacher for ``task``.

    Raises:
        TaskError: a recurrent encoder, or a further group that is read anyway.
    """
    params: RmaTeacherParams = task.policy.params or RmaTeacherParams()
    groups = groups_of_teacher(params)
    return PolicyDefinition(
        runner="parkour.learning.runner:TrainingRunner",
        groups=all_groups(groups),
        train_cfg={
            "actor": teacher_actor(task, params),
            "critic": critic_network(params),
            "algorithm": _algorithm(task.algorithm or RmaAlgorithmParams()),
            "obs_groups": groups,
        },
    )


def groups_of_teacher(params: RmaTeacherParams) -> dict[str, list[str]]:
    """What actor and critic read.

    Raises:
        TaskError: a further group is read anyway.
    """
    further = {"actor": params.actor_groups, "critic": params.critic_groups}
    for network, names in further.items():
        check_further(f"{network}_groups", names, GROUPS)
    return {network: [*GROUPS, *names] for network, names in further.items()}


def all_groups(groups: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Groups that any network reads, each once."""
    return tuple(dict.fromkeys(name for names in groups.values() for name in names))


def critic_network(params: RmaTeacherParams) -> dict[str, Any]:
    """Configuration of the critic."""
    return {
        "class_name": "parkour_policies.further_groups:Critic",
        "hidden_dims": list(params.hidden_dims),
        "activation": params.activation,
    }


def _algorithm(params: RmaAlgorithmParams) -> dict[str, Any]:
    """The algorithm's numbers under the names that rsl-rl gives them."""
    return {
        "class_name": "parkour_policies.rma_ppo:RmaPPO",
        "num_learning_epochs": params.epochs,
        "num_mini_batches": params.mini_batches,
        "learning_rate": params.learning_rate,
        "critic_learning_rate": params.critic_learning_rate,
        "schedule": "adaptive" if params.desired_kl > 0.0 else "fixed",
        "desired_kl": params.desired_kl or None,
        "gamma": params.gamma,
        "lam": params.lam,
        "clip_param": params.clip,
        "entropy_coef": params.entropy,
        "value_loss_coef": params.value_loss,
        "max_grad_norm": params.max_grad_norm,
        "estimator_learning_rate": params.estimator_learning_rate,
        "history_learning_rate": params.history_learning_rate,
        "latent_regularisation": params.latent_regularisation,
        "latent_regularisation_iterations": params.latent_regularisation_iterations,
        "dagger_interval": params.dagger_interval,
        "dagger_with_ppo": params.dagger_with_ppo,
        "joint_clipping": params.joint_clipping,
        "precision": params.precision,
        "rnd_cfg": None,
        "symmetry_cfg": None,
    }
