"""What the arguments of the robust offline algorithms have in common: robust fitted Q iteration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robust_gym.baselines.offline.arguments import ABOUT, Discounted, OfflineArguments
from robust_gym.baselines.single.saved import SavesFeedForward
from robust_gym.task import Budget, Task

if TYPE_CHECKING:
    from robust_gym.baselines.offline.data import Data
    from robust_gym.baselines.offline.divergences import Divergence
    from robust_gym.baselines.offline.episodes import Episode
    from robust_gym.baselines.offline.fitted import FittedQ
    from robust_gym.baselines.offline.greedy import Greedy
    from robust_gym.baselines.offline.resuming import Counted

QUANTILE = 0.9
"""Which quantile of the returns to go makes the price of a divergence in TV, where none is given."""


@dataclass
class RobustArguments(OfflineArguments):
    """Robust fitted Q iteration; a subclass says which set of distributions is guarded against.

    Attributes:
        reward_scale: What rewards are multiplied by; ``None`` for one over the largest in the data, in size, as the
            papers have rewards up to 1. Prices of a divergence and ``fail_value`` are in these units.
        fail_value: Value of the worst state that the world could be thrown into; ``None`` for the least reward ever
            after, or 0 where no reward is below 0. The papers assume no reward below 0, and a fail state of value 0.
        iteration_updates: Updates in an iteration, after which the targets are refreshed.
        dual_updates: Updates of the dual network for one of Q.
        tau: Share of the online networks that the target networks take over after an iteration.
    """

    reward_scale: float | None = None
    fail_value: float | None = None
    iteration_updates: int = 100
    dual_updates: int = 1
    tau: float = 1.0

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        super().check()
        scaled = self.reward_scale is None or 0 < self.reward_scale < math.inf
        self._require("reward_scale", scaled, "above 0, or none")
        finite = self.fail_value is None or math.isfinite(self.fail_value)
        self._require("fail_value", finite, "a finite number, or none")
        for name in ("iteration_updates", "dual_updates"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        self._require("tau", 0 < self.tau <= 1, "above 0 and at most 1")

    def divergence(self, data: Data) -> Divergence:
        """Return the set of distributions that is guarded against."""
        raise NotImplementedError

    def greedy(self, data: Data) -> Greedy:
        """Return the maximum over all discrete actions."""
        from robust_gym.baselines.offline.greedy import MaxOverActions

        return MaxOverActions(data, self.layers, self.learning_rate)

    def fitted(self, data: Data) -> FittedQ:
        """Return the learner."""
        from robust_gym.baselines.offline.fitted import FittedQ

        return FittedQ(
            data,
            self.greedy(data),
            self.divergence(data),
            gamma=self.discount,
            fail_value=self.worst(data),
            layers=self.layers,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            steps=self.iteration_updates,
            dual_updates=self.dual_updates,
            tau=self.tau,
        )

    def worst(self, data: Data) -> float | None:
        """Return the value of the worst state, scaled; ``None`` for the least reward ever after."""
        return self.fail_value

    def price(self, data: Data) -> float:
        """Return a price of a divergence of 1 in TV by which the data's best states count as alike."""
        import numpy as np

        returns = data.transitions.returns_to_go(self.discount) * data.scale
        worst = data.least * float(data.left.max()) if self.fail_value is None else self.fail_value
        return max(float(np.quantile(returns, QUANTILE)) - worst, 1e-6)


@dataclass
class RobustOffline(RobustArguments, Discounted):
    """Robust fitted Q iteration of discounted values, for both kinds of action.

    Attributes:
        candidates: Generated actions that the maximum of Q is over, where actions are a box; BCQ's.
        reach: Most that a generated action is moved towards larger Q, where actions span [-1, 1]; BCQ's.
        choices: Generated actions that the policy chooses among, where actions are a box; BCQ's.
        batch_size: Transitions in an update; BCQ's.
    """

    candidates: int = 10
    reach: float = 0.05
    choices: int = 100
    batch_size: int = 100

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        super().check()
        for name in ("candidates", "choices"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        self._require("reach", 0 <= self.reach <= 2, "from 0 to 2")

    def learn(self, task: Task, budget: Budget, episodes: Sequence[Episode], seeds: Any, progress: Counted) -> Any:
        """Learn from episodes, and return the greedy policy."""
        fitted = self.fitted(self.data(task, episodes, self.reward_scale))
        progress.updates(fitted, self.count(budget), fitted.iterate)
        return fitted.greedy.policy(self.algorithm, task)

    def greedy(self, data: Data) -> Greedy:
        """Return the maximum over all actions where they are discrete, else over actions like those of the data."""
        if data.spaces.count:
            return super().greedy(data)
        from robust_gym.baselines.offline.greedy import BatchConstrained

        return BatchConstrained(
            data,
            self.layers,
            self.learning_rate,
            candidates=self.candidates,
            reach=self.reach,
            choices=self.choices,
        )

    @staticmethod
    def load(directory: Path, task: Task) -> Any:
        """Load a saved policy.

        Raises:
            FileNotFoundError: If the directory holds no policy.
            ValueError: If it is damaged, or another kind of policy.
        """
        if task.action != "box":
            return SavesFeedForward.load(directory, task)
        from robust_gym.baselines.offline.candidates import CandidatePolicy

        return CandidatePolicy.load(directory, task)


ABOUT_RPQ: Mapping[str, Any] = {
    **ABOUT,
    "paper": "Panaganti, Wierman & Mazumdar, Model-Free Robust phi-Divergence Reinforcement Learning Using Both "
    "Offline and Online Data, ICML 2024 (arXiv 2405.05468)",
    "compare": ("implicit-q",),
}
"""What the registrations of the three RPQ say alike."""


class RPQ(RobustOffline):
    """Robust phi-regularised fitted Q iteration, whatever the divergence: its subclasses have an argument ``lam``."""

    lam: float | None

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        super().check()
        self._require("lam", self.lam is None or 0 < self.lam < math.inf, "above 0")
