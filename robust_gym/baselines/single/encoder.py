"""SAC's networks behind an encoder that the critic trains, and models of what follows in its latent space."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, FlattenExtractor, NatureCNN
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from stable_baselines3.sac.policies import Actor, SACPolicy
from torch import Tensor, nn

_LEAST, _MOST = 1e-4, 10.0
"""Bounds of a predicted standard deviation, those of the authors of DBC."""


class Encoder(FlattenExtractor):
    """From observations to a latent state: the usual convolutions for images, or hidden layers, and a linear layer.

    The latent state is normalised over its numbers, as the authors' of DBC is. Else distances that are to be those of
    all rewards to come would grow through the whole training, and what actor and critics see with them.

    Args:
        space: Observations, vectors or stacked frames.
        features: Numbers of a latent state.
        hidden: Units in each hidden layer, for vectors.

    Attributes:
        layers: The layers, one after another.
    """

    def __init__(self, space: spaces.Space[object], features: int, hidden: Sequence[int]) -> None:
        super().__init__(space)
        if len(space.shape or ()) == 3:
            assert isinstance(space, spaces.Box)
            eye = NatureCNN(space)
            self.layers = nn.Sequential(
                eye.cnn, eye.linear, nn.Linear(eye.features_dim, features), nn.LayerNorm(features)
            )
        else:
            sizes = [self.features_dim, *hidden]
            before = [layer for pair in itertools.pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())]
            self.layers = nn.Sequential(*before, nn.Linear(sizes[-1], features), nn.LayerNorm(features))
        self._features_dim = features

    def forward(self, observations: Tensor) -> Tensor:
        """Return latent states, ``[B, features]``."""
        latent: Tensor = self.layers(observations)
        return latent


class _Onlooker(Actor):
    """An actor whose features extractor is another's, which it does not train."""

    def extract_features(self, obs: PyTorchObs, features_extractor: BaseFeaturesExtractor) -> Tensor:
        with torch.no_grad():
            return super().extract_features(obs, features_extractor)


class EncodedPolicy(SACPolicy):
    """SAC's networks where the actor sees through the critic's encoder, and does not train it."""

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        self.actor.features_extractor = self.critic.features_extractor
        own = [value for name, value in self.actor.named_parameters() if not name.startswith("features_extractor")]
        rate = {"lr": lr_schedule(1.0)}
        self.actor.optimizer = self.optimizer_class(own, **rate, **self.optimizer_kwargs)

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> Actor:
        """Make an actor that does not train its encoder."""
        return _Onlooker(**self._update_features_extractor(self.actor_kwargs, features_extractor)).to(self.device)


class LatentModel(nn.Module):
    """What follows a latent state and an action: a Gaussian over the next one, and the reward on arriving there.

    Args:
        features: Numbers of a latent state.
        actions: Numbers of an action.
        units: Units in the hidden layer of each network.
    """

    def __init__(self, features: int, actions: int, units: int) -> None:
        super().__init__()
        self.transition = _network(features + actions, units, 2 * features)
        self.reward = _network(features, units, 1)

    def forward(self, latent: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of the next latent state, each ``[B, features]``."""
        mean, raw = self.transition(torch.cat([latent, actions], dim=1)).chunk(2, dim=1)
        return mean, _LEAST + (_MOST - _LEAST) * torch.sigmoid(raw)


def _network(inputs: int, units: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, units), nn.LayerNorm(units), nn.ReLU(), nn.Linear(units, outputs))
