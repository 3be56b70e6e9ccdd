"""Networks of a state and an action, with their targets and optimisers."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

import torch
from stable_baselines3.common.torch_layers import create_mlp
from stable_baselines3.common.utils import polyak_update
from torch import Tensor, nn

from robust_gym.baselines.descent import descend
from robust_gym.baselines.offline.transitions import Spaces

Module = TypeVar("Module", bound=nn.Module)


def mlp(inputs: int, outputs: int, layers: Sequence[int], *, squash: bool = False) -> nn.Sequential:
    """Return a perceptron with ReLU between its layers, and a tanh after the last where it squashes."""
    return nn.Sequential(*create_mlp(inputs, outputs, list(layers), squash_output=squash))


class OfAction(nn.Module):
    """A number for every state and action: Q(s, a), or a dual network's g(s, a).

    Args:
        features: Numbers in an observation.
        spaces: Of the task: a network of discrete actions has an output for each, another reads the action too.
        layers: Units in each hidden layer.
    """

    def __init__(self, features: int, spaces: Spaces, layers: Sequence[int]) -> None:
        super().__init__()
        self.count = spaces.count
        self.network = mlp(features + spaces.dimensions, spaces.count or 1, layers)

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Return the number of each pair, ``[B]``."""
        if self.count:
            return self.network(observations).gather(1, actions[:, None])[:, 0]
        return self.network(torch.cat([observations, actions], dim=-1))[..., 0]

    def of_all(self, observations: Tensor) -> Tensor:
        """Return the numbers of all discrete actions, ``[B, count]``."""
        numbers: Tensor = self.network(observations)
        return numbers


class Twin(nn.Module):
    """Two independent networks of a state and an action."""

    def __init__(self, features: int, spaces: Spaces, layers: Sequence[int]) -> None:
        super().__init__()
        self.first = OfAction(features, spaces, layers)
        self.second = OfAction(features, spaces, layers)

    def forward(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return both numbers, ``[B]`` each."""
        return self.first(observations, actions), self.second(observations, actions)


class Tracked(Generic[Module]):
    """A network with a target copy that follows it.

    Args:
        online: The network that is trained.

    Attributes:
        online: The same.
        target: The copy.
    """

    def __init__(self, online: Module) -> None:
        self.online = online
        self.target: Module = copy.deepcopy(online).requires_grad_(False)

    def follow(self, tau: float) -> None:
        """Move the target towards the network by a share."""
        polyak_update(self.online.parameters(), self.target.parameters(), tau)


class Trainer:
    """Takes steps of Adam.

    Args:
        parameters: What it changes.
        learning_rate: Its step size.

    Attributes:
        adam: The optimiser.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float) -> None:
        self.adam = torch.optim.Adam(parameters, learning_rate)

    def minimise(self, loss: Tensor) -> None:
        """Take a step down a loss."""
        descend(self.adam, loss)
