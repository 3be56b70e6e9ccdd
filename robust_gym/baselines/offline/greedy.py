"""The greedy half of fitted Q iteration: Q networks, and max over actions of Q, for each kind of action."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from robust_gym.baselines.offline.candidates import CandidatePolicy, perturbed
from robust_gym.baselines.offline.data import Batch, Data
from robust_gym.baselines.offline.networks import OfAction, Tracked, Trainer, Twin, mlp
from robust_gym.baselines.offline.resuming import Learning
from robust_gym.baselines.single.policy import Critic, Head
from robust_gym.task import Task


class Greedy(Protocol):
    """Q, and the policy that is greedy on it."""

    def values(self, observations: Tensor) -> Tensor:
        """Return V(s) = max_a Q(s, a) of the target networks, ``[B]``."""

    def regress(self, batch: Batch, targets: Tensor) -> None:
        """Take a step of Q towards targets, ``[B]``, and of whatever makes V of it."""

    def refresh(self, tau: float) -> None:
        """Move the target networks towards those that are trained, by a share."""

    def policy(self, name: str, task: Task) -> Any:
        """Return the greedy policy."""


class MaxOverActions(Learning):
    """One Q network with an output for each discrete action, all of which the maximum is over.

    Args:
        data: What is learnt from.
        layers: Units in each hidden layer.
        learning_rate: Adam's.
    """

    kept = ("q", "_trainer")

    def __init__(self, data: Data, layers: Sequence[int], learning_rate: float) -> None:
        self._data = data
        self.q = Tracked(OfAction(data.features, data.spaces, layers))
        self._trainer = Trainer(self.q.online.parameters(), learning_rate)

    @torch.no_grad()
    def values(self, observations: Tensor) -> Tensor:
        """Return the largest output of the target network."""
        return self.q.target.of_all(observations).amax(1)

    def regress(self, batch: Batch, targets: Tensor) -> None:
        """Take a step down the squared error."""
        q = self.q.online(batch.observations, batch.actions)
        self._trainer.minimise(nn.functional.mse_loss(q, targets))

    def refresh(self, tau: float) -> None:
        """Move the target network."""
        self.q.follow(tau)

    def policy(self, name: str, task: Task) -> Any:
        """Return the action of the largest output."""
        return self._data.policy(name, task, copy.deepcopy(self.q.online.network))  # which may go on learning


class BatchConstrained(Learning):
    """Q on actions like those of the data, as BCQ (Fujimoto et al., ICML 2019) constrains them.

    A variational autoencoder learns what actions the data have in a state; an actor moves what it generates by at most
    ``reach`` towards larger Q; and V(s) is the largest of ``weight * min(Q1, Q2) + (1 - weight) * max(Q1, Q2)`` over
    some such candidates.

    Args:
        data: What is learnt from.
        layers: Units in each hidden layer, of all networks.
        learning_rate: Adam's, for all.
        candidates: Actions that the maximum is over while training.
        reach: Most that an action is moved, where actions span [-1, 1].
        weight: Weight of the smaller of two Q.
        choices: Actions that the policy chooses among.
    """

    kept = ("q", "actor", "encoder", "decoder", "_critics", "_actors", "_generators")

    def __init__(
        self,
        data: Data,
        layers: Sequence[int],
        learning_rate: float,
        *,
        candidates: int = 10,
        reach: float = 0.05,
        weight: float = 0.75,
        choices: int = 100,
    ) -> None:
        features, dimensions = data.features, data.spaces.dimensions
        self._data, self._candidates, self._reach, self._weight = data, candidates, reach, weight
        self._choices, self._latent = choices, 2 * dimensions
        self.q = Tracked(Twin(features, data.spaces, layers))
        self.actor = Tracked(mlp(features + dimensions, dimensions, layers, squash=True))
        self.encoder = mlp(features + dimensions, 2 * self._latent, layers)
        self.decoder = mlp(features + self._latent, dimensions, layers, squash=True)
        self._critics = Trainer(self.q.online.parameters(), learning_rate)
        self._actors = Trainer(self.actor.online.parameters(), learning_rate)
        self._generators = Trainer([*self.encoder.parameters(), *self.decoder.parameters()], learning_rate)

    @torch.no_grad()
    def values(self, observations: Tensor) -> Tensor:
        """Return the largest Q of some candidates."""
        rows = observations.repeat_interleave(self._candidates, 0)
        actions = perturbed(self.actor.target, rows, self._generated(rows), self._reach)
        one, other = self.q.target(rows, actions)
        q = self._weight * torch.minimum(one, other) + (1 - self._weight) * torch.maximum(one, other)
        return q.reshape(len(observations), -1).amax(1)

    def _generated(self, observations: Tensor) -> Tensor:
        return self.decoder(torch.cat([observations, self._latents(len(observations))], 1))

    def _latents(self, count: int) -> Tensor:
        return torch.randn(count, self._latent).clamp(-0.5, 0.5)

    def regress(self, batch: Batch, targets: Tensor) -> None:
        """Take a step of both Q, of the generator and of the actor."""
        one, other = self.q.online(batch.observations, batch.actions)
        mse = nn.functional.mse_loss
        self._critics.minimise(mse(one, targets) + mse(other, targets))
        self._generators.minimise(self._reconstruction(batch))
        with torch.no_grad():
            generated = self._generated(batch.observations)
        actions = perturbed(self.actor.online, batch.observations, generated, self._reach)
        self._actors.minimise(-self.q.online.first(batch.observations, actions).mean())

    def _reconstruction(self, batch: Batch) -> Tensor:
        """Return the autoencoder's loss: squared error, and half the KL divergence of its code from a normal one."""
        code = self.encoder(torch.cat([batch.observations, batch.actions], 1))
        mean, log_std = code[:, : self._latent], code[:, self._latent :].clamp(-4, 15)
        std = log_std.exp()
        again = self.decoder(torch.cat([batch.observations, mean + std * torch.randn_like(std)], 1))
        divergence = -0.5 * (1 + 2 * log_std - mean**2 - std**2).mean()
        return nn.functional.mse_loss(again, batch.actions) + 0.5 * divergence

    def refresh(self, tau: float) -> None:
        """Move the target networks."""
        self.q.follow(tau)
        self.actor.follow(tau)

    def policy(self, name: str, task: Task) -> CandidatePolicy:
        """Return the candidate of the largest Q; its codes are drawn now, once and for all."""
        spaces = self._data.spaces
        return CandidatePolicy(
            self.decoder,
            Head("clip", spaces.low, spaces.high),
            name,
            task,
            critic=Critic(self.q.online.first.network, "action"),
            actor=self.actor.online,
            latents=self._latents(self._choices),
            reach=self._reach,
            **self._data.seen,
        )
