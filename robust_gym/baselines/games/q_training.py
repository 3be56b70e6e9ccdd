"""Q-learning as an algorithm: the arguments that the standard and the robust one share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from robust_gym.baselines.base import Checked
from robust_gym.baselines.games.saved import SavesTable
from robust_gym.task import Budget, Task

if TYPE_CHECKING:
    import numpy as np

    from robust_gym.baselines.base import Progress
    from robust_gym.baselines.games.q_learning import QLearner
    from robust_gym.baselines.games.table_policy import TablePolicy

_NEAR_ONE = 0.99


@dataclass
class TabularQLearning(Checked, SavesTable):
    """Arguments of tabular Q-learning.

    Attributes:
        gamma: Discount factor, at least 0 and below 1; ``None`` for the one that suits the task, as its exact model
            names it, or 0.99 where it names none below 1.
        initial_value: Of all states and actions; one above every return makes the learner try everything.
        step_exponent: omega of the step size n^-omega at the n-th update of a state and action, above 1/2 and at most
            1; smaller ones forget the initial value sooner, larger ones average more noise away.
        epsilon_start: Probability of a random action at the first step.
        epsilon_end: The same, when exploration has decayed.
        exploration_fraction: Share of the budget over which it decays, linearly.
    """

    gamma: float | None = None
    initial_value: float = 0.0
    step_exponent: float = 0.65
    epsilon_start: float = 1.0
    epsilon_end: float = 0.1
    exploration_fraction: float = 0.5

    algorithm: ClassVar[str]

    def learner(self, states: int, actions: int, gamma: float, rng: np.random.Generator) -> QLearner:
        """Return an untrained learner."""
        raise NotImplementedError

    def train(self, task: Task, budget: Budget, seed: int, progress: Progress) -> TablePolicy:
        """Train on the undisturbed task; the run depends on the arguments, the budget's steps and the seed alone.

        Raises:
            ValueError: If states or actions are not numbered, or the radius is none of its set's.
        """
        import numpy as np

        from robust_gym.baselines.games.experience import interact, sizes
        from robust_gym.baselines.games.table_policy import TablePolicy

        episodes, choices = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
        states, actions = sizes(task)
        learner = self.learner(states, actions, self._discount(task), choices)
        decay = max(1.0, self.exploration_fraction * budget.steps)
        done = 0

        def choose(state: int) -> int:
            epsilon = self.epsilon_start + min(1.0, done / decay) * (self.epsilon_end - self.epsilon_start)
            return int(choices.integers(actions)) if choices.random() < epsilon else learner.greedy(state)

        def observe(state: int, action: int, reward: float, after: int, terminated: bool) -> bool:
            nonlocal done
            done += 1
            learner.observe(state, action, reward, after, terminated)
            return False

        interact(task, "none", budget.steps, episodes, progress, lambda state: False, choose, observe)
        learner.update()
        return TablePolicy(learner.q.argmax(axis=1), self.algorithm, task)

    def _discount(self, task: Task) -> float:
        if self.gamma is not None:
            return self.gamma
        own = float(task.model().discount) if task.exact else 1.0
        return own if own < 1.0 else _NEAR_ONE

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        for name in ("epsilon_start", "epsilon_end", "exploration_fraction"):
            self._require(name, 0 <= getattr(self, name) <= 1, "from 0 to 1")
        self._require("gamma", self.gamma is None or 0 <= self.gamma < 1, "at least 0 and below 1")
        self._require("step_exponent", 0.5 < self.step_exponent <= 1, "above 0.5 and at most 1")
        self._require("initial_value", math.isfinite(self.initial_value), "a finite number")
