"""Mixers: from the agents' values to the team's."""

from __future__ import annotations

from torch import Tensor, nn

from robust_gym.baselines.marl.normaliser import RunningMoments


class Mixer(nn.Module):
    """Combines individual action values into a joint one, so that greedy individual actions stay jointly greedy.

    Attributes:
        needs_state: Whether ``forward`` reads the state.
    """

    needs_state = False

    def forward(self, values: Tensor, state: Tensor | None) -> Tensor:
        """Mix.

        Args:
            values: Each agent's value of its action, ``[A, B]``.
            state: ``[B, S]``, or ``None`` where nothing needs it.

        Returns:
            The joint value, ``[B]``.
        """
        raise NotImplementedError

    def follow(self, states: RunningMoments) -> None:
        """Normalise the states that the mixer reads, where it reads any."""


class VDN(Mixer):
    """The sum (Sunehag et al., "Value-Decomposition Networks", AAMAS 2018)."""

    def forward(self, values: Tensor, state: Tensor | None) -> Tensor:
        """Add up the agents' values."""
        return values.sum(0)
