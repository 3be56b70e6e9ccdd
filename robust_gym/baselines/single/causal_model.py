"""A causal model of a task: what numbers of state and action the changes of the state, and the reward, hang on."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class CausalModel(nn.Module):
    """A structural causal model with a graph that is learnt: an encoder for each cause, a decoder for each effect.

    An effect's decoder sees the sum of the encodings of the causes that the graph joins it with. The numbers are
    normalised by their moments over all batches learnt from.

    Args:
        states: Numbers of a state.
        actions: Numbers of an action.
        units: Units of each encoder and decoder.

    Attributes:
        edges: Log-odds of each edge, ``[states + actions, states + 1]``; the last effect is the reward.
    """

    moments: Tensor
    seen: Tensor

    def __init__(self, states: int, actions: int, units: int) -> None:
        super().__init__()
        causes, effects = states + actions, states + 1
        self.edges = nn.Parameter(torch.full((causes, effects), 3.0))
        self.encode = nn.ModuleList([_Side(causes, 1, units), _Side(causes, units, units)])
        self.decode = nn.ModuleList([_Side(effects, units, units), _Side(effects, units, 1)])
        self.register_buffer("moments", torch.zeros(2, causes + effects))
        self.register_buffer("seen", torch.tensor(0.0))

    @torch.no_grad()
    def watch(self, rows: Tensor) -> None:
        """Let the moments take in rows of causes and effects, ``[B, causes + effects]``."""
        self.seen += 1
        batch = torch.stack([rows.mean(0), rows.square().mean(0)])
        self.moments += (batch - self.moments) / self.seen

    def _scales(self) -> tuple[Tensor, Tensor]:
        mean, square = self.moments
        return mean, (square - mean.square()).clamp(min=1e-8).sqrt()

    def forward(self, causes: Tensor, graph: Tensor) -> Tensor:
        """Return the normalised effects, ``[B, states + 1]``, of causes under a graph of zeros and ones."""
        count = causes.shape[1]
        mean, scale = self._scales()
        hidden = ((causes - mean[:count]) / scale[:count])[..., None]
        for side in self.encode:
            hidden = torch.relu(side(hidden))
        hidden = torch.relu(self.decode[0](torch.einsum("bcu,ce->beu", hidden, graph)))
        effects: Tensor = self.decode[1](hidden)[..., 0]
        return effects

    def sampled_graph(self, temperature: float) -> Tensor:
        """Draw a graph by the straight-through Gumbel-softmax of its edges (Jang et al., 2017)."""
        uniform = torch.rand_like(self.edges).clamp(1e-6, 1 - 1e-6)
        soft = torch.sigmoid((self.edges + torch.logit(uniform)) / temperature)
        return (soft > 0.5).float() + soft - soft.detach()

    def graph(self) -> Tensor:
        """Return the likeliest graph, of zeros and ones."""
        return (self.edges > 0).float()

    def loss(self, causes: Tensor, effects: Tensor, temperature: float, exponent: float, penalty: float) -> Tensor:
        """Return the squared error of the normalised effects, and a penalty on edges.

        Args:
            causes: States and actions, ``[B, states + actions]``.
            effects: Changes of states and rewards, ``[B, states + 1]``.
            temperature: Of the Gumbel-softmax.
            exponent: The p of the penalty, sum of the edges' probabilities to the power p.
            penalty: Its weight.
        """
        mean, scale = (one[causes.shape[1] :] for one in self._scales())
        guess = self(causes, self.sampled_graph(temperature))
        error = (guess - (effects - mean) / scale).square().sum(1).mean()
        return error + penalty * torch.sigmoid(self.edges).pow(exponent).sum()

    @torch.no_grad()
    def effects(self, causes: Tensor) -> Tensor:
        """Return changes of states and rewards, ``[B, states + 1]``, under the likeliest graph."""
        mean, scale = (one[causes.shape[1] :] for one in self._scales())
        return mean + scale * self(causes, self.graph())


class _Side(nn.Module):
    """A linear layer of its own for each of several numbers, ``[B, count, inputs]`` to ``[B, count, outputs]``."""

    def __init__(self, count: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(count, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(count, outputs).uniform_(-bound, bound))

    def forward(self, rows: Tensor) -> Tensor:
        return torch.einsum("bci,cio->bco", rows, self.weight) + self.bias
