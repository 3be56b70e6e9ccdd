"""Robust value iteration: planning with the nominal model, against the worst of a set around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from robust_gym.baselines.games.saved import SavesTable, register_tabular_algorithm
from robust_gym.task import Budget, Task

if TYPE_CHECKING:
    from robust_gym.baselines.base import Progress
    from robust_gym.baselines.games.table_policy import TablePolicy


@register_tabular_algorithm(
    "robust-vi",
    about="Robust value iteration: plans with the known nominal model against the worst of a set around it.",
    privileges=("model",),
    compare=("q-learning",),
    paper=(
        "Iyengar, Robust Dynamic Programming, Mathematics of Operations Research 30, 2005; Nilim & El Ghaoui, Robust "
        "Control of Markov Decision Processes with Uncertain Transition Matrices, Operations Research 53, 2005"
    ),
)
@dataclass
class RobustVI(SavesTable):
    """Robust value iteration on the exact nominal model, which no other method here is shown.

    Each state and action has a set U(s, a) of next-state distributions around the nominal one, and the world may pick
    the worst anew each time: V(s) = max_a min { q (r(s, a, .) + gamma V) : q in U(s, a) }, iterated to its fixed
    point. It takes no environment step and ignores budget and seed; with ``radius=0`` it is the nominal optimum
    of any set. ``baselines/games/risk.py`` lists the sets.

    Attributes:
        risk: Name of the set: ``expectation``, ``contamination``, ``tv``, ``kl``, ``chi2``, ``wasserstein`` (between
            state numbers), ``l1``, ``l2``, ``l1.5`` and the like, ``linf``, ``cvar``, or the penalty ``entropic``.
        radius: Size of the set, in its own units; 0 is the nominal model.
        gamma: Discount factor; ``None`` for the model's own, and for 1 where ``finite_horizon`` is true.
        finite_horizon: Plan for exactly the steps of the task's episode, with a table for each step, rather than for
            episodes without a limit; ``None`` does so where the model's own discount factor is 1.
    """

    risk: str = "tv"
    radius: float = 0.1
    gamma: float | None = None
    finite_horizon: bool | None = None

    def train(self, task: Task, budget: Budget, seed: int, progress: Progress) -> TablePolicy:
        """Plan; takes no environment step.

        Raises:
            ValueError: If the task has no exact model, there is no such set, or a number is out of range.
        """
        from robust_gym.baselines.games.planning import robust_backward_induction, robust_value_iteration
        from robust_gym.baselines.games.risk import risk
        from robust_gym.baselines.games.table_policy import TablePolicy

        if not task.exact:
            raise ValueError(f"robust-vi plans with an exact model, and {task.id} has none")
        measure, model = risk(self.risk, self.radius), task.model()
        finite = model.discount == 1.0 if self.finite_horizon is None else self.finite_horizon
        if finite:
            discount = 1.0 if self.gamma is None else self.gamma
            values = robust_backward_induction(model, measure, task.horizon, discount)
        else:
            values = robust_value_iteration(model, measure, self.gamma)
        progress(0)
        return TablePolicy(values.q.argmax(axis=-1), "robust-vi", task)
