"""CrossQ by sb3-contrib."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.single.entropy import MaximumEntropy
from robust_gym.baselines.single.standard import Values

if TYPE_CHECKING:
    from torch import nn

    from robust_gym.baselines.single.policy import Critic


@register_single_algorithm(
    "crossq",
    about="CrossQ: soft actor-critic with batch renormalisation and no target networks, as sb3-contrib implements it.",
    actions=("box",),
    observations=("box", "discrete", "dict"),
    modules=("stable_baselines3", "sb3_contrib"),
    paper=(
        "Bhatt et al., CrossQ: Batch Normalization in Deep Reinforcement Learning for Greater Sample Efficiency and "
        "Simplicity, ICLR 2024 (arXiv 1902.05605)"
    ),
)
@dataclass
class CrossQ(MaximumEntropy):
    """CrossQ; an argument left at ``None`` takes the task's value in ``baselines/single/tuned/``.

    SAC without target networks: the critics read present and next state-action pairs in one batch, normalised together.
    The policy has no such layers left: with the moments that training ends with, they are part of the linear ones.

    Attributes:
        policy_delay: Updates of the critics for one of the actor.
        layers: Units in each hidden layer of the actor.
        critic_layers: Units in each hidden layer of the critics.
    """

    policy_delay: int | None = None
    critic_layers: tuple[int, ...] | None = None

    algorithm: ClassVar[str] = "crossq"
    tuned_as: ClassVar[str] = "crossq"
    passed: ClassVar[tuple[str, ...]] = ("policy_delay",)

    def kind(self) -> Any:
        """Return the class of the model."""
        from sb3_contrib import CrossQ as Model

        return Model

    def policy_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the policy's networks."""
        networks = {"pi": list(values["layers"]), "qf": list(values["critic_layers"])}
        return {**super().policy_arguments(values), "net_arch": networks}

    def actor_layers(self, actor: Any) -> tuple[Any, Any]:
        """Return the hidden layers of the actor, and the last, whose tanh is the action."""
        *hidden, last = folded([*actor.latent_pi, actor.mu])
        return hidden, last

    def critic(self, model: Any) -> Critic | None:
        """Return one critic."""
        from robust_gym.baselines.single import sb3

        return sb3.critic_of(model.actor.features_extractor, folded(model.critic.q_networks[0]), "action")


def folded(modules: Iterable[nn.Module]) -> list[nn.Module]:
    """Make every batch renormalisation part of the linear layer behind it.

    Args:
        modules: Layers that follow one another.

    Returns:
        Layers that compute what the others do in evaluation: with running moments m and v, scale w and bias b, an input
        x becomes w (x - m) / sqrt(v + eps) + b.
    """
    from sb3_contrib.common.torch_layers import BatchRenorm
    from torch import nn

    from robust_gym.baselines.single import layers

    kept: list[nn.Module] = []
    before: Any = None
    for module in modules:
        if isinstance(module, BatchRenorm):
            before = module
        elif isinstance(module, nn.Linear) and before is not None:
            scale = before.scale.double() / (before.ra_var.double() + before.eps).sqrt()
            kept.append(layers.scaled(module, scale, before.bias.double() - before.ra_mean.double() * scale))
            before = None
        else:
            kept.append(module)
    return kept
