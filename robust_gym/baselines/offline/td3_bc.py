"""TD3 with behaviour cloning: the learner."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from robust_gym.baselines.offline.data import Batch, Data
from robust_gym.baselines.offline.networks import Tracked, Trainer, Twin, mlp
from robust_gym.baselines.offline.resuming import Learning


@dataclass(frozen=True)
class Settings:
    """What the update needs; named as the arguments of ``td3-bc``."""

    alpha: float
    gamma: float
    tau: float
    policy_noise: float
    noise_clip: float
    policy_delay: int
    learning_rate: float
    layers: tuple[int, ...]


class Learner(Learning):
    """The networks of TD3+BC, and its update.

    Args:
        data: What is learnt from.
        settings: The arguments.
    """

    kept = ("actor", "q", "_actors", "_critics", "_updates")

    def __init__(self, data: Data, settings: Settings) -> None:
        self.settings = settings
        self.actor = Tracked(mlp(data.features, data.spaces.dimensions, settings.layers, squash=True))
        self.q = Tracked(Twin(data.features, data.spaces, settings.layers))
        self._actors = Trainer(self.actor.online.parameters(), settings.learning_rate)
        self._critics = Trainer(self.q.online.parameters(), settings.learning_rate)
        self._updates = 0

    def update(self, batch: Batch) -> None:
        """Take a step of both critics, and every so often one of the actor and the targets."""
        targets = self.targets(batch)
        one, other = self.q.online(batch.observations, batch.actions)
        mse = nn.functional.mse_loss
        self._critics.minimise(mse(one, targets) + mse(other, targets))
        self._updates += 1
        if self._updates % self.settings.policy_delay == 0:
            self._actors.minimise(self.actor_loss(batch))
            self.q.follow(self.settings.tau)
            self.actor.follow(self.settings.tau)

    @torch.no_grad()
    def targets(self, batch: Batch) -> Tensor:
        """Return y = r + gamma * min_i Q_i(s', pi(s') + clipped noise), as TD3; no value where the task ended."""
        settings = self.settings
        noise = settings.policy_noise * torch.randn_like(batch.actions)
        actions = self.actor.target(batch.next_observations) + noise.clamp(-settings.noise_clip, settings.noise_clip)
        one, other = self.q.target(batch.next_observations, actions.clamp(-1, 1))
        return batch.rewards + settings.gamma * batch.going * torch.minimum(one, other)

    def actor_loss(self, batch: Batch) -> Tensor:
        """Return -lambda * Q(s, pi(s)) + (pi(s) - a)^2 with lambda = alpha / mean |Q| (Eq. 4 and 5)."""
        actions = self.actor.online(batch.observations)
        q = self.q.online.first(batch.observations, actions)
        weight = self.settings.alpha / q.detach().abs().mean().clamp(min=1e-8)
        return -weight * q.mean() + nn.functional.mse_loss(actions, batch.actions)
