"""GroupDR's backup: the least reward that any of some training environments would pay.

A baseline of arXiv 2602.11437 (ICLR 2026), after Liu et al., "Distributionally Robust Multi-Agent Reinforcement
Learning for Dynamic Chute Mapping" (ICML 2025): group distributionally robust optimisation, whose worst group an
estimator finds for each state and joint action. Only the reward is robust; the next state is the one that was seen.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from robust_gym.baselines.checkpoints import Snapshot, optimiser_state, restore_optimiser, tensors
from robust_gym.baselines.descent import descend
from robust_gym.baselines.marl.backups import Backup, StateActionNetwork
from robust_gym.baselines.marl.normaliser import RunningMoments
from robust_gym.baselines.marl.replay import Batch


class GroupWorst(Backup):
    """y = min_k r(s, u, k) + gamma V', where r estimates the reward of group k.

    The estimator minimises (r(s, u, k) - reward)^2 over the transitions of the replay, k being each one's own group. A
    group counts from the first of its transitions that was fitted: of one that no episode has met yet, the estimator
    says nothing but its initial weights.

    Args:
        gamma: Discount factor.
        estimator: The network r, with an output for each group.
        learning_rate: Adam's, for the estimator.
        updates: Steps on it before the first target is needed.

    Attributes:
        known: Which groups count, ``[K]``.
    """

    needs_state = True
    needs_groups = True
    fits = True

    def __init__(
        self, gamma: float, estimator: StateActionNetwork, learning_rate: float = 1e-3, updates: int = 0
    ) -> None:
        super().__init__(gamma)
        self.estimator = estimator
        self.updates = updates
        self.known = torch.zeros(estimator.outputs, dtype=torch.bool)
        self._optimiser = torch.optim.Adam(estimator.parameters(), lr=learning_rate)

    def estimates(self, batch: Batch) -> Tensor:
        """Return the reward that each group would pay, ``[B, K]``."""
        assert batch.states is not None
        rewards: Tensor = self.estimator(batch.states, batch.actions)
        return rewards

    @torch.no_grad()
    def _rewards(self, batch: Batch) -> Tensor:
        return self.estimates(batch).masked_fill(~self.known, torch.inf).amin(-1)

    def begin(self, draw: Callable[[], Batch]) -> None:
        """Train the estimator alone."""
        for _ in range(self.updates):
            self._step(draw())

    def fit(self, batch: Batch, next_values: Tensor, features: Tensor | None = None) -> None:
        """Take one step on the estimator."""
        self._step(batch)

    def _step(self, batch: Batch) -> None:
        assert batch.groups is not None
        self.known[batch.groups] = True
        own = self.estimates(batch).gather(-1, batch.groups.unsqueeze(-1)).squeeze(-1)
        descend(self._optimiser, functional.mse_loss(own, batch.rewards))

    def follow(self, states: RunningMoments) -> None:
        """Normalise the states that the estimator reads."""
        self.estimator.normaliser.follow(states)

    def snapshot(self) -> Snapshot:
        """Return what a checkpoint keeps."""
        own = {
            "estimator": self.estimator.state_dict(),
            "known": self.known,
            "optimiser": optimiser_state(self._optimiser),
        }
        return {**super().snapshot(), **own}

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint."""
        super().restore(snapshot)
        self.estimator.load_state_dict(tensors(snapshot["estimator"]))
        self.known = torch.from_numpy(snapshot["known"])
        restore_optimiser(self._optimiser, snapshot["optimiser"])
