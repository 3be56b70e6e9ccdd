"""Mixers: from the agents' values to the team's, and the loss that fits both.

A mixer turns individual action values into what a backup and a loss can work with: one joint value, or, where
nothing is mixed, as many values as there are agents. ``qmix.py`` and ``qtran.py`` hold those with networks.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from robust_gym.baselines.marl.networks import AgentNetworks
from robust_gym.baselines.marl.normaliser import RunningMoments
from robust_gym.baselines.marl.replay import Batch
from robust_gym.baselines.marl.team import Team


class Mixer(nn.Module):
    """Combines individual action values into a joint one, so that greedy individual actions stay jointly greedy.

    Attributes:
        needs_state: Whether it reads the state.
        needs_features: Whether its joint value reads the agents' last hidden layers; a dual network of that joint
            value then reads them too.
        outputs: Leading shape of its values: ``()`` for one joint value of each transition.
    """

    needs_state = False
    needs_features = False
    outputs: tuple[int, ...] = ()

    def forward(self, values: Tensor, state: Tensor | None) -> Tensor:
        """Mix.

        Args:
            values: Each agent's value of its action, ``[A, B]``.
            state: ``[B, S]``, or ``None`` where nothing needs it.

        Returns:
            The joint value, ``[*outputs, B]``.
        """
        raise NotImplementedError

    def greedy_values(
        self, networks: AgentNetworks, features: Tensor, states: Tensor | None, masks: Tensor | None = None
    ) -> Tensor:
        """Return the joint values of the agents' greedy actions, ``[*outputs, B]``.

        Args:
            networks: The agents' networks.
            features: What they see, ``[A, B, H]``.
            states: ``[B, S]``, or ``None``.
            masks: Which actions are possible, ``[A, B, K]``, or ``None``.
        """
        mixed: Tensor = self(networks.values(features, masks).amax(-1), states)
        return mixed

    def loss(self, networks: AgentNetworks, features: Tensor, batch: Batch, target: Tensor) -> Tensor:
        """Return what an update of networks and mixer minimises: the mean squared error of the joint value.

        Args:
            networks: The agents' networks.
            features: What they see at the transitions, ``[A, B, H]``.
            batch: The transitions.
            target: The backup's, ``[*outputs, B]``.
        """
        joint = self(networks.chosen(features, batch.actions), batch.states)
        return functional.mse_loss(joint, target)

    def follow(self, states: RunningMoments) -> None:
        """Normalise the states that the mixer reads, where it reads any."""


class VDN(Mixer):
    """The sum (Sunehag et al., "Value-Decomposition Networks", AAMAS 2018)."""

    def forward(self, values: Tensor, state: Tensor | None) -> Tensor:
        """Add up the agents' values."""
        return values.sum(0)


class Independent(Mixer):
    """No mixing: each agent learns the team's return from its own value alone (Tan, ICML 1993).

    The others are a part of its world, one that changes while they learn.
    """

    def __init__(self, team: Team) -> None:
        super().__init__()
        self.outputs = (team.size,)

    def forward(self, values: Tensor, state: Tensor | None) -> Tensor:
        """Return the values as they are, ``[A, B]``."""
        return values

    def loss(self, networks: AgentNetworks, features: Tensor, batch: Batch, target: Tensor) -> Tensor:
        """Return the sum of the agents' mean squared errors, so that no agent's gradient depends on their number."""
        errors = networks.chosen(features, batch.actions) - target
        return errors.square().mean(-1).sum()
