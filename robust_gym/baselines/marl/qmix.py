"""QMIX's mixing network."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from robust_gym.baselines.marl.mixers import Mixer
from robust_gym.baselines.marl.networks import uniform
from robust_gym.baselines.marl.normaliser import Normaliser, RunningMoments
from robust_gym.baselines.marl.team import Team

GAIN = 0.1
"""Xavier gain of the weights, as in the public code of arXiv 2602.11437."""


class QMIX(Mixer):
    """A network that is monotone in every agent's value (Rashid et al., "QMIX", ICML 2018).

    Q(s, q) = |w2(s)| . ELU(|W1(s)| q + b1(s)) + v(s), where W1, b1 and w2 are linear in the state and v has one hidden
    layer. Absolute weights and an increasing ELU make dQ/dq >= 0 in every state, so that the greedy individual actions
    are jointly greedy.

    Biases are drawn as ``torch.nn.Linear`` draws them. The public code sets them to zero, which makes W1 and w2 zero,
    with no gradient, wherever the (normalised) state is: in a game of one state nothing would ever be learnt.

    Args:
        team: The agents.
        hidden: Units of the mixing network, ``E``.
        generator: Draws the initial weights.
    """

    needs_state = True

    def __init__(self, team: Team, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.normaliser = Normaliser(team.state)
        # The first layer of each hypernetwork, W1, b1, w2 and v in this order, as one: four products become one.
        self.sizes = (team.size * hidden, hidden, hidden, hidden)
        weights = [_xavier(generator, team.state, size) for size in self.sizes]
        self.weight = nn.Parameter(torch.cat(weights, 1))
        self.bias = uniform(generator, team.state, sum(self.sizes))
        self.w_value = nn.Parameter(_xavier(generator, hidden, 1))
        self.b_value = uniform(generator, hidden, 1)

    def forward(self, values: Tensor, state: Tensor | None) -> Tensor:
        """Mix values ``[A, B]`` in states ``[B, S]``."""
        assert state is not None
        made = torch.addmm(self.bias, self.normaliser(state), self.weight)
        first, b_first, last, v = made.split(self.sizes, -1)
        agents, batch = values.shape
        mixed = torch.einsum("ab,bae->be", values, first.abs().view(batch, agents, -1))
        hidden = functional.elu(mixed + b_first)
        value = torch.addmm(self.b_value, torch.relu(v), self.w_value).squeeze(-1)
        return (hidden * last.abs()).sum(-1) + value

    def follow(self, states: RunningMoments) -> None:
        """Normalise the states that the hypernetworks read."""
        self.normaliser.follow(states)


def _xavier(generator: torch.Generator, inputs: int, outputs: int) -> Tensor:
    """Draw weights ``[inputs, outputs]`` from Xavier's uniform distribution."""
    bound = GAIN * math.sqrt(6 / (inputs + outputs))
    return (torch.rand((inputs, outputs), generator=generator) * 2 - 1) * bound
