"""Perceptrons of all agents in one batched forward, of their own or shared, with orthogonal weights."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from robust_gym.baselines.marl.team import Team


class Perceptrons(nn.Module):
    """As many perceptrons as there are groups of rows, ``[G, rows, from]`` to ``[G, rows, to]``.

    Hidden layers are followed by ReLU and a normalisation of the layer, as in MAPPO; weights are orthogonal, biases
    zero.

    Args:
        groups: How many perceptrons, ``G``.
        sizes: Numbers in each layer, from the input to the output.
        gain: Of the last layer's weights; hidden ones have that of ReLU.
        generator: Draws the weights.
    """

    def __init__(self, groups: int, sizes: Sequence[int], gain: float, generator: torch.Generator) -> None:
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes), start=1):
            weight = torch.empty(groups, inputs, outputs)
            for one in weight:
                nn.init.orthogonal_(one, gain if layer == len(sizes) - 1 else math.sqrt(2), generator=generator)
            self.weights.append(nn.Parameter(weight))
            self.biases.append(nn.Parameter(torch.zeros(groups, 1, outputs)))

    def forward(self, rows: Tensor) -> Tensor:
        """Apply each perceptron to its rows."""
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            rows = torch.baddbmm(bias, rows, weight)
            if layer < last:
                rows = torch.relu(rows)
                rows = nn.functional.layer_norm(rows, rows.shape[-1:])
        return rows

    @torch.no_grad()
    def rescale(self, factor: float, shift: float) -> None:
        """Make every output ``factor`` times what it was, plus ``shift``."""
        self.weights[-1].mul_(factor)
        self.biases[-1].mul_(factor).add_(shift)


class AgentPerceptrons(nn.Module):
    """A perceptron for every agent, ``[A, rows, D]`` to ``[A, rows, to]``.

    Args:
        team: The agents.
        shared: Whether all agents have the same one, which is told by a one-hot vector whose turn it is.
        hidden: Units in each of the two hidden layers.
        outputs: Numbers that come out.
        gain: Of the last layer's weights.
        generator: Draws the weights.
    """

    identities: Tensor

    def __init__(
        self, team: Team, shared: bool, hidden: int, outputs: int, gain: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.shared = shared
        inputs = team.width + team.size * shared
        self.perceptrons = Perceptrons(1 if shared else team.size, (inputs, hidden, hidden, outputs), gain, generator)
        self.register_buffer("identities", torch.eye(team.size).unsqueeze(1), persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        """Apply every agent's perceptron to its rows."""
        if not self.shared:
            own: Tensor = self.perceptrons(rows)
            return own
        agents, many, _ = rows.shape
        told = torch.cat((rows, self.identities.expand(-1, many, -1)), -1)
        out: Tensor = self.perceptrons(told.reshape(1, agents * many, -1))
        return out.view(agents, many, -1)

    def rescale(self, factor: float, shift: float) -> None:
        """Make every output ``factor`` times what it was, plus ``shift``."""
        self.perceptrons.rescale(factor, shift)
