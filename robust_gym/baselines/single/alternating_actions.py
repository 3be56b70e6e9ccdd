"""Action-robust methods: a protagonist and an adversary share the action, and one critic, in DDPG."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.ddpg import DDPG
from robust_gym.baselines.descent import descend
from robust_gym.baselines.single.methods import OffPolicyMethod

if TYPE_CHECKING:
    from stable_baselines3.common.type_aliases import ReplayBufferSamples
    from torch import Tensor

    from robust_gym.baselines.single.learners import Part

register_action_robust = functools.partial(
    register_single_algorithm,
    actions=("box",),
    observations=("box", "discrete", "dict"),
    train="disrupted",
    compare=("ddpg",),
    paper=(
        "Tessler et al., Action Robust Reinforcement Learning and Applications in Continuous Control, ICML 2019 "
        "(arXiv 1901.09184)"
    ),
)
"""Registers a way of mixing the two actions; see ``registry.register_algorithm``."""


@dataclass
class ActionRobust(OffPolicyMethod, DDPG):
    """DDPG of a protagonist pi and an adversary nu, whose actions are mixed as a method says.

    The critic is that of the action really taken, Q(s, mixed action). ``worth`` says what a state is worth if
    the two act so; all three losses follow from it.

    Attributes:
        alpha: How much the adversary has to say, in [0, 1]; 0.1 in the paper's experiments. 0 is DDPG.
        ratio: Updates of the protagonist for one of the adversary; 10 in the paper's experiments.
    """

    alpha: float = 0.1
    ratio: int = 10

    def taken(self, own: Any, other: Any) -> Any:
        """Return the actions that are taken, in [-1, 1].

        Args:
            own: What the protagonist wants, ``[B, dimensions]``, a tensor.
            other: What the adversary wants.
        """
        raise NotImplementedError

    def worth(self, critic: Any, states: Tensor, own: Tensor, other: Tensor) -> Tensor:
        """Return what states are worth, ``[B, 1]``, if the two want such actions.

        Args:
            critic: Returns Q of states and actions taken.
            states: ``[B, numbers]``.
            own: What the protagonist wants, ``[B, dimensions]``, in [-1, 1].
            other: What the adversary wants.
        """
        raise NotImplementedError

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: If alpha is no share, or the ratio is no number of updates.
        """
        super().check()
        self._require("alpha", 0 <= self.alpha <= 1, "a share, 0 to 1")
        self._require("ratio", self.ratio >= 1, "a number of updates, 1 or more")

    def kind(self) -> Any:
        """Return the class of the model."""
        from robust_gym.baselines.single.alternating_ddpg import AlternatingDDPG

        return AlternatingDDPG

    def parts(self, model: Any) -> Mapping[str, Part]:
        """Make the adversary: an actor like the protagonist's."""
        from torch.optim import Adam

        adversary, target = model.policy.make_actor(), model.policy.make_actor()
        target.load_state_dict(adversary.state_dict())
        optimiser = Adam(adversary.parameters(), lr=model.lr_schedule(1))
        return {"adversary": adversary, "adversary_target": target, "adversary_optimiser": optimiser}

    def update(self, model: Any, batch: ReplayBufferSamples) -> None:
        """Take one step of the critic, one of either player, and one of the targets."""
        import torch
        from stable_baselines3.common.utils import polyak_update
        from torch.nn.functional import mse_loss

        states, following = batch.observations, batch.next_observations
        # Critic: y = r + gamma Q'(s', pi'(s'), nu'(s')).
        with torch.no_grad():
            own, other = model.actor_target(following), model.adversary_target(following)
            worth = self.worth(model.critic_target.q1_forward, following, own, other)
            targets = batch.rewards + (1 - batch.dones) * model.gamma * worth
        descend(model.critic.optimizer, mse_loss(model.critic.q1_forward(states, batch.actions), targets))
        # The adversary descends, once after so many ascents of the protagonist; without a say it has nothing to learn.
        q = model.critic.q1_forward
        if self.alpha > 0 and model._n_updates % (self.ratio + 1) == 0:
            loss = self.worth(q, states, model.actor(states).detach(), model.adversary(states)).mean()
            descend(model.adversary_optimiser, loss)
        else:
            loss = -self.worth(q, states, model.actor(states), model.adversary(states).detach()).mean()
            descend(model.actor.optimizer, loss)
        for online, target in (
            (model.critic, model.critic_target),
            (model.actor, model.actor_target),
            (model.adversary, model.adversary_target),
        ):
            polyak_update(online.parameters(), target.parameters(), model.tau)
