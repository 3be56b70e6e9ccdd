"""A2C by Stable-Baselines3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.single.exploration import StateDependentExploration
from robust_gym.baselines.single.standard import OnPolicy


@register_single_algorithm(
    "a2c",
    about="Advantage actor-critic, as Stable-Baselines3 implements it.",
    paper=(
        "Mnih et al., Asynchronous Methods for Deep Reinforcement Learning, ICML 2016 (arXiv 1602.01783), with "
        "environments in step"
    ),
)
@dataclass
class A2C(StateDependentExploration, OnPolicy):
    """A2C; an argument left at ``None`` takes the task's value in ``baselines/single/tuned/``.

    After a few steps of every environment, one gradient step: along advantage times the slope of log pi(a | s), down
    the critic's squared error, and up the entropy.

    Attributes:
        ent_coef: Weight of the entropy bonus.
        vf_coef: Weight of the value loss.
        max_grad_norm: Norm to which gradients are clipped.
        normalize_advantage: Whether the advantages of a rollout are normalised.
        use_rms_prop: Whether RMSProp takes the steps, as in the paper, and not Adam.
    """

    ent_coef: float | None = None
    vf_coef: float | None = None
    max_grad_norm: float | None = None
    normalize_advantage: bool | None = None
    use_rms_prop: bool | None = None

    algorithm: ClassVar[str] = "a2c"
    tuned_as: ClassVar[str] = "a2c"
    passed: ClassVar[tuple[str, ...]] = (
        "n_steps",
        "gamma",
        "gae_lambda",
        "ent_coef",
        "vf_coef",
        "max_grad_norm",
        "normalize_advantage",
        "use_rms_prop",
    )

    def kind(self) -> Any:
        """Return the class of the model."""
        from stable_baselines3 import A2C as Model  # noqa: N811

        return Model
