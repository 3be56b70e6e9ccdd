"""Robust Q-learning: without a model, against the worst of a set around the world it learns in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from robust_gym.baselines.games.q_training import TabularQLearning
from robust_gym.baselines.games.saved import register_tabular_algorithm

if TYPE_CHECKING:
    import numpy as np

    from robust_gym.baselines.games.q_learning import QLearner


@register_tabular_algorithm(
    "robust-q-learning",
    about="Model-free Q-learning whose target is the worst of a set of next-state distributions around the true one.",
    compare=("q-learning",),
    paper=(
        "Wang & Zou, Online Robust Reinforcement Learning with Model Uncertainty, NeurIPS 2021 (arXiv 2109.14523), for "
        "R-contamination; Liu et al., Distributionally Robust Q-Learning, ICML 2022, and Wang, Zou & Wang, Model-Free "
        "Robust Reinforcement Learning with Sample Complexity Analysis, 2024 (arXiv 2406.17096), for the other sets"
    ),
)
@dataclass
class RobustQLearning(TabularQLearning):
    """Q-learning towards r + gamma min { q V : q in U(P(s, a)) }, with P unknown and V(s') = max_a Q(s', a).

    For R-contamination each step updates with (1 - rho) V(s') + rho min V, which is Wang & Zou's method. For other
    sets the worst mean is not linear in P and the target is a multilevel Monte Carlo estimate: a pair draws a level N,
    waits for 2^(N+1) visits, and corrects the value at single samples by the difference between the worst mean over
    all of them and over the two halves, divided by the probability of the level. No simulator and no resets to a state
    are used; ``baselines/games/q_learning.py`` has the equations and what was changed. Sets other than ``kl``,
    ``chi2``, ``cvar`` and ``entropic`` reach states that were never visited, whose value stays the initial one.

    Attributes:
        risk: Name of the set: ``contamination``, ``tv``, ``kl``, ``chi2``, ``wasserstein`` (between state numbers),
            ``l1``, ``l2``, ``l1.5`` and the like, ``linf``, ``cvar``, or the penalty ``entropic``.
        radius: Size of the set, in its own units. With 0 and a ``batch_size`` of 1, contamination is standard
            Q-learning to the bit; other sets then estimate the same mean from fewer updates.
        levels: Largest level N of the estimate: an update takes up to 2^(levels+1) visits, and its bias is
            that of a plug-in estimate from as many.
        batch_size: Updates whose targets are worked out side by side, from the same values; 1 in the papers, larger
            ones save time. ``q-learning`` updates at every step.
    """

    risk: str = "contamination"
    radius: float = 0.1
    levels: int = 6
    batch_size: int = 16

    algorithm: ClassVar[str] = "robust-q-learning"

    def check(self) -> None:
        """Check the arguments; the set's are checked when it is made."""
        super().check()
        self._require("levels", self.levels >= 0, "at least 0")
        self._require("batch_size", self.batch_size >= 1, "at least 1")

    def learner(self, states: int, actions: int, gamma: float, rng: np.random.Generator) -> QLearner:
        """Return an untrained learner with the set's measure."""
        from robust_gym.baselines.games.q_learning import QLearner
        from robust_gym.baselines.games.risk import risk

        return QLearner(
            states,
            actions,
            risk(self.risk, self.radius),
            gamma,
            rng,
            levels=self.levels,
            batch_size=self.batch_size,
            initial_value=self.initial_value,
            step_exponent=self.step_exponent,
        )
