"""Implicit Q-learning."""

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
    "implicit-q",
    about="Implicit Q-learning: learns from a fixed dataset without ever asking for an action that is not in it.",
    paper="Kostrikov, Nair & Levine, Offline Reinforcement Learning with Implicit Q-Learning, ICLR 2022 "
    "(arXiv 2110.06169)",
    **ABOUT,
)
@dataclass
class ImplicitQ(Discounted):
    """V(s) is an expectile of Q(s, a) over the actions of the data, and stands for the maximum over actions.

    With ``u = min_i Q_i(s, a) - V(s)``, V minimises ``|expectile - 1(u < 0)| * u^2`` (Eq. 5), both Q regress on
    ``r + gamma * V(s')`` (Eq. 6), and the policy maximises ``exp(temperature * u) * log pi(a | s)``, whose weight is
    bounded (Eq. 7).

    Discrete actions have a categorical policy, others a Gaussian one about a tanh, of which the likeliest action is
    taken. The published learning rate of the policy falls along a cosine; here it stays. Not robust by itself: what the
    robust offline methods are read beside.

    Attributes:
        expectile: Which expectile of Q the value is, in (0, 1): 0.5 is the mean. The paper's for MuJoCo.
        temperature: Weight of the advantage; at 0 the policy clones the data. The paper's for MuJoCo.
        most_weight: Largest weight of an action in the regression; that of the authors' code.
        tau: Share of the online Q that the target Q takes over in an update; the paper's.
        reward_scale: What rewards are multiplied by; ``None`` for the task's horizon over the difference of the best
            and the worst return in the data, which is what the paper does on MuJoCo, where the horizon is 1000.
    """

    expectile: float = 0.7
    temperature: float = 3.0
    most_weight: float = 100.0
    tau: float = 0.005
    reward_scale: float | None = None

    algorithm: ClassVar[str] = "implicit-q"
    settings: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {"updates": 1_000_000, "normalise": False}}
    """``paper``: its number of updates, whatever the budget, on observations as they are."""

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        super().check()
        self._require("expectile", 0 < self.expectile < 1, "above 0 and below 1")
        self._require("temperature", 0 <= self.temperature < math.inf, "a number of at least 0")
        self._require("most_weight", 1 <= self.most_weight < math.inf, "a number of at least 1")
        self._require("tau", 0 < self.tau <= 1, "above 0 and at most 1")
        good = self.reward_scale is None or 0 < self.reward_scale < math.inf
        self._require("reward_scale", good, "above 0, or none")

    def learn(
        self, task: Task, budget: Budget, episodes: Sequence[Episode], seeds: Any, progress: Counted
    ) -> FeedForwardPolicy:
        """Learn from episodes, and return the policy's likeliest action."""
        from robust_gym.baselines.offline.expectile import Learner, Settings
        from robust_gym.baselines.single.policy import Critic

        data = self.data(task, episodes, self._scale(task, episodes))
        learner = Learner(data, Settings(**{one.name: getattr(self, one.name) for one in dataclasses.fields(Settings)}))

        def update(most: int) -> int:
            learner.update(data.sample(self.batch_size))
            return 1

        progress.updates(learner, self.count(budget), update)
        return data.policy(self.algorithm, task, learner.actor, Critic(learner.value, "state"))

    def _scale(self, task: Task, episodes: Sequence[Episode]) -> float:
        if self.reward_scale is not None:
            return self.reward_scale
        returns = [float(episode.rewards.sum()) for episode in episodes]
        spread = max(returns) - min(returns)
        return task.horizon / spread if spread > 0 else 1.0
