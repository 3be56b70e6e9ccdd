"""TRPO by sb3-contrib."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.single.exploration import StateDependentExploration
from robust_gym.baselines.single.standard import OnPolicy


@register_single_algorithm(
    "trpo",
    about="Trust region policy optimisation, as sb3-contrib implements it.",
    modules=("stable_baselines3", "sb3_contrib"),
    paper="Schulman et al., Trust Region Policy Optimization, ICML 2015 (arXiv 1502.05477)",
)
@dataclass
class TRPO(StateDependentExploration, OnPolicy):
    """TRPO; an argument left at ``None`` takes the task's value in ``baselines/single/tuned/``.

    The policy takes the largest step along the natural gradient of the surrogate objective that a line search finds to
    improve it, with a mean KL divergence from the policy that collected of at most ``target_kl`` (eq. 14).

    Attributes:
        learning_rate: Adam's, for the critic.
        decay: Whether it falls linearly to zero.
        batch_size: Transitions in a minibatch of the critic.
        n_critic_updates: Passes of the critic over the collected steps.
        target_kl: Most that the policy may diverge in an update.
        cg_max_steps: Steps of the conjugate gradient method that solves for the natural gradient.
        cg_damping: Multiple of the identity that is added to the Fisher matrix.
        sub_sampling_factor: One in so many collected steps is used for the policy's update.
    """

    batch_size: int | None = None
    n_critic_updates: int | None = None
    target_kl: float | None = None
    cg_max_steps: int | None = None
    cg_damping: float | None = None
    sub_sampling_factor: int | None = None

    algorithm: ClassVar[str] = "trpo"
    tuned_as: ClassVar[str] = "trpo"
    passed: ClassVar[tuple[str, ...]] = (
        "n_steps",
        "batch_size",
        "gamma",
        "gae_lambda",
        "n_critic_updates",
        "target_kl",
        "cg_max_steps",
        "cg_damping",
        "sub_sampling_factor",
    )

    def kind(self) -> Any:
        """Return the class of the model."""
        from sb3_contrib import TRPO as Model  # noqa: N811

        return Model
