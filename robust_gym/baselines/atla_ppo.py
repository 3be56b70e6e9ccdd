"""ATLA-PPO: a protagonist learns against an adversary that moves what it sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.single.alternating import Alternating
from robust_gym.baselines.single.radii import radius
from robust_gym.task import Task

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

    from robust_gym.baselines.single.alternating_play import Meddling
    from robust_gym.baselines.single.standard import Values

_RATES = {
    "Robust-Hopper-v0": (3e-3, 3e-5),
    "Robust-Walker2d-v0": (1e-3, 1e-4),
    "Robust-HalfCheetah-v0": (3e-3, 3e-4),
    "Robust-Ant-v0": (3e-5, 1e-5),
}
_USUAL = (3e-3, 3e-4)
"""Step sizes of the adversary's policy and of its critic, the authors' by task."""


@register_single_algorithm(
    "atla-ppo",
    about="Alternating training with learned adversaries: PPO in turns with an adversary that moves observations.",
    observations=("box",),
    honours=("observation:adversary",),
    train="disrupted",
    compare=("ppo",),
    paper=(
        "Zhang et al., Robust Reinforcement Learning on State Observations with Learned Optimal Adversary, ICLR 2021 "
        "(arXiv 2101.08452)"
    ),
)
@dataclass
class ATLAPPO(Alternating):
    """In a state-adversarial MDP, the agent acts a ~ pi(s + eps clip(u, -1, 1)) where the adversary chose u ~ nu(s).

    With the agent fixed, the best adversary is the best policy of an MDP whose action is the perturbation and whose
    reward is minus the agent's (section 3.2). So both are learnt in turns, each by PPO with the other one fixed: the
    agent from what it saw, the adversary from the true observations (section 3.4). The radius eps is in the units of
    normalised observations where PPO normalises them (as it does for MuJoCo, and as in the paper), else in those of
    the disruption ``obs:adversary``: standard deviations of each dimension.

    Steps of both count against the budget. Only the agent's policy is kept. The adversary's step sizes fall to 0 over
    the training, as the authors' do.

    Attributes:
        eps: Radius of the ball about the true observation, in the largest norm; by default the paper's on Hopper
            (0.075), Walker2d (0.05), HalfCheetah and Ant (0.15), and 0.1 elsewhere.
        warmup: Share of the training over which the radius rises from 0, linearly; ours.
        adversary_learning_rate: Step size of the adversary's policy; by default the authors' on Hopper and HalfCheetah
            (3e-3), Walker2d (1e-3) and Ant (3e-5), and 3e-3 elsewhere.
        adversary_critic_rate: Step size of the adversary's critic; by default the authors' on Hopper (3e-5),
            HalfCheetah (3e-4), Walker2d (1e-4) and Ant (1e-5), and 3e-4 elsewhere.
        protagonist_turn: Rollouts that the agent learns from in its turn; 1 in the paper.
        adversary_turn: Rollouts that the adversary then learns from; 1 in the paper.
    """

    eps: float | None = None
    warmup: float = 0.3
    adversary_critic_rate: float | None = None

    algorithm: ClassVar[str] = "atla-ppo"

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: If the radius is negative, the warm-up is no share, or a turn is empty.
        """
        super().check()
        self._require("eps", self.eps is None or self.eps >= 0, "a radius, 0 or more")
        self._require("warmup", 0 <= self.warmup <= 1, "a share of the training, 0 to 1")
        for name in ("adversary_learning_rate", "adversary_critic_rate"):
            rate = getattr(self, name)
            self._require(name, rate is None or rate > 0, "above 0, or none")

    def rates(self, task: Task) -> tuple[float, float]:
        """Return the step sizes of the adversary's policy and critic."""
        policy, critic = _RATES.get(task.id, _USUAL)
        if self.adversary_learning_rate is not None:
            policy = self.adversary_learning_rate
        return policy, critic if self.adversary_critic_rate is None else self.adversary_critic_rate

    def meddling(self, task: Task, envs: VecEnv, values: Values) -> Meddling:
        """Return how far the adversary may move what the agent sees."""
        from robust_gym.baselines.single.alternating_play import Perturbation

        return Perturbation(envs, task, radius(task.id, self.eps, 0.1), self.warmup)
