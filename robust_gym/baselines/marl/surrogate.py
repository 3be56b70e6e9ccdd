"""The clipped surrogate objective for a team, and the advantages in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from robust_gym.baselines.checkpoints import Snapshot, optimiser_state, restore_optimiser, tensors
from robust_gym.baselines.marl.actors import Actors
from robust_gym.baselines.marl.critics import Critic
from robust_gym.baselines.marl.rollout import Rollout

if TYPE_CHECKING:
    from robust_gym.baselines.marl.gradient import PolicyGradient

_HUBER = 10.0
"""Where the value loss turns from square to linear (MAPPO)."""

_TINY = 1e-5
"""Adam's epsilon, and what keeps advantages finite (MAPPO)."""


def advantages(
    rewards: Tensor, values: Tensor, after: Tensor, terminated: Tensor, cut: Tensor, gamma: float, gae_lambda: float
) -> Tensor:
    """Return generalised advantages (Schulman et al., 2016), ``[V, T, N]``.

    A termination has no value after it; a time limit, and the end of the rollout, have that of what is seen then.

    Args:
        rewards: ``[T, N]``.
        values: Of what was seen before each step, ``[V, T, N]``.
        after: Of what was seen after the steps that are cut, in their order, ``[V, cuts]``.
        terminated: Steps after which there is no future, ``[T, N]``.
        cut: Last steps of an episode or of the rollout, ``[T, N]``.
        gamma: Discount factor.
        gae_lambda: Weight of longer returns.
    """
    future = torch.cat((values[:, 1:], torch.zeros_like(values[:, :1])), 1)
    future[:, cut] = after
    errors = rewards + gamma * future * ~terminated - values
    carried = gamma * gae_lambda * (~cut).float()
    found, present = torch.empty_like(errors), torch.zeros_like(errors[:, 0])
    for step in range(len(rewards) - 1, -1, -1):
        present = errors[:, step] + carried[step] * present
        found[:, step] = present
    return found


class Surrogate:
    """Fits a team's actors and their critic to rollouts.

    Args:
        actors: The actors.
        critic: The critic.
        arguments: The numbers of an update.
        generator: Draws the minibatches.
    """

    def __init__(self, actors: Actors, critic: Critic, arguments: PolicyGradient, generator: torch.Generator) -> None:
        self._actors, self._critic, self._arguments, self._generator = actors, critic, arguments, generator
        self._actor_optimiser = torch.optim.Adam(actors.parameters(), lr=arguments.learning_rate, eps=_TINY)
        self._critic_optimiser = torch.optim.Adam(critic.parameters(), lr=arguments.critic_learning_rate, eps=_TINY)

    def update(self, rollout: Rollout) -> None:
        """Take all the steps that one rollout is good for."""
        arguments, critic = self._arguments, self._critic
        values = critic.values(rollout.views.flatten(1, 2)).view(-1, *rollout.rewards.shape)
        found = advantages(
            rollout.rewards,
            values,
            critic.values(rollout.views_after),
            rollout.terminated,
            rollout.cut,
            arguments.gamma,
            arguments.gae_lambda,
        )
        returns = found + values
        critic.follow(returns)
        batch = _Batch(
            rollout.observations.flatten(1, 2),
            rollout.views.flatten(1, 2),
            rollout.actions.flatten(1, 2),
            rollout.log_probabilities.flatten(1, 2),
            rollout.playing.flatten(1, 2).float(),
            self._normalised(found, rollout.playing).flatten(1, 2),
            critic.scaled(values).flatten(1, 2),
            critic.scaled(returns).flatten(1, 2),
            None if rollout.masks is None else rollout.masks.flatten(1, 2),
        )
        many = rollout.rewards.numel()
        for _ in range(arguments.epochs):
            if arguments.minibatches == 1:
                self._step(batch)
                continue
            order = torch.randperm(many, generator=self._generator)
            for rows in order.tensor_split(min(arguments.minibatches, many)):
                self._step(batch.pick(rows))

    def _normalised(self, found: Tensor, playing: Tensor) -> Tensor:
        """Bring advantages of the agents that play to zero mean and unit variance."""
        every = found.expand(playing.shape)
        counted = every[playing]
        return (every - counted.mean()) / (counted.std(correction=0) + _TINY)

    def _step(self, batch: _Batch) -> None:
        arguments = self._arguments
        judged, entropy = self._actors.judge(batch.observations, batch.actions, batch.masks)
        ratio = (judged - batch.log_probabilities).exp()
        clipped = ratio.clamp(1 - arguments.clip, 1 + arguments.clip)
        surrogate = torch.minimum(ratio * batch.advantages, clipped * batch.advantages)
        gain = (surrogate + arguments.entropy * entropy) * batch.playing
        self._descend(self._actor_optimiser, self._actors, -gain.sum() / batch.playing.sum().clamp(min=1))

        # The return goes on for agents that have left, and so do their values.
        value = self._critic(batch.views)
        near = batch.values + (value - batch.values).clamp(-arguments.clip, arguments.clip)
        losses = [functional.huber_loss(one, batch.returns, reduction="none", delta=_HUBER) for one in (value, near)]
        self._descend(self._critic_optimiser, self._critic, torch.maximum(*losses).mean())

    def _descend(self, optimiser: torch.optim.Optimizer, module: nn.Module, loss: Tensor) -> None:
        optimiser.zero_grad()
        loss.backward()
        if self._arguments.max_grad_norm > 0:
            nn.utils.clip_grad_norm_(module.parameters(), self._arguments.max_grad_norm)
        optimiser.step()

    def snapshot(self) -> Snapshot:
        """Return what a checkpoint keeps."""
        return {
            "actors": self._actors.state_dict(),
            "critic": self._critic.snapshot(),
            "actor_optimiser": optimiser_state(self._actor_optimiser),
            "critic_optimiser": optimiser_state(self._critic_optimiser),
            "generator": self._generator.get_state(),
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint."""
        self._actors.load_state_dict(tensors(snapshot["actors"]))
        self._critic.restore(snapshot["critic"])
        restore_optimiser(self._actor_optimiser, snapshot["actor_optimiser"])
        restore_optimiser(self._critic_optimiser, snapshot["critic_optimiser"])
        self._generator.set_state(torch.from_numpy(snapshot["generator"]))


@dataclass(frozen=True)
class _Batch:
    """Transitions, ``[A or V, B, …]``; values and returns on the critic's scale."""

    observations: Tensor
    views: Tensor
    actions: Tensor
    log_probabilities: Tensor
    playing: Tensor
    advantages: Tensor
    values: Tensor
    returns: Tensor
    masks: Tensor | None

    def pick(self, rows: Tensor) -> _Batch:
        """Return some of the transitions."""
        every = (getattr(self, name) for name in self.__dataclass_fields__)
        return _Batch(*(None if one is None else one[:, rows] for one in every))
