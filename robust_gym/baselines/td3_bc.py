"""TD3 with behaviour cloning."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from robust_gym.baselines.offline.arguments import ABOUT, Discounted
from robust_gym.registry import register_algorithm
from robust_gym.task import Budget, Task

if TYPE_CHECKING:
    from robust_gym.baselines.offline.episodes import Episode
    from robust_gym.baselines.offline.resuming import Counted
    from robust_gym.baselines.single.policy import FeedForwardPolicy


@register_algorithm(
    "td3-bc",
    about="TD3 on a fixed dataset, whose actor is also drawn towards the actions of the data.",
    actions=("box",),
    paper="Fujimoto & Gu, A Minimalist Approach to Offline Reinforcement Learning, NeurIPS 2021 (arXiv 2106.06860)",
    **ABOUT,
)
@dataclass
class TD3BC(Discounted):
    """TD3 whose actor maximises ``lambda * Q(s, pi(s)) - (pi(s) - a)^2``, where lambda = alpha / mean |Q|.

    The critics are TD3's: both regress on ``r + gamma * min_i Q_i(s', pi(s') + clipped noise)``. Observations are
    normalised by the moments of the data. Not robust by itself: what the robust offline methods are read beside.

    Attributes:
        alpha: Weight of Q against cloning; the paper's value. The larger, the more it is plain TD3.
        tau: Share of the online networks that the target networks take over; TD3's.
        policy_noise: Standard deviation of the noise on the target actor's actions, which span [-1, 1]; TD3's.
        noise_clip: Bound of that noise; TD3's.
        policy_delay: Updates of the critics for one of the actor and the targets; TD3's.
    """

    alpha: float = 2.5
    tau: float = 0.005
    policy_noise: float = 0.2
    noise_clip: float = 0.5
    policy_delay: int = 2

    algorithm: ClassVar[str] = "td3-bc"
    settings: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {"updates": 1_000_000}}
    """``paper``: its number of updates, whatever the budget."""

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        super().check()
        self._require("alpha", 0 <= self.alpha < math.inf, "a number of at least 0")
        self._require("tau", 0 < self.tau <= 1, "above 0 and at most 1")
        self._require("policy_noise", 0 <= self.policy_noise < math.inf, "a number of at least 0")
        self._require("noise_clip", 0 <= self.noise_clip < math.inf, "a number of at least 0")
        self._require("policy_delay", self.policy_delay >= 1, "at least 1")

    def learn(
        self, task: Task, budget: Budget, episodes: Sequence[Episode], seeds: Any, progress: Counted
    ) -> FeedForwardPolicy:
        """Learn from episodes, and return the actor."""
        from robust_gym.baselines.offline.td3_bc import Learner, Settings
        from robust_gym.baselines.single.policy import Critic

        data = self.data(task, episodes)
        learner = Learner(data, Settings(**{one.name: getattr(self, one.name) for one in dataclasses.fields(Settings)}))

        def update(most: int) -> int:
            learner.update(data.sample(self.batch_size))
            return 1

        progress.updates(learner, self.count(budget), update)
        *actor, _ = learner.actor.online  # the tanh is the head's
        from torch import nn

        critic = Critic(learner.q.online.first.network, "action")
        return data.policy(self.algorithm, task, nn.Sequential(*actor), critic)
