"""Stable-Baselines3's on-policy models with costs in their rollouts and a cost critic; PPO among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.preprocessing import preprocess_obs
from stable_baselines3.common.torch_layers import create_mlp
from stable_baselines3.common.utils import obs_as_tensor
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from robust_gym.baselines.descent import descend
from robust_gym.baselines.single.costs_buffer import CostRolloutBuffer
from robust_gym.baselines.single.learners import HasParts, MethodPPO

Array = np.ndarray[Any, Any]


class CostCritic(nn.Module):
    """From observations to the discounted cost that is still to come: a critic like the policy's, of its own.

    Args:
        policy: The policy, whose critic's layers, activations, initialisation and features it has.
    """

    def __init__(self, policy: ActorCriticPolicy) -> None:
        super().__init__()
        self._space, self._scale = policy.observation_space, policy.normalize_images
        self.extractor = policy.make_features_extractor()
        widths: Any = policy.net_arch["vf"] if isinstance(policy.net_arch, dict) else policy.net_arch
        self.layers = nn.Sequential(*create_mlp(self.extractor.features_dim, 1, widths, policy.activation_fn))
        if policy.ortho_init:
            self.apply(lambda module: policy.init_weights(module, gain=2**0.5))
            policy.init_weights(self.layers[-1], gain=1.0)

    def forward(self, observations: Tensor) -> Tensor:
        """Return costs to come, ``[B, 1]``, of observations, ``[B, …]``."""
        seen = preprocess_obs(observations, self._space, normalize_images=self._scale)
        values: Tensor = self.layers(self.extractor(seen))
        return values


class Costly(HasParts):
    """A model whose rollouts have costs, and which learns a cost critic after it has learnt the rest.

    Args:
        *args: Stable-Baselines3's.
        cost_limit: Cost of an episode that is not to be exceeded.
        horizon: Longest episode, in steps.
        **kwargs: Stable-Baselines3's.

    Attributes:
        cost_limit: The same.
        episode_cost: J_c, the mean cost of an episode, as the last rollout shows it.
        cost_critic: The cost critic.
        cost_optimizer: Its optimiser.
    """

    rollout_buffer: CostRolloutBuffer
    cost_critic: CostCritic
    cost_optimizer: Optimizer
    cost_epochs: int
    """Passes of the cost critic over a rollout: as many as the critic's."""

    def __init__(self, *args: Any, cost_limit: float, horizon: int, **kwargs: Any) -> None:
        self.cost_limit, self.horizon, self.episode_cost = cost_limit, horizon, 0.0
        super().__init__(*args, rollout_buffer_class=CostRolloutBuffer, **kwargs)

    def _update_info_buffer(self, infos: list[dict[str, Any]], dones: Array | None = None) -> None:
        super()._update_info_buffer(infos, dones)
        assert dones is not None
        self.rollout_buffer.tell(np.array([_cost(info) for info in infos]), dones, self._cut_off(infos, dones))

    @torch.no_grad()
    def _cut_off(self, infos: list[dict[str, Any]], dones: Array) -> Array:
        """Return the discounted cost still to be expected where a time limit ended an episode."""
        expected = np.zeros(len(infos), np.float32)
        for number in np.flatnonzero(dones):
            if infos[number].get("TimeLimit.truncated", False):
                last, _ = self.policy.obs_to_tensor(infos[number]["terminal_observation"])
                expected[number] = self.gamma * self.cost_critic(last).item()
        return expected

    def train(self) -> None:
        """Update on the present rollout."""
        buffer = self.rollout_buffer
        with torch.no_grad():
            values = self.cost_critic(self.observations()).reshape(buffer.costs.shape).numpy()
            last = self.cost_critic(obs_as_tensor(self._last_obs, self.device))
        buffer.compute_costs(values, last, self._last_episode_starts)
        self.episode_cost = buffer.episode_cost(self.horizon)
        super().train()
        self._learn_costs()

    def observations(self) -> Tensor:
        """Return the observations of a rollout that is not in minibatches yet, ``[steps * environments, …]``."""
        return torch.as_tensor(self.rollout_buffer.observations, device=self.device).flatten(0, 1)

    def _learn_costs(self) -> None:
        self._update_learning_rate(self.cost_optimizer)
        for _ in range(self.cost_epochs):
            for batch in self.rollout_buffer.get(self.batch_size):
                error = functional.mse_loss(self.cost_critic(batch.observations).flatten(), batch.cost_returns)
                descend(self.cost_optimizer, error)


def _cost(info: dict[str, Any]) -> float:
    """Return what the agent is told that its step has cost.

    Raises:
        ValueError: If it is told nothing.
    """
    if "cost" not in info:
        raise ValueError("a training environment reports no info['cost'], which safe methods learn from")
    return float(info["cost"])


class CostPPO(Costly, MethodPPO):
    """PPO that knows what its steps cost."""

    @property
    def cost_epochs(self) -> int:  # type: ignore[override]
        """Passes of the cost critic over a rollout."""
        return int(self.n_epochs)
