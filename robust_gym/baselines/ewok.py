"""EWoK: a learner that knows nothing of robustness, in a world that is drawn from the worst kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.single.standard import Values
from robust_gym.baselines.single.state_reset import FAMILIES
from robust_gym.baselines.single.state_reset_method import DrawnNextStatesMethod
from robust_gym.task import Task

_KAPPA = 2e-4
_KAPPA_EXACT = 0.1

if TYPE_CHECKING:
    import numpy as np


@register_single_algorithm(
    "ewok",
    about="PPO in a world whose next states are drawn again with more weight on those of low value.",
    families=FAMILIES,
    because="whose simulator can be set to any state",
    privileges=("state-reset",),
    compare=("ppo",),
    paper="Gadot, Wang, Kumar, Levy & Mannor, Bring Your Own (Non-Robust) Algorithm to Solve Robust MDPs by Estimating "
    "The Worst Kernel, ICML 2024 (arXiv 2306.05859)",
)
@dataclass
class EWoK(DrawnNextStatesMethod):
    """Estimating the worst kernel; the learner that is brought along is PPO, unchanged.

    In a set of transitions within some Kullback-Leibler divergence of the nominal ones P, the worst for a policy are
    P(s'|s,a) exp(-(V(s') - omega) / kappa), where omega makes them sum to 1. So at each step N next states are drawn
    from P, and the episode goes on from one drawn again with weights exp(-(V(s'_i) - mean V) / kappa), scaled to sum to
    1. A large kappa leaves P as it is. V is the critic's, and 0 where the world ends. Simulators without chance get a
    noise on their actuators, and every draw is a step of the simulator that counts against the budget.

    Attributes:
        n_next_states: Next states N drawn at each step; 5 is the default of the authors' code, whose runs of CartPole
            draw 15 (with kappa 0.2, for raw rewards and a noise of 0.01 on positions and angles).
        kappa: Difference of value that counts, in the critic's units (of normalised rewards where ``normalise`` is on):
            a next state that is worse by kappa is e times as likely. ``None`` for values of ours: 2e-4, which is how
            much the values of the states drawn with the default noise differ on Hopper, Pendulum and CartPole; 0.1 in
            the worlds of the family ``exact``, which leap from state to state.
    """

    n_next_states: int = 5
    kappa: float | None = None

    algorithm: ClassVar[str] = "ewok"

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        super().check()
        self._require("kappa", self.kappa is None or 0 < self.kappa < math.inf, "a number above 0, or none")

    def values(self, task: Task) -> dict[str, Any]:
        """Return the arguments that a task completes."""
        usual = _KAPPA_EXACT if task.exact else _KAPPA
        return {**super().values(task), "kappa": usual if self.kappa is None else self.kappa}

    def choose(self, worth: np.ndarray, chance: np.random.Generator, values: Values) -> int:
        """Draw one with probability proportional to exp(-(V(s'_i) - mean V) / kappa)."""
        import numpy as np

        # Whatever is subtracted from all drops out; the least keeps the exponential finite.
        weights = np.exp((worth.min() - worth) / values["kappa"])
        return int(chance.choice(len(worth), p=weights / weights.sum()))
