"""Methods around PPO that train a protagonist and an adversary in turns, both in the same training environments.

The protagonist is the model that Stable-Baselines3 trains; between its rollouts the adversary, a PPO of its own,
collects others for minus the reward. Every environment step counts against the budget, whoever learns from it. This
module imports torch only inside its methods; what it trains by is in ``alternating_play.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from robust_gym.baselines.single.methods import PPOMethod
from robust_gym.baselines.single.standard import Values
from robust_gym.task import Task

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

    from robust_gym.baselines.single.alternating_play import Meddling
    from robust_gym.baselines.single.learners import Part


@dataclass
class Alternating(PPOMethod):
    """PPO against an adversary that learns by PPO too: turn by turn, one learns and the other acts as it does now.

    Both sample their actions, and both see and update the same running moments. An episode goes on from one turn to
    the next.

    Attributes:
        adversary_learning_rate: Step size of the adversary's optimiser; the protagonist's by default.
        protagonist_turn: Rollouts that the protagonist learns from in its turn.
        adversary_turn: Rollouts that the adversary then learns from, of the same length.
    """

    adversary_learning_rate: float | None = None
    protagonist_turn: int = 1
    adversary_turn: int = 1

    def rates(self, task: Task) -> tuple[float, float] | None:
        """Return the step sizes of the adversary's policy and critic, which then fall to 0 over the training.

        ``None``: both are ``adversary_learning_rate``, and fall where the protagonist's falls.
        """
        return None

    def meddling(self, task: Task, envs: VecEnv, values: Values) -> Meddling:
        """Return what the adversary may do."""
        raise NotImplementedError

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: If a turn has no rollout.
        """
        super().check()
        for name in ("protagonist_turn", "adversary_turn"):
            self._require(name, getattr(self, name) >= 1, "a number of rollouts, 1 or more")

    def learns(self, rollout: int) -> bool:
        """Return whether the protagonist, and not the adversary, learns from a rollout of the run; the first is 0."""
        return rollout % (self.protagonist_turn + self.adversary_turn) < self.protagonist_turn

    def kind(self) -> Any:
        """Return the class of the model."""
        from robust_gym.baselines.single.alternating_play import AlternatingPPO

        return AlternatingPPO

    def model(self, task: Task, envs: VecEnv, values: Values, seed: int) -> Any:
        """Make the protagonist, and the adversary with it."""
        from robust_gym.baselines.single.alternating_play import Game, Protagonist

        game = Game(envs, self.meddling(task, envs, values), self.rates(task))
        return super().model(task, Protagonist(game), values, seed)

    def parts(self, model: Any) -> Mapping[str, Part]:
        """Make the adversary: PPO with the protagonist's arguments, except for its learning rate."""
        from robust_gym.baselines.single import sb3
        from robust_gym.baselines.single.alternating_play import Adversary

        rate, critic = model.learning_rate, 1.0
        if model.env.game.rates is not None:
            policy, value = model.env.game.rates
            rate, critic = sb3.schedule(policy, decay=True), value / policy
        elif self.adversary_learning_rate is not None:
            rate = sb3.schedule(self.adversary_learning_rate, callable(rate))
        exploration = ("use_sde", "sde_sample_freq")
        names = (*self.passed, *exploration, "clip_range", "policy_kwargs", "device")
        shared = {name: getattr(model, name) for name in names}
        adversary = model.env.game.adversary = Adversary(model.env.game, critic, learning_rate=rate, **shared)
        model.env.game.protagonist = model
        return {"adversary_policy": adversary.policy, "adversary_optimiser": adversary.policy.optimizer}
