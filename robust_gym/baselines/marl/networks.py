"""All agents' action-value networks, evaluated in one batched forward.

Weights are not shared between agents: each weight has a leading dimension of agents, ``[A, …]``, and one
``baddbmm`` serves all of them. The network of the paper (arXiv 2602.11437) is ``lstm``: Linear, ReLU, LSTM over
the last observations and actions, ReLU, Linear. ``mlp`` has a Linear layer in the LSTM's place and sees only
the present observation and the last action.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from robust_gym.baselines.marl.lstm import WindowLSTM
from robust_gym.baselines.marl.normaliser import Normaliser
from robust_gym.baselines.marl.team import Team

NETWORKS = ("lstm", "mlp")
"""Names of the agent networks."""


def uniform(generator: torch.Generator, fan_in: int, *shape: int) -> nn.Parameter:
    """Return weights drawn as ``torch.nn.Linear`` draws them, from U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
    bound = 1 / math.sqrt(fan_in)
    return nn.Parameter((torch.rand(shape, generator=generator) * 2 - 1) * bound)


class Linear(nn.Module):
    """A linear layer for each agent, ``[A, rows, from]`` to ``[A, rows, to]``."""

    def __init__(self, generator: torch.Generator, agents: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = uniform(generator, inputs, agents, inputs, outputs)
        self.bias = uniform(generator, inputs, agents, 1, outputs)

    def forward(self, rows: Tensor) -> Tensor:
        """Apply every agent's layer to its rows."""
        return torch.baddbmm(self.bias, rows, self.weight)


class LSTMBody(nn.Module):
    """An LSTM for each agent over the window, then ReLU: ``[A, T, B, H]`` to ``[A, B, H]``."""

    def __init__(self, generator: torch.Generator, agents: int, hidden: int) -> None:
        super().__init__()
        self.weight = uniform(generator, hidden, agents, 2 * hidden, 4 * hidden)
        self.bias = uniform(generator, hidden, agents, 1, 4 * hidden)

    def forward(self, window: Tensor) -> Tensor:
        """Run the window through the LSTMs."""
        last: Tensor = WindowLSTM.apply(window, self.weight, self.bias)
        return torch.relu(last)


class LinearBody(nn.Module):
    """A linear layer and ReLU on the window's last step: ``[A, T, B, H]`` to ``[A, B, H]``."""

    def __init__(self, generator: torch.Generator, agents: int, hidden: int) -> None:
        super().__init__()
        self.layer = Linear(generator, agents, hidden, hidden)

    def forward(self, window: Tensor) -> Tensor:
        """Map the last step."""
        hidden: Tensor = self.layer(window[:, -1])
        return torch.relu(hidden)


class AgentNetworks(nn.Module):
    """One action-value network per agent.

    Args:
        team: The agents.
        network: ``lstm`` or ``mlp``.
        hidden: Units in every hidden layer, ``H``.
        history: Steps in the window, ``T``; ``mlp`` always has one.
        generator: Draws the initial weights.

    Raises:
        ValueError: If there is no such network.
    """

    def __init__(self, team: Team, network: str, hidden: int, history: int, generator: torch.Generator) -> None:
        super().__init__()
        if network not in NETWORKS:
            raise ValueError(f"unknown agent network {network!r}; networks are {', '.join(NETWORKS)}")
        self.team = team
        self.network = network
        self.hidden = hidden
        self.history = history if network == "lstm" else 1
        self.normaliser = Normaliser(team.size, 1, 1, team.width)
        inputs = team.width + team.choices
        self.w_observation = uniform(generator, inputs, team.size, team.width, hidden)
        self.b_observation = uniform(generator, inputs, team.size, 1, hidden)
        # One row for each agent's last action, which is what a one-hot vector would select, and one row of
        # zeros for the steps before the episode.
        rows = uniform(generator, inputs, team.size * team.choices, hidden)
        self.w_action = nn.Parameter(functional.pad(rows.detach(), (0, 0, 0, 1)))
        body = LSTMBody if network == "lstm" else LinearBody
        self.body = body(generator, team.size, hidden)
        self.w_value = uniform(generator, hidden, team.size * team.choices, hidden)
        self.b_value = uniform(generator, hidden, team.size * team.choices)
        first = torch.arange(team.size) * team.choices
        self.register_buffer("first", first.view(-1, 1), persistent=False)
        self.register_buffer("impossible", _impossible(team), persistent=False)

    @property
    def padding(self) -> int:
        """The row of ``w_action`` that stands for no action at all."""
        return self.team.size * self.team.choices

    def features(self, observations: Tensor, last_actions: Tensor) -> Tensor:
        """Return the last hidden layer, ``[A, B, H]``.

        Args:
            observations: ``[A, T, B, D]``, raw.
            last_actions: ``[A, T, B]``, rows of ``w_action``: ``agent * K + action``, or ``padding`` for steps
                before the episode, whose inputs are zero.
        """
        agents, steps, batch, width = observations.shape
        present = (last_actions != self.padding).unsqueeze(-1)
        seen = (self.normaliser(observations) * present).reshape(agents, steps * batch, width)
        done = functional.embedding(last_actions, self.w_action, padding_idx=self.padding)
        encoded = torch.baddbmm(self.b_observation, seen, self.w_observation).view_as(done) + done
        hidden: Tensor = self.body(torch.relu(encoded))
        return hidden

    def values(self, features: Tensor, masks: Tensor | None = None) -> Tensor:
        """Return the value of every action, ``[A, B, K]``; minus infinity for actions an agent lacks.

        Args:
            features: ``[A, B, H]``.
            masks: Which actions are possible, ``[A, B, K]``; the others have minus infinity too.
        """
        weight = self.w_value.view(self.team.size, self.team.choices, -1).transpose(1, 2)
        bias = self.b_value.view(self.team.size, 1, -1) + self.impossible
        values = torch.baddbmm(bias, features, weight)
        return values if masks is None else values.masked_fill(~masks, -math.inf)

    def chosen(self, features: Tensor, actions: Tensor) -> Tensor:
        """Return the values of one action per agent, ``[A, B]``, without computing the others.

        Args:
            features: ``[A, B, H]``.
            actions: ``[A, B]``.
        """
        rows = actions + self.first
        weight = functional.embedding(rows, self.w_value)
        return (features * weight).sum(-1) + self.b_value[rows]


def _impossible(team: Team) -> Tensor:
    mask = torch.zeros(team.size, 1, team.choices)
    for row, count in zip(mask, team.actions, strict=True):
        row[:, count:] = -math.inf
    return mask


def dense(generator: torch.Generator, sizes: Sequence[int]) -> nn.Sequential:
    """Return linear layers of the given sizes with ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
        layer.weight = uniform(generator, inputs, outputs, inputs)
        layer.bias = uniform(generator, inputs, outputs)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
