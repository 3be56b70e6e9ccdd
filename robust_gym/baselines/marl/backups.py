"""Backups: from the greedy joint value of the next state to the target of the present one.

All follow arXiv 2602.11437 (ICLR 2026). A robust backup needs the worst value that the world could offer, ``w``:
the public code takes 0, which is the true lower bound where rewards are never negative, and the *best* value where
they never are positive. With ``w = 0`` the contamination backup equals the standard one with a discount of
``gamma (1 - rho)``, so a non-robust run with that discount is its proper control.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from robust_gym.baselines.checkpoints import Snapshot, optimiser_state, restore_optimiser, tensors
from robust_gym.baselines.descent import descend
from robust_gym.baselines.marl.networks import dense, uniform
from robust_gym.baselines.marl.normaliser import Normaliser, RunningMoments
from robust_gym.baselines.marl.replay import Batch
from robust_gym.baselines.marl.team import Team

DUAL_OBJECTIVES = ("exact", "squared")
"""``exact`` is the dual of the total-variation problem; ``squared`` is what the public code minimises."""


class Backup:
    """The standard backup, y = r + gamma V'.

    Args:
        gamma: Discount factor.

    Attributes:
        needs_state: Whether it reads ``Batch.states``.
        needs_features: Whether ``fit`` reads the agents' last hidden layers.
        needs_groups: Whether it reads ``Batch.groups``.
        fits: Whether ``fit`` does anything.
        constant: What the worst value, where there is one, adds to the value of the next state.
    """

    needs_state = False
    needs_features = False
    needs_groups = False
    fits = False

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma
        self.constant = 0.0

    def target(self, batch: Batch, next_values: Tensor, features: Tensor | None = None) -> Tensor:
        """Return the targets, in the shape of the next values.

        Args:
            batch: The transitions.
            next_values: Greedy joint values of the target networks at the next observations, ``[B]``; where nothing
                is mixed, each agent's own, ``[A, B]``.
            features: The agents' last hidden layers at the transitions, without gradient, ``[A, B, H]``.
        """
        return self._rewards(batch) + batch.continues * self._discounted(batch, next_values, features)

    def _rewards(self, batch: Batch) -> Tensor:
        return batch.rewards

    def _discounted(self, batch: Batch, next_values: Tensor, features: Tensor | None) -> Tensor:
        return self.gamma * next_values

    def begin(self, draw: Callable[[], Batch]) -> None:
        """Prepare for the first update, where there is anything to; ``draw`` samples what the warm-up has left."""

    def fit(self, batch: Batch, next_values: Tensor, features: Tensor | None = None) -> None:
        """Take one step on the backup's own networks, where it has any; arguments as those of ``target``."""

    def rescale(self, scale: float) -> None:
        """Bring what the worst value adds to the scale of rewards that are divided by a number."""
        self.constant /= scale

    def follow(self, states: RunningMoments) -> None:
        """Normalise the states that the backup's own networks read, where it has any."""

    def snapshot(self) -> Snapshot:
        """Return what a checkpoint keeps."""
        return {"constant": self.constant}

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint."""
        self.constant = snapshot["constant"]


class RhoContamination(Backup):
    """y = r + gamma ((1 - rho) V' + rho w): with probability rho an adversary moves the team anywhere.

    Args:
        gamma: Discount factor.
        rho: Size of the uncertainty set, 0 to 1.
        worst_value: ``w``, in the units of the (scaled) values.
    """

    def __init__(self, gamma: float, rho: float, worst_value: float = 0.0) -> None:
        super().__init__(gamma * (1 - rho))
        self.constant = gamma * rho * worst_value

    def _discounted(self, batch: Batch, next_values: Tensor, features: Tensor | None) -> Tensor:
        return self.gamma * next_values + self.constant


class StateActionNetwork(nn.Module):
    """Numbers for a state and a joint action.

    State and one-hot joint action each pass a linear layer and ReLU, then both together two layers more. Where the
    agents' last hidden layers are read too, their sum passes a third such layer.

    Args:
        team: The agents.
        hidden: Units of each layer.
        generator: Draws the initial weights.
        features: Units of the agents' last hidden layer, ``H``; 0 for a network that does not read it.
        outputs: How many numbers, ``K``.
    """

    first: Tensor

    def __init__(
        self, team: Team, hidden: int, generator: torch.Generator, features: int = 0, outputs: int = 1
    ) -> None:
        super().__init__()
        self.outputs = outputs
        self.normaliser = Normaliser(team.state)
        self.from_state = dense(generator, (team.state, hidden))
        choices = team.size * team.choices
        self.from_actions = uniform(generator, choices, choices, hidden)
        self.b_actions = uniform(generator, choices, hidden)
        self.from_features = dense(generator, (features, hidden)) if features else None
        self.head = dense(generator, ((3 if features else 2) * hidden, hidden, outputs))
        self.register_buffer("first", torch.arange(team.size) * team.choices, persistent=False)

    def forward(self, states: Tensor, actions: Tensor, features: Tensor | None = None) -> Tensor:
        """Return ``[B, K]`` for states ``[B, S]``, actions ``[A, B]`` and, if read, features ``[A, B, H]``."""
        one_hot = functional.embedding_bag(actions.t() + self.first, self.from_actions, mode="sum")
        parts = [self.from_state(self.normaliser(states)), one_hot + self.b_actions]
        if self.from_features is not None:
            assert features is not None
            parts.append(self.from_features(features.sum(0)))
        numbers: Tensor = self.head(torch.relu(torch.cat(parts, -1)))
        return numbers


class DualNetwork(StateActionNetwork):
    """The dual variable g(s, u) of the total-variation problem, for a state and a joint action.

    Beside a mixer whose joint value reads the agents' last hidden layers, g reads their sum too. Arguments are those of
    ``StateActionNetwork``, with one output.
    """

    def forward(self, states: Tensor, actions: Tensor, features: Tensor | None = None) -> Tensor:
        """Return g, ``[B]``, for states ``[B, S]``, actions ``[A, B]`` and, if read, features ``[A, B, H]``."""
        return super().forward(states, actions, features).squeeze(-1)


class TotalVariation(Backup):
    """The worst transition model within total-variation distance rho, through its dual.

    y = r + gamma max_g E[(1 - rho) g - (g - V')_+ + rho w], where one network g(s, u) is fitted by minimising
    E[(g - V')_+ - (1 - rho) g] over the replay.

    Args:
        gamma: Discount factor.
        rho: Radius, 0 to 1.
        worst_value: ``w``, the least value of any state, in the units of the (scaled) values.
        dual: The network g.
        learning_rate: Adam's, for g.
        objective: One of ``DUAL_OBJECTIVES``.

    Raises:
        ValueError: If there is no such objective.
    """

    needs_state = True
    fits = True

    def __init__(
        self,
        gamma: float,
        rho: float,
        worst_value: float,
        dual: DualNetwork,
        learning_rate: float = 1e-3,
        objective: str = "exact",
    ) -> None:
        super().__init__(gamma)
        if objective not in DUAL_OBJECTIVES:
            raise ValueError(f"unknown dual objective {objective!r}; objectives are {', '.join(DUAL_OBJECTIVES)}")
        self.rho = rho
        self.constant = rho * worst_value
        self.dual = dual
        self.needs_features = getattr(dual, "from_features", None) is not None
        self.objective = objective
        self._optimiser = torch.optim.Adam(dual.parameters(), lr=learning_rate)

    def _loss(self, g: Tensor, next_values: Tensor) -> Tensor:
        return torch.relu(g - next_values) - (1 - self.rho) * g

    @torch.no_grad()
    def _discounted(self, batch: Batch, next_values: Tensor, features: Tensor | None) -> Tensor:
        g = self._dual(batch, features)
        return self.gamma * (self.constant - self._loss(g, next_values))

    def _dual(self, batch: Batch, features: Tensor | None) -> Tensor:
        assert batch.states is not None
        read = (features,) if self.needs_features else ()
        g: Tensor = self.dual(batch.states, batch.actions, *read)
        return g

    def fit(self, batch: Batch, next_values: Tensor, features: Tensor | None = None) -> None:
        """Take one step on the dual network; transitions that terminated have no next value and do not count."""
        losses = self._loss(self._dual(batch, features), next_values)
        if self.objective == "squared":
            losses = losses.square()
        descend(self._optimiser, (losses * batch.continues).mean())

    def follow(self, states: RunningMoments) -> None:
        """Normalise the states that the dual network reads."""
        self.dual.normaliser.follow(states)

    def snapshot(self) -> Snapshot:
        """Return what a checkpoint keeps."""
        own = {"dual": self.dual.state_dict(), "optimiser": optimiser_state(self._optimiser)}
        return {**super().snapshot(), **own}

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint."""
        super().restore(snapshot)
        self.dual.load_state_dict(tensors(snapshot["dual"]))
        restore_optimiser(self._optimiser, snapshot["optimiser"])
