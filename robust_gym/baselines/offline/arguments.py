"""What the arguments of every offline algorithm have in common, and the steps of its training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from robust_gym.baselines.base import Checked
from robust_gym.baselines.single.saved import SavesFeedForward
from robust_gym.task import Budget, Task

if TYPE_CHECKING:
    from robust_gym.baselines.base import Progress
    from robust_gym.baselines.checkpoints import Checkpoints
    from robust_gym.baselines.offline.data import Data
    from robust_gym.baselines.offline.episodes import Episode
    from robust_gym.baselines.offline.resuming import Counted

ABOUT: Mapping[str, Any] = {
    "apis": ("gymnasium",),
    "observations": ("box", "discrete", "dict"),
    "modules": ("torch", "stable_baselines3"),
    "install": 'pip install "robust-gym[offline]"',
    "privileges": ("offline-data",),
}
"""What the registrations of all offline algorithms say alike."""


@dataclass
class OfflineArguments(Checked, SavesFeedForward):
    """Learns from data that somebody else has collected.

    Attributes:
        dataset: Id of a Minari dataset of the task, or its folder; of a larger one, as many steps as the budget has are
            read. Empty: the budget is spent on training ``behaviour`` and on collecting data with it.
        behaviour: Who collects where there is no dataset: a registered algorithm, ``auto`` (``sac`` where actions are a
            box, ``ppo`` where they are discrete), or ``random``.
        behaviour_share: Share of the budget that trains ``behaviour``, none of which is kept as data; the rest is
            collected with it. Without effect on a dataset, or on ``random``, which collects with all of the budget.
        epsilon: Probability that an action of ``behaviour`` is replaced by one drawn uniformly.
        noise: Standard deviation of the Gaussian noise on actions of ``behaviour``, in units of half their range;
            where actions are a box.
        normalise: Whether observations are normalised by the moments of the data, which are saved with the policy.
        updates: Updates of Q; ``None`` for as many as the budget has steps, but at most the paper's number.
        batch_size: Transitions in an update.
        learning_rate: Adam's, for all networks.
        layers: Units in each hidden layer, of all networks; none makes them linear.
    """

    dataset: str = ""
    behaviour: str = "auto"
    behaviour_share: float = 0.5
    epsilon: float = 0.3
    noise: float = 0.0
    normalise: bool = True
    updates: int | None = None
    batch_size: int = 256
    learning_rate: float = 3e-4
    layers: tuple[int, ...] = (256, 256)

    most_updates: ClassVar[int] = 1_000_000
    """The paper's number of updates."""
    clock: ClassVar[bool] = False
    """Whether it looks at the time and plans to the horizon, instead of discounting."""

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        self._require("behaviour", bool(self.behaviour), "the name of an algorithm, 'auto' or 'random'")
        self._require("behaviour_share", 0 < self.behaviour_share < 1, "between 0 and 1")
        self._require("epsilon", 0 <= self.epsilon <= 1, "from 0 to 1")
        self._require("noise", 0 <= self.noise < math.inf, "a number of at least 0")
        self._require("updates", self.updates is None or self.updates >= 1, "at least 1, or none")
        self._require("batch_size", self.batch_size >= 1, "at least 1")
        self._require("learning_rate", 0 < self.learning_rate < math.inf, "above 0")
        self._require("layers", all(units >= 1 for units in self.layers), "numbers of at least 1")

    def train(
        self, task: Task, budget: Budget, seed: int, progress: Progress, checkpoints: Checkpoints | None = None
    ) -> Any:
        """Train on a task; the run depends on the arguments, the budget's steps, the seed and the dataset alone.

        From a checkpoint that has data it goes on in the same bits; from one of the training of ``behaviour``, as that
        does.

        Raises:
            FileNotFoundError: If there is no such dataset.
            MissingExtraError: If the dataset needs Minari, or the behaviour a package, that is not installed.
            ValueError: If the dataset is damaged or of another task, the behaviour cannot act in the task, or the
                budget is too small.
        """
        import numpy as np
        import torch

        from robust_gym.baselines.base import one_thread
        from robust_gym.baselines.offline.resuming import Counted
        from robust_gym.baselines.offline.supply import supply
        from robust_gym.baselines.single.sb3 import own_randomness

        source, own = np.random.SeedSequence(seed).spawn(2)
        counted = Counted(progress, checkpoints)
        with one_thread(), own_randomness():
            steps = self.offline_steps(budget.steps)
            episodes = counted.collected(lambda: supply(self, task, steps, source, counted, counted.behaviour))
            torch.manual_seed(int(own.generate_state(1)[0]))
            return self.learn(task, budget, episodes, own, counted)

    def offline_steps(self, steps: int) -> int:
        """Return how many steps of a budget are for data, collected before anything is learnt."""
        return steps

    def learn(self, task: Task, budget: Budget, episodes: Sequence[Episode], seeds: Any, progress: Counted) -> Any:
        """Learn from episodes, and return the policy.

        Args:
            task: The task.
            budget: The budget; its steps have been used but for those that ``offline_steps`` leaves.
            episodes: The data.
            seeds: A seed sequence for whatever else is drawn with NumPy.
            progress: Called now and then with the steps done; it leaves checkpoints between updates.
        """
        raise NotImplementedError

    def data(self, task: Task, episodes: Sequence[Episode], scale: float | None = 1.0) -> Data:
        """Return the episodes as tensors.

        Args:
            task: The task.
            episodes: The data.
            scale: What rewards are multiplied by; ``None`` for one that makes the largest 1 or -1.
        """
        from robust_gym.baselines.offline.data import Data, Moments
        from robust_gym.baselines.offline.transitions import Spaces, Transitions

        spaces, horizon = Spaces.of(task), task.horizon if self.clock else 0
        flat = Transitions.of(episodes, spaces.states, horizon)
        if scale is None:
            scale = unit_scale(flat.rewards)
        moments = Moments.of(flat, self.clock) if self.normalise and not spaces.states else None
        return Data(flat, spaces, scale=scale, moments=moments, gamma=self.discount, horizon=horizon)

    @property
    def discount(self) -> float:
        """Discount factor."""
        return 1.0

    def count(self, budget: Budget) -> int:
        """Return the number of updates."""
        return self.updates if self.updates is not None else min(budget.steps, self.most_updates)


@dataclass
class Discounted(OfflineArguments):
    """Learns discounted values.

    Attributes:
        gamma: Discount factor.
    """

    gamma: float = 0.99

    @property
    def discount(self) -> float:
        """Discount factor."""
        return self.gamma

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        super().check()
        self._require("gamma", 0 <= self.gamma < 1, "at least 0 and below 1")


def unit_scale(rewards: Any) -> float:
    """Return what makes the largest reward 1, or the least -1; 1 where all are 0."""
    largest = float(abs(rewards).max())
    return 1 / largest if largest else 1.0
