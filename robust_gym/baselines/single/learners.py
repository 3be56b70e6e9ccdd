"""Stable-Baselines3's models with room for what a robust method adds.

A method is an algorithm's dataclass (``methods.py``). It makes in ``parts`` what it learns beside the model's own
networks, and its losses are its own methods, so that the file of an algorithm holds the whole of its paper.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from gymnasium import spaces
from stable_baselines3 import DDPG, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from robust_gym.baselines.single.methods import OffPolicyMethod, PPOMethod

Part: TypeAlias = nn.Module | Optimizer


class HasParts(BaseAlgorithm):
    """A model with further parts.

    Args:
        *args: Stable-Baselines3's.
        method: The method.
        **kwargs: Stable-Baselines3's.
    """

    def __init__(self, *args: Any, method: Any, **kwargs: Any) -> None:
        self.method = method
        self._parts: list[str] = []
        super().__init__(*args, **kwargs)
        for name, part in method.parts(self).items():
            if hasattr(self, name):
                raise ValueError(f"the model has a {name!r} already")
            setattr(self, name, part)
            self._parts.append(name)

    def _get_torch_save_params(self) -> tuple[list[str], list[str]]:
        parts, variables = super()._get_torch_save_params()
        return [*parts, *self._parts], variables

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "method", *self._parts]


class MethodPPO(HasParts, PPO):
    """PPO whose loss, rollouts and advantages a method may change; without a change, PPO to the bit."""

    method: PPOMethod

    def train(self) -> None:
        """Update on the present rollout."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        self.method.collected(self)
        for _ in range(self.n_epochs):
            for batch in self.rollout_buffer.get(self.batch_size):
                loss = self.loss(batch) + self.method.penalty(self, batch)
                self.policy.optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
                self.policy.optimizer.step()
            self._n_updates += 1

    def loss(self, batch: RolloutBufferSamples) -> Tensor:
        """Return PPO's own loss: clipped surrogate, value error and entropy (arXiv 1707.06347, eq. 9)."""
        clip = self.clip_range(self._current_progress_remaining)
        discrete = isinstance(self.action_space, spaces.Discrete)
        actions = batch.actions.long().flatten() if discrete else batch.actions
        values, log_prob, entropy = self.policy.evaluate_actions(batch.observations, actions)
        advantages = batch.advantages
        if self.normalize_advantage and len(advantages) > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        ratio = torch.exp(log_prob - batch.old_log_prob)
        surrogate = -torch.min(advantages * ratio, advantages * torch.clamp(ratio, 1 - clip, 1 + clip)).mean()
        bonus = -torch.mean(-log_prob if entropy is None else entropy)
        loss: Tensor = (
            surrogate + self.ent_coef * bonus + self.vf_coef * functional.mse_loss(batch.returns, values.flatten())
        )
        return loss


class _Updates(HasParts):
    """A model that collects as ever, and learns as its method says."""

    method: OffPolicyMethod
    replay_buffer: ReplayBuffer | None

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Let the method take gradient steps."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self._own_optimisers())
        assert self.replay_buffer is not None
        for _ in range(gradient_steps):
            self._n_updates += 1
            if self.use_sde:
                self.actor.reset_noise()  # its scale may have changed
            self.method.update(self, self.replay_buffer.sample(batch_size, env=self._vec_normalize_env))

    def _own_optimisers(self) -> list[Optimizer]:
        return [self.actor.optimizer, self.critic.optimizer]


class MethodTD3(_Updates, TD3):
    """TD3 that learns as its method says."""


class MethodDDPG(_Updates, DDPG):
    """DDPG that learns as its method says."""


class MethodSAC(_Updates, SAC):
    """SAC that learns as its method says."""

    def _own_optimisers(self) -> list[Optimizer]:
        temperature = [] if self.ent_coef_optimizer is None else [self.ent_coef_optimizer]
        return [*super()._own_optimisers(), *temperature]
