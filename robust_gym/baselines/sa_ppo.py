"""SA-PPO: PPO whose policy is to answer alike to all observations in a ball."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.single.methods import PPOMethod
from robust_gym.baselines.single.radii import radius

if TYPE_CHECKING:
    from stable_baselines3.common.type_aliases import RolloutBufferSamples
    from stable_baselines3.common.vec_env import VecEnv
    from torch import Tensor

    from robust_gym.baselines.single.standard import Values
    from robust_gym.task import Task


@register_single_algorithm(
    "sa-ppo",
    about="PPO with a penalty on how far the policy moves when its observation does.",
    observations=("box", "dict"),
    compare=("ppo",),
    paper="Zhang, Chen, Xiao, Li, Liu, Boning & Hsieh, Robust Deep Reinforcement Learning against Adversarial "
    "Perturbations on State Observations, NeurIPS 2020 (arXiv 2003.08938)",
)
@dataclass
class SAPPO(PPOMethod):
    """State-adversarial PPO: no observation within a ball of the true one may change the policy much.

    The loss of PPO plus kappa * mean_s max_{s'} KL(pi(.|s) || pi(.|s')), the maximum over |s' - s| <= eps in the
    largest norm (equation 5; of normal actions the divergence is the squared distance of their means in units of the
    standard deviation, halved). The maximum is searched for by stochastic gradient Langevin dynamics (appendix C.2), or
    bounded by a convex relaxation, here interval bound propagation (the authors mix it with the tighter CROWN).
    Observations move in the units that the networks see: normalised where ``normalise`` is on, as it is by default in
    MuJoCo, else the task's own.

    Attributes:
        eps: Radius of the ball; by default the paper's on Hopper (0.075), Walker2d (0.05), HalfCheetah and Ant (0.15),
            and 0.075 elsewhere, which is also its radius on Humanoid.
        kappa: Weight of the penalty. The paper chooses among 0.003, 0.01, 0.03, 0.1, 0.3 and 1, and its code does not
            halve the distance: 0.2 is its 0.1.
        inner: How the maximum is taken: ``sgld``, a search, or ``ibp``, a bound. That is of how far means move; with
            ``use_sde`` the spread moves too.
        inner_steps: Gradient steps of the search; 10 is the paper's.
        eps_growth: Share of the run over which the radius grows linearly from 0; 0.75 is the authors'.
    """

    eps: float | None = None
    kappa: float = 0.2
    inner: str = "sgld"
    inner_steps: int = 10
    eps_growth: float = 0.75

    algorithm: ClassVar[str] = "sa-ppo"

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        super().check()
        self._require("eps", self.eps is None or 0 < self.eps < math.inf, "a number above 0, or none")
        self._require("kappa", 0 <= self.kappa < math.inf, "a number of at least 0")
        self._require("inner", self.inner in ("sgld", "ibp"), "'sgld' or 'ibp'")
        self._require("inner_steps", self.inner_steps >= 1, "at least 1")
        self._require("eps_growth", 0 <= self.eps_growth <= 1, "from 0 to 1")

    def model(self, task: Task, envs: VecEnv, values: Values, seed: int) -> Any:
        """Make the model that learns, which knows its task's radius."""
        model: Any = super().model(task, envs, values, seed)
        model.eps = radius(task.id, self.eps, 0.075)
        return model

    def radius(self, model: Any) -> float:
        """Return the radius at the present point of the run."""
        done = 1.0 - float(model._current_progress_remaining)
        eps: float = model.eps
        return eps if done >= self.eps_growth else eps * done / self.eps_growth

    def penalty(self, model: Any, batch: RolloutBufferSamples) -> Tensor | float:
        """Return kappa * mean_s max_{s'} KL(pi(.|s) || pi(.|s'))."""
        from robust_gym.baselines.single.perturbation import worst_divergence

        seen = batch.observations.float().flatten(1)
        worst = worst_divergence(model.policy, seen, self.radius(model), self.inner, self.inner_steps)
        return self.kappa * worst.mean()
