"""Implicit Q-learning: the learner."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from robust_gym.baselines.offline.data import Batch, Data
from robust_gym.baselines.offline.networks import Tracked, Trainer, Twin, mlp
from robust_gym.baselines.offline.resuming import Learning

_LOG_STD = (-5.0, 2.0)


@dataclass(frozen=True)
class Settings:
    """What the update needs; named as the arguments of ``implicit-q``."""

    expectile: float
    temperature: float
    most_weight: float
    gamma: float
    tau: float
    learning_rate: float
    layers: tuple[int, ...]


def expectile_loss(errors: Tensor, expectile: float) -> Tensor:
    """Return mean |expectile - 1(u < 0)| * u^2 over u, whose minimum puts the expectile at 0 (Eq. 5)."""
    return (torch.where(errors < 0, 1 - expectile, expectile) * errors**2).mean()


class Learner(Learning):
    """The networks of implicit Q-learning, and its update.

    Args:
        data: What is learnt from.
        settings: The arguments.
    """

    kept = ("value", "q", "actor", "log_std", "_values", "_critics", "_actors")

    def __init__(self, data: Data, settings: Settings) -> None:
        spaces = data.spaces
        self.settings, self._discrete = settings, spaces.count > 0
        self.value = mlp(data.features, 1, settings.layers)
        self.q = Tracked(Twin(data.features, spaces, settings.layers))
        self.actor = mlp(data.features, spaces.count or spaces.dimensions, settings.layers)
        self.log_std = nn.Parameter(torch.zeros(spaces.dimensions))
        self._values = Trainer(self.value.parameters(), settings.learning_rate)
        self._critics = Trainer(self.q.online.parameters(), settings.learning_rate)
        self._actors = Trainer([*self.actor.parameters(), self.log_std], settings.learning_rate)

    def update(self, batch: Batch) -> None:
        """Take a step of V, of the policy and of Q, in the order of the authors' code."""
        with torch.no_grad():
            q = torch.minimum(*self.q.target(batch.observations, batch.actions))
        self._values.minimise(expectile_loss(q - self._value(batch.observations), self.settings.expectile))
        self._actors.minimise(self.policy_loss(batch, q))
        targets = self.targets(batch)
        one, other = self.q.online(batch.observations, batch.actions)
        mse = nn.functional.mse_loss
        self._critics.minimise(mse(one, targets) + mse(other, targets))
        self.q.follow(self.settings.tau)

    def _value(self, observations: Tensor) -> Tensor:
        value: Tensor = self.value(observations)[..., 0]
        return value

    @torch.no_grad()
    def targets(self, batch: Batch) -> Tensor:
        """Return r + gamma * V(s') (Eq. 6), with no value where the task ended."""
        return batch.rewards + self.settings.gamma * batch.going * self._value(batch.next_observations)

    def policy_loss(self, batch: Batch, q: Tensor) -> Tensor:
        """Return the advantage-weighted regression -exp(beta * (Q - V)) * log pi(a|s) (Eq. 7), weights bounded."""
        with torch.no_grad():
            advantage = q - self._value(batch.observations)
            # Clamped before the exponential, which could overflow.
            most = math.log(self.settings.most_weight)
            weights = (self.settings.temperature * advantage).clamp(max=most).exp()
        return -(weights * self._log_probability(batch)).mean()

    def _log_probability(self, batch: Batch) -> Tensor:
        """Return log pi(a|s): categorical, or Gaussian about a tanh with one spread for all states."""
        outputs = self.actor(batch.observations)
        if self._discrete:
            return torch.distributions.Categorical(logits=outputs).log_prob(batch.actions)
        spread = self.log_std.clamp(*_LOG_STD).exp()
        return torch.distributions.Normal(outputs.tanh(), spread).log_prob(batch.actions).sum(1)
