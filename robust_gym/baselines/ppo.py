"""PPO by Stable-Baselines3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.single.exploration import StateDependentExploration
from robust_gym.baselines.single.standard import OnPolicy, Values


@register_single_algorithm(
    "ppo",
    about="Proximal policy optimisation, as Stable-Baselines3 implements it.",
    paper="Schulman et al., Proximal Policy Optimization Algorithms, 2017 (arXiv 1707.06347)",
)
@dataclass
class PPO(StateDependentExploration, OnPolicy):
    """PPO; an argument left at ``None`` takes the task's value in ``baselines/single/tuned/``.

    Attributes:
        batch_size: Transitions in a minibatch.
        n_epochs: Passes over the collected steps in an update.
        decay: Whether learning rate and clip range fall linearly to zero.
        clip_range: How far the ratio of new to old action probabilities may go from 1.
        ent_coef: Weight of the entropy bonus.
        vf_coef: Weight of the value loss.
        max_grad_norm: Norm to which gradients are clipped.
    """

    batch_size: int | None = None
    n_epochs: int | None = None
    clip_range: float | None = None
    ent_coef: float | None = None
    vf_coef: float | None = None
    max_grad_norm: float | None = None

    algorithm: ClassVar[str] = "ppo"
    tuned_as: ClassVar[str] = "ppo"
    passed: ClassVar[tuple[str, ...]] = (
        "n_steps",
        "batch_size",
        "n_epochs",
        "gamma",
        "gae_lambda",
        "ent_coef",
        "vf_coef",
        "max_grad_norm",
    )

    def kind(self) -> Any:
        """Return the class of the model."""
        from stable_baselines3 import PPO as Model  # noqa: N811

        return Model

    def model_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the model."""
        from robust_gym.baselines.single import sb3

        return {**super().model_arguments(values), "clip_range": sb3.schedule(values["clip_range"], values["decay"])}
