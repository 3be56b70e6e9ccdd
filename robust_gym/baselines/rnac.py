"""RNAC: PPO against uncertain transitions, by a penalty on its critic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.single.methods import PPOMethod

PAPER = (
    "Zhou, Liu, Cheng, Kalathil, Kumar & Tian, Natural Actor-Critic for Robust Reinforcement Learning with "
    "Function Approximation, NeurIPS 2023 (arXiv 2307.08875)"
)


@register_single_algorithm(
    "rnac",
    about="Robust natural actor-critic: PPO whose critic is penalised for the size of its weights.",
    compare=("ppo",),
    paper=PAPER,
)
@dataclass
class RNAC(PPOMethod):
    """Robust natural actor-critic, with PPO's clipped surrogate as the actor's step, as in the paper's experiments.

    Its uncertainty set is an integral probability metric around the nominal transitions: the worst expectation of V is
    the nominal one less a multiple of the norm of the critic's weights w, all but the bias of the last layer, which
    moves all states alike. So the critic's errors are delta = r + gamma V(s') - V(s) - c |w|, from which advantages and
    targets follow as ever. The paper's other set is that of ``rnac-ds``.

    Attributes:
        c: Weight of the norm; 1e-5 is the paper's. It holds the discount factor and the set's radius.
    """

    c: float = 1e-5

    algorithm: ClassVar[str] = "rnac"

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        super().check()
        self._require("c", 0 <= self.c < math.inf, "a number of at least 0")

    def collected(self, model: Any) -> None:
        """Take c |w| from every delta of the rollout."""
        import torch

        with torch.no_grad():
            last = model.policy.predict_values(model.policy.obs_to_tensor(model._last_obs)[0])
        rollout = model.rollout_buffer
        rollout.rewards -= self.c * critic_norm(model.policy)
        rollout.compute_returns_and_advantage(last, model._last_episode_starts)


def critic_norm(policy: Any) -> float:
    """Return the Euclidean norm of the weights of a PPO policy's critic, all but the bias of the last layer.

    Of images, that is of the layers behind the features extractor, which the actor shares.
    """
    weights = [*policy.mlp_extractor.value_net.parameters(), policy.value_net.weight]
    return math.sqrt(sum(float(weight.detach().double().square().sum()) for weight in weights))
