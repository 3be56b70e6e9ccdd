"""Robust fitted Q iteration: a dual network finds the worst distribution of the next state, and Q regresses upon it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from robust_gym.baselines.offline.data import Batch, Data
from robust_gym.baselines.offline.divergences import Divergence
from robust_gym.baselines.offline.greedy import Greedy
from robust_gym.baselines.offline.networks import OfAction, Trainer
from robust_gym.baselines.offline.resuming import Learning


class FittedQ(Learning):
    """Q_{k+1} = argmin_Q mean (r + gamma * backup(g_k, V_k) - Q)^2, with g_k = argmax_g mean backup(g, V_k).

    V_k(s') = max_a' Q_k(s', a') where the episode goes on, between the least and the largest value that there can be,
    and 0 where the task ended; an episode that was only cut off goes on. The dual network is kept from iteration to
    iteration, as V_k moves little.

    Args:
        data: What is learnt from at first.
        greedy: Q, and the maximum over actions.
        divergence: The set of distributions, in its dual form.
        gamma: Discount factor.
        fail_value: Value of the world's worst state, scaled; ``None`` for the least reward ever after.
        layers: Units in each hidden layer of the dual network.
        learning_rate: Adam's.
        batch_size: Transitions in an update.
        steps: Updates in an iteration, of the dual network and then of Q.
        dual_updates: Updates of the dual network for one of Q.
        tau: Share of the online networks that the target networks take over after an iteration.
    """

    kept = ("greedy", "dual", "_trainer")

    def __init__(
        self,
        data: Data,
        greedy: Greedy,
        divergence: Divergence,
        *,
        gamma: float,
        fail_value: float | None,
        layers: Sequence[int],
        learning_rate: float,
        batch_size: int,
        steps: int,
        dual_updates: int,
        tau: float,
    ) -> None:
        self.data, self.greedy, self.divergence = data, greedy, divergence
        self.gamma, self.fail_value = gamma, fail_value
        self.batch_size, self.steps, self.dual_updates, self.tau = batch_size, steps, dual_updates, tau
        self.dual = OfAction(data.features, data.spaces, layers)
        self._trainer = Trainer(self.dual.parameters(), learning_rate)

    def learn(self, updates: int, heartbeat: Callable[[], None]) -> None:
        """Iterate until there were so many updates of Q.

        Args:
            updates: How many.
            heartbeat: Called after every iteration.
        """
        done = 0
        while done < updates:
            done += self.iterate(updates - done)
            heartbeat()

    def iterate(self, most: int) -> int:
        """Take an iteration, or the beginning of one with no more than so many updates of Q; return how many."""
        batches = [self.data.sample(self.batch_size) for _ in range(min(self.steps, most))]
        values = [self.values(batch) for batch in batches]
        for batch, value in zip(batches, values, strict=True):
            for _ in range(self.dual_updates):
                self.fit_dual(batch, value)
        for batch, value in zip(batches, values, strict=True):
            self.greedy.regress(batch, self.targets(batch, value))
        self.greedy.refresh(self.tau)
        return len(batches)

    def values(self, batch: Batch) -> Tensor:
        """Return V_k(s') between the least and the largest value that there can be, 0 where the task ended, ``[B]``.

        The papers' Q are bounded so. Without it, a dual network that is off where episodes end would throw them far
        below.
        """
        lowest, highest = self._range(batch)
        return torch.clamp(self.greedy.values(batch.next_observations), lowest, highest) * batch.going

    def fit_dual(self, batch: Batch, values: Tensor) -> None:
        """Take a step of the dual network up the mean backup.

        Args:
            batch: Transitions.
            values: V_k(s'), 0 where the task ended, ``[B]``.
        """
        lowest, bounds = self._bounds(batch)
        raw = self.dual(batch.observations, batch.actions)
        dual = torch.clamp(raw, *bounds)
        # Beyond its bounds the clamped number has no slope: the square leads it back.
        loss = -self.divergence.backup(dual, values, lowest) + (raw - dual) ** 2
        self._trainer.minimise(loss.mean())

    @torch.no_grad()
    def targets(self, batch: Batch, values: Tensor) -> Tensor:
        """Return what Q regresses upon, ``[B]``.

        Args:
            batch: Transitions.
            values: V_k(s'), 0 where the task ended, ``[B]``.
        """
        lowest, bounds = self._bounds(batch)
        dual = torch.clamp(self.dual(batch.observations, batch.actions), *bounds)
        return batch.rewards + self.gamma * self.divergence.backup(dual, values, lowest)

    def _bounds(self, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the value of the worst state, and the bounds of the dual network."""
        lowest, highest = self._range(batch)
        return lowest, self.divergence.bounds(lowest, highest)

    def _range(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the least and the largest value of a next state."""
        lowest = self.data.least * batch.left
        if self.fail_value is not None:
            lowest = torch.full_like(lowest, self.fail_value)
        return lowest, torch.maximum(self.data.most * batch.left, lowest)
