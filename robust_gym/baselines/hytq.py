"""Hybrid robust total-variation-regularised Q iteration."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from robust_gym.baselines.offline.arguments import ABOUT
from robust_gym.baselines.offline.robust import RobustArguments
from robust_gym.registry import register_algorithm
from robust_gym.task import Budget, Task

if TYPE_CHECKING:
    from robust_gym.baselines.offline.clock import TimedPolicy
    from robust_gym.baselines.offline.data import Data
    from robust_gym.baselines.offline.divergences import Divergence
    from robust_gym.baselines.offline.episodes import Episode
    from robust_gym.baselines.offline.fitted import FittedQ
    from robust_gym.baselines.offline.resuming import Counted


@register_algorithm(
    "hytq",
    about="Hybrid robust Q iteration: adds its own steps to a fixed dataset, for dynamics that are worse at a price in "
    "total variation.",
    actions=("discrete",),
    paper="Panaganti, Wierman & Mazumdar, Model-Free Robust phi-Divergence Reinforcement Learning Using Both Offline "
    "and Online Data, ICML 2024 (arXiv 2405.05468)",
    compare=("implicit-q",),
    **ABOUT,
)
@dataclass
class HyTQ(RobustArguments):
    """Plans to the horizon H on offline data and on what its own greedy policies meet, robustly in total variation.

    Each iteration plays some steps greedily, adds them to all data, and fits ``V_h(s) = max_a Q_h(s, a)`` backwards
    from ``V_H = 0``: the dual network ``g_h``, between fail and fail + lam, maximises the mean of
    ``g_h(s, a) - (g_h(s, a) - V_{h+1}(s'))_+``, and ``Q_h`` regresses on r plus that, which at the best ``g_h`` is
    ``r + E[min(V_{h+1}(s'), fail + lam)]``.

    The paper has a network for each step and begins every iteration anew; here one network reads the time h / H too, is
    fitted to all steps at once against targets that are refreshed now and then, and goes on from iteration to
    iteration. There are as many iterations as the horizon's length leaves room for, at most ``iterations``.

    Attributes:
        lam: Price of a divergence of 1, in units of value; the smaller, the more is guarded against. ``None`` for the
            0.9 quantile of the returns to go in the offline data, less the fail value of the first step.
        online_share: Share of the budget that is played by the greedy policies; the rest is for offline data.
        iterations: Most iterations; the online steps are split evenly among them, as are the updates.
        fail_value: Value of the worst state that the world could be thrown into; ``None`` for the least reward until
            the horizon, or 0 where no reward is below 0. The paper assumes a fail state of value 0.
    """

    lam: float | None = None
    online_share: float = 0.25
    iterations: int = 10

    algorithm: ClassVar[str] = "hytq"
    clock: ClassVar[bool] = True

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        super().check()
        self._require("lam", self.lam is None or 0 < self.lam < math.inf, "above 0, or none")
        self._require("online_share", 0 < self.online_share < 1, "between 0 and 1")
        self._require("iterations", self.iterations >= 1, "at least 1")

    def offline_steps(self, steps: int) -> int:
        """Return what the online steps leave."""
        return steps - max(1, round(self.online_share * steps))

    def divergence(self, data: Data) -> Divergence:
        """Return the price of total variation."""
        from robust_gym.baselines.offline.divergences import TV

        return TV(self.price(data) if self.lam is None else self.lam)

    def learn(
        self, task: Task, budget: Budget, episodes: Sequence[Episode], seeds: Any, progress: Counted
    ) -> TimedPolicy:
        """Alternate between playing and fitting, and return the last greedy policy."""
        import numpy as np

        from robust_gym.baselines.offline.episodes import Behaviour, collect
        from robust_gym.baselines.offline.transitions import Transitions

        fitted = self.fitted(self.data(task, episodes, self.reward_scale))
        rng = np.random.default_rng(seeds.spawn(1)[0])
        collected, states = list(episodes), fitted.data.spaces.states
        for steps, updates in self._iterations(budget, task.horizon):
            behaviour = Behaviour((self._greedy_policy(fitted, task),))
            collected += collect(task, behaviour, steps, rng, progress.onwards())
            fitted.data = fitted.data.with_others(Transitions.of(collected, states, task.horizon))
            fitted.learn(updates, progress.beat)
        return self._greedy_policy(fitted, task)

    def _iterations(self, budget: Budget, horizon: int) -> list[tuple[int, int]]:
        """Return the online steps and the updates of each iteration."""
        steps, updates = budget.steps - self.offline_steps(budget.steps), self.count(budget)
        most = min(self.iterations, updates, max(1, steps // horizon))
        ends = [(steps * k // most, updates * k // most) for k in range(most + 1)]
        return [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(ends)]

    def _greedy_policy(self, fitted: FittedQ, task: Task) -> TimedPolicy:
        from robust_gym.baselines.offline.clock import TimedPolicy

        spaces = fitted.data.spaces
        policy = fitted.greedy.policy(self.algorithm, task)
        policy.states = 0  # the clock's policy makes the vectors
        return TimedPolicy(policy, task, spaces.states)

    @staticmethod
    def load(directory: Path, task: Task) -> TimedPolicy:  # type: ignore[override]
        """Load a saved policy.

        Raises:
            FileNotFoundError: If the directory holds no policy.
            ValueError: If it is damaged, or another kind of policy.
        """
        from robust_gym.baselines.offline.clock import TimedPolicy

        return TimedPolicy.load(directory, task)
