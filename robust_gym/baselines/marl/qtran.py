"""QTRAN: a joint action value of its own, and individual values that agree with it on what is greedy."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from robust_gym.baselines.marl.mixers import Mixer
from robust_gym.baselines.marl.networks import AgentNetworks, dense, uniform
from robust_gym.baselines.marl.normaliser import Normaliser, RunningMoments
from robust_gym.baselines.marl.replay import Batch
from robust_gym.baselines.marl.team import Team


class JointNetwork(nn.Module):
    """Q(h, u): the one-hot joint action passes a linear layer and ReLU, then joins the agents' summed features.

    Args:
        team: The agents.
        features: Units of the agents' last hidden layer, ``H``.
        hidden: Units of its own layers.
        generator: Draws the initial weights.
    """

    first: Tensor

    def __init__(self, team: Team, features: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        choices = team.size * team.choices
        self.from_actions = uniform(generator, choices, choices, hidden)
        self.b_actions = uniform(generator, choices, hidden)
        self.head = dense(generator, (hidden + features, hidden, 1))
        self.register_buffer("first", torch.arange(team.size) * team.choices, persistent=False)

    def forward(self, summed: Tensor, actions: Tensor) -> Tensor:
        """Return Q, ``[B]``, for summed features ``[B, H]`` and actions ``[A, B]``."""
        one_hot = functional.embedding_bag(actions.t() + self.first, self.from_actions, mode="sum")
        both = torch.cat((torch.relu(one_hot + self.b_actions), summed), -1)
        value: Tensor = self.head(both).squeeze(-1)
        return value


class ValueNetwork(nn.Module):
    """V(s, h): state and summed features each pass a linear layer and ReLU, then both together two layers more.

    Args:
        team: The agents.
        features: Units of the agents' last hidden layer, ``H``.
        hidden: Units of its own layers.
        generator: Draws the initial weights.
    """

    def __init__(self, team: Team, features: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.normaliser = Normaliser(team.state)
        self.from_state = dense(generator, (team.state, hidden))
        self.from_features = dense(generator, (features, hidden))
        self.head = dense(generator, (2 * hidden, hidden, 1))

    def forward(self, states: Tensor, summed: Tensor) -> Tensor:
        """Return V, ``[B]``, for states ``[B, S]`` and summed features ``[B, H]``."""
        both = torch.cat((self.from_state(self.normaliser(states)), self.from_features(summed)), -1)
        value: Tensor = self.head(torch.relu(both)).squeeze(-1)
        return value


class QTRAN(Mixer):
    """QTRAN-base (Son et al., "QTRAN", ICML 2019): any joint value, and a sum that is greedy where it is.

    With Q the joint network, Q' the sum of the individual values, V the state-value network and u* the agents' greedy
    actions, an update minimises L_td + w_opt L_opt + w_nopt L_nopt:

    - L_td = mean (Q(h, u) - y)^2, the only one that moves Q;
    - L_opt = mean (Q'(u*) + V - Q(h, u*))^2: the sum is exact at the greedy actions;
    - L_nopt = mean min(Q'(u) + V - Q(h, u), 0)^2: elsewhere it is never below.

    Where both vanish, the greedy individual actions are jointly greedy (their Theorem 1). Targets take Q of the target
    networks at their greedy actions. Networks are those of the public code of arXiv 2602.11437.

    Args:
        team: The agents.
        features: Units of the agents' last hidden layer, ``H``.
        hidden: Units of the joint and state-value networks' layers.
        opt_weight: ``w_opt``.
        nopt_weight: ``w_nopt``.
        generator: Draws the initial weights.
    """

    needs_state = True
    needs_features = True

    def __init__(
        self,
        team: Team,
        features: int,
        hidden: int,
        opt_weight: float,
        nopt_weight: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.joint = JointNetwork(team, features, hidden, generator)
        self.value = ValueNetwork(team, features, hidden, generator)
        self.opt_weight = opt_weight
        self.nopt_weight = nopt_weight

    def forward(self, values: Tensor, state: Tensor | None) -> Tensor:
        """Return the sum of the individual values, Q', whose greedy actions are the team's."""
        return values.sum(0)

    def greedy_values(
        self, networks: AgentNetworks, features: Tensor, states: Tensor | None, masks: Tensor | None = None
    ) -> Tensor:
        """Return the joint network's values of the agents' greedy actions, ``[B]``."""
        value: Tensor = self.joint(features.sum(0), networks.values(features, masks).argmax(-1))
        return value

    def loss(self, networks: AgentNetworks, features: Tensor, batch: Batch, target: Tensor) -> Tensor:
        """Return the weighted sum of the three losses."""
        td, opt, nopt = self.losses(networks, features, batch, target)
        return td + self.opt_weight * opt + self.nopt_weight * nopt

    def losses(
        self, networks: AgentNetworks, features: Tensor, batch: Batch, target: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return L_td, L_opt and L_nopt of a batch; arguments as those of ``loss``."""
        assert batch.states is not None
        values, summed = networks.values(features, batch.masks), features.sum(0)
        best, greedy = values.max(-1)
        chosen = values.gather(-1, batch.actions.unsqueeze(-1)).squeeze(-1)
        joint = self.joint(summed, batch.actions)
        with torch.no_grad():
            joint_greedy = self.joint(summed, greedy)
        value = self.value(batch.states, summed)
        off_greedy = self(chosen, batch.states) + value - joint.detach()
        return (
            functional.mse_loss(joint, target),
            functional.mse_loss(self(best, batch.states) + value, joint_greedy),
            off_greedy.clamp(max=0).square().mean(),
        )

    def follow(self, states: RunningMoments) -> None:
        """Normalise the states that the state-value network reads."""
        self.value.normaliser.follow(states)
