"""A team's actors: from what each agent sees to a distribution over its actions."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor, nn

from robust_gym.baselines.marl.normaliser import Normaliser
from robust_gym.baselines.marl.perceptrons import AgentPerceptrons
from robust_gym.baselines.marl.team import Team

_NEVER = -1e9
"""The logit of an action that an agent lacks: unlike minus infinity, it has an entropy of 0."""

_GAIN = 0.01
"""Of the last layer, so that training begins near the uniform policy, or near the middle of the space (MAPPO)."""


class Head(Protocol):
    """What the outputs of the actors' networks mean.

    Outputs are ``[A, B, K]``; a drawn action is ``[A, B]`` if it is Discrete, ``[A, B, K]`` if it is a vector.
    """

    def sample(self, outputs: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw actions; return them with the logarithms of their probabilities, ``[A, B]``."""

    def judge(self, outputs: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logarithms of probabilities of drawn actions, and the entropies, both ``[A, B]``."""

    def best(self, outputs: Tensor) -> Tensor:
        """Return the likeliest actions."""

    def played(self, drawn: Tensor) -> Tensor:
        """Return what the environment is told: drawn actions brought into the agents' spaces."""


class Categorical(nn.Module):
    """Discrete actions; outputs are logits.

    Args:
        team: The agents.
    """

    lacking: Tensor

    def __init__(self, team: Team) -> None:
        super().__init__()
        lacking = torch.zeros(team.size, 1, team.choices)
        for row, count in zip(lacking, team.actions, strict=True):
            row[:, count:] = _NEVER
        self.register_buffer("lacking", lacking, persistent=False)

    def sample(self, outputs: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw actions."""
        logits = torch.log_softmax(outputs + self.lacking, -1)
        noise = torch.rand(logits.shape, generator=generator).clamp_(min=1e-20)
        drawn = (logits - (-noise.log()).log()).argmax(-1)  # the Gumbel-max trick
        return drawn, logits.gather(-1, drawn.unsqueeze(-1)).squeeze(-1)

    def judge(self, outputs: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logarithms of probabilities of drawn actions, and the entropies."""
        logits = torch.log_softmax(outputs + self.lacking, -1)
        chosen = logits.gather(-1, drawn.unsqueeze(-1)).squeeze(-1)
        return chosen, -(logits.exp() * logits).sum(-1)

    def best(self, outputs: Tensor) -> Tensor:
        """Return the likeliest actions; ties go to the smaller one."""
        return (outputs + self.lacking).argmax(-1)

    def played(self, drawn: Tensor) -> Tensor:
        """Return the actions as they are."""
        return drawn


class Gaussian(nn.Module):
    """Vectors; outputs are means of independent Gaussians, whose deviations do not depend on what is seen.

    A drawn vector is in units of half the space, from its middle, where the space is bounded. It is clipped when it is
    played, not when its probability is taken.

    Args:
        team: The agents.
        rows: How many sets of deviations: one that all agents share, or one for each.
        std: The first deviations.
    """

    low: Tensor
    high: Tensor
    real: Tensor
    middle: Tensor
    reach: Tensor

    def __init__(self, team: Team, rows: int, std: float) -> None:
        super().__init__()
        self.log_std = nn.Parameter(torch.full((rows, 1, team.choices), math.log(std)))
        low, high = torch.zeros(2, team.size, 1, team.choices)
        for place, (lows, highs) in enumerate(team.bounds):
            low[place, 0, : len(lows)], high[place, 0, : len(highs)] = torch.tensor(lows), torch.tensor(highs)
        sizes = torch.tensor(team.actions).view(-1, 1, 1)
        bounded = (low.isfinite() & high.isfinite()) & (high > low)
        self.register_buffer("low", low, persistent=False)
        self.register_buffer("high", high, persistent=False)
        self.register_buffer("real", (torch.arange(team.choices) < sizes).float(), persistent=False)
        self.register_buffer("middle", torch.where(bounded, (low + high) / 2, 0.0), persistent=False)
        self.register_buffer("reach", torch.where(bounded, (high - low) / 2, 1.0), persistent=False)

    def sample(self, outputs: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw actions."""
        noise = torch.randn(outputs.shape, generator=generator)
        drawn = outputs + noise * self.log_std.exp()
        return drawn, self.judge(outputs, drawn)[0]

    def judge(self, outputs: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logarithms of probability densities of drawn vectors, and the entropies."""
        distance = (drawn - outputs) * (-self.log_std).exp()
        density = -0.5 * (distance**2 + math.log(2 * math.pi)) - self.log_std
        entropy = (0.5 + 0.5 * math.log(2 * math.pi) + self.log_std) * self.real
        return (density * self.real).sum(-1), entropy.sum(-1).expand(outputs.shape[:-1])

    def best(self, outputs: Tensor) -> Tensor:
        """Return the means."""
        return outputs

    def played(self, drawn: Tensor) -> Tensor:
        """Return vectors inside the agents' spaces."""
        return torch.clamp(self.middle + self.reach * drawn, self.low, self.high)


class Actors(nn.Module):
    """The actors of a team, one network for each or one for all.

    Args:
        team: The agents.
        shared: Whether they share a network and the moments by which observations are normalised.
        hidden: Units in each hidden layer.
        generator: Draws the weights.
        std: First standard deviation of Box actions, in units of half the space.

    Attributes:
        normaliser: Of raw observations.
    """

    head: Head

    def __init__(self, team: Team, shared: bool, hidden: int, generator: torch.Generator, std: float = 1.0) -> None:
        super().__init__()
        self.team, self.shared, self.hidden = team, shared, hidden
        self.normaliser = Normaliser(1 if shared else team.size, 1, team.width)
        self.networks = AgentPerceptrons(team, shared, hidden, team.choices, _GAIN, generator)
        self.head = Gaussian(team, 1 if shared else team.size, std) if team.continuous else Categorical(team)

    @property
    def moments(self) -> tuple[int, ...]:
        """Shape of the moments that the normaliser follows."""
        width = self.team.width
        return (width,) if self.shared else (self.team.size, width)

    @torch.no_grad()
    def sample(self, seen: Tensor, generator: torch.Generator, masks: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Draw actions for normalised observations, ``[A, B, D]``; see ``Head.sample``."""
        return self.head.sample(self._outputs(seen, masks), generator)

    def judge(self, seen: Tensor, drawn: Tensor, masks: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Judge actions at normalised observations; see ``Head.judge``."""
        return self.head.judge(self._outputs(seen, masks), drawn)

    @torch.no_grad()
    def best(self, observations: Tensor, masks: Tensor | None = None) -> Tensor:
        """Return the likeliest actions at raw observations, ``[A, B, D]``, as they are played."""
        return self.head.played(self.head.best(self._outputs(self.normaliser(observations), masks)))

    def _outputs(self, seen: Tensor, masks: Tensor | None) -> Tensor:
        """Return what the head reads; ``masks``, ``[A, B, K]``, are of the actions that are possible."""
        outputs: Tensor = self.networks(seen)
        return outputs if masks is None else outputs.masked_fill(~masks, _NEVER)
