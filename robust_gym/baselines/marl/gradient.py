"""Policy gradients for teams as an algorithm: the arguments that IPPO and MAPPO share.

A subclass says what its critic sees. This module imports torch only inside its methods.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from robust_gym.baselines.base import YOUNGER
from robust_gym.baselines.marl.arguments import TeamArguments
from robust_gym.task import Budget, Task

if TYPE_CHECKING:
    import torch

    from robust_gym.baselines.base import Progress
    from robust_gym.baselines.checkpoints import Checkpoints
    from robust_gym.baselines.marl.actor_policy import ActorPolicy
    from robust_gym.baselines.marl.actors import Actors
    from robust_gym.baselines.marl.copies import Copies
    from robust_gym.baselines.marl.critics import OwnCritic, StateCritic
    from robust_gym.baselines.marl.team import Team


@dataclass
class PolicyGradient(TeamArguments):
    """Arguments of IPPO and MAPPO; defaults are MAPPO's for MPE (arXiv 2103.01955) unless a field says otherwise.

    Its agents are fed forward: they remember nothing, where those of the paper may be recurrent too. All are rewarded
    with the sum of their rewards.

    Attributes:
        sharing: Whether agents share one network, which is told whose turn it is: ``shared``, ``separate``, or
            ``auto``, shared if their spaces are the same, as the paper does.
        hidden: Units in each of the two hidden layers of actors and critic.
        n_envs: Episodes that are collected at once, in copies of the training environments. The paper has 128.
        rollout: Steps in each copy between updates, at least; a run's steps are shared out equally between its
            updates. The paper has an episode of 25 in each of 128 copies; budgets here are smaller.
        epochs: Times that each rollout is gone through.
        minibatches: Parts that it is gone through in. The paper has 1; 2 serve short runs.
        gamma: Discount factor, 0 to 1.
        gae_lambda: Weight of longer returns in the advantages, 0 to 1.
        clip: How far from 1 a probability ratio is rewarded, and how far a value may move in an update.
        entropy: Weight of the entropy bonus.
        learning_rate: Adam's, for the actors. The paper's is 7e-4; the larger one serves short runs.
        critic_learning_rate: Adam's, for the critic, likewise.
        max_grad_norm: Norm to which the gradients of actors and of critic are clipped; 0 for no clipping.
        initial_std: First standard deviation of Box actions, in units of half the space.
        action_masks: Whether agents draw only such actions as are possible, where the task tells them which
            (``infos[agent]["action_mask"]``, in StarCraft-like games), as the paper does.
        normalise_observations: Whether networks see observations, and states, with zero mean and unit variance, by
            moments that follow training and are saved with the policy. The paper normalises each input by itself.
        train_disruption: Disruption of the training episodes (domain randomisation). Several, with ``|`` between
            them, make a distribution: each episode draws one.
    """

    sharing: str = "auto"
    hidden: int = 64
    n_envs: int = 8
    rollout: int = 25
    epochs: int = 10
    minibatches: int = 2
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip: float = 0.2
    entropy: float = 0.01
    learning_rate: float = 1e-3
    critic_learning_rate: float = 1e-3
    max_grad_norm: float = 10.0
    initial_std: float = 1.0
    action_masks: bool = field(default=True, metadata=YOUNGER)
    normalise_observations: bool = True
    train_disruption: str = "none"

    needs_state: ClassVar[bool]
    """Whether the critic sees the state."""

    def make_critic(self, team: Team, generator: torch.Generator) -> OwnCritic | StateCritic:
        """Return a new critic."""
        from robust_gym.baselines.marl.critics import OwnCritic, StateCritic

        if self.needs_state:
            return StateCritic(team, self.hidden, generator)
        return OwnCritic(team, self.shares(team), self.hidden, generator)

    def shares(self, team: Team) -> bool:
        """Return whether the agents of a team share their network.

        Raises:
            ValueError: If they are to, but their spaces differ.
        """
        if self.sharing == "shared" and not team.alike:
            raise ValueError(
                f"{self.algorithm}: sharing must be separate or auto where agents' spaces differ, got 'shared'"
            )
        return team.alike and self.sharing != "separate"

    def train(
        self, task: Task, budget: Budget, seed: int, progress: Progress, checkpoints: Checkpoints | None = None
    ) -> ActorPolicy:
        """Train on a task; the run depends on the arguments, the budget's steps and the seed alone.

        Steps that would not be one more in every copy are left unused.

        Checkpoints are taken between updates, when all copies are about to begin an episode, and a run that goes on
        from one ends in the same bits. Where episodes hardly ever end with a rollout, one is taken all the same when it
        is overdue; a run that goes on from it begins new episodes, and ends in others.

        Raises:
            ValueError: If an argument is out of bounds, or the agents' spaces are not what it can learn.
            DisruptionError: If the task cannot honour the training disruption.
        """
        from robust_gym.baselines.base import one_thread
        from robust_gym.baselines.marl.actor_policy import ActorPolicy
        from robust_gym.baselines.marl.copies import make_copies

        count = min(self.n_envs, budget.steps)
        copies = make_copies(task, self.distribution, count, box=True, states=self.needs_state, masks=self.action_masks)
        with contextlib.closing(copies), one_thread():
            return ActorPolicy(self._learn(copies, budget.steps, seed, progress, checkpoints), self.algorithm, task)

    def _learn(
        self, copies: Copies, steps: int, seed: int, progress: Progress, checkpoints: Checkpoints | None
    ) -> Actors:
        import numpy as np
        import torch

        from robust_gym.baselines.marl.actors import Actors
        from robust_gym.baselines.marl.rollout import Runner
        from robust_gym.baselines.marl.surrogate import Surrogate

        episodes, *others = np.random.SeedSequence(seed).spawn(4)
        weights, actions, batches = (
            torch.Generator().manual_seed(int(one.generate_state(1, np.uint64)[0] >> 1)) for one in others
        )
        actors = Actors(copies.team, self.shares(copies.team), self.hidden, weights, self.initial_std)
        critic = self.make_critic(copies.team, weights)
        normalise = self.normalise_observations
        runner = Runner(copies, actors, critic, np.random.default_rng(episodes), actions, normalise=normalise)
        learner = Surrogate(actors, critic, self, batches)
        updates = shared_out(steps // copies.count, self.rollout)
        done = 0
        last = None if checkpoints is None else checkpoints.last
        if last is not None:
            done = last["updates"]
            runner.restore(last["runner"])
            learner.restore(last["learner"])
            progress(runner.steps)
        for number, rounds in enumerate(updates[done:], done + 1):
            learner.update(runner.collect(rounds))
            progress(runner.steps)
            if checkpoints is None or number == len(updates) or not checkpoints.due():
                continue
            if runner.between_episodes or checkpoints.overdue():
                kept = {"updates": number, "runner": runner.snapshot(), "learner": learner.snapshot()}
                checkpoints.save(runner.steps, kept)
        return actors

    @staticmethod
    def load(directory: Path, task: Task) -> ActorPolicy:
        """Load a saved team.

        Raises:
            FileNotFoundError: If the directory holds no policy.
            ValueError: If it is damaged, or not a team's.
        """
        from robust_gym.baselines.marl.actor_policy import ActorPolicy

        return ActorPolicy.load(directory, task)

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        self._require("sharing", self.sharing in ("auto", "shared", "separate"), "auto, shared or separate")
        for name in ("hidden", "n_envs", "rollout", "epochs", "minibatches"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("gamma", "gae_lambda"):
            self._require(name, 0 <= getattr(self, name) <= 1, "between 0 and 1")
        for name in ("entropy", "max_grad_norm"):
            self._require(name, getattr(self, name) >= 0, "at least 0")
        for name in ("clip", "learning_rate", "critic_learning_rate", "initial_std"):
            self._require(name, getattr(self, name) > 0, "greater than 0")


def shared_out(rounds: int, least: int) -> list[int]:
    """Share rounds of steps out equally between as many updates as have at least so many each."""
    updates = max(1, rounds // least)
    return [rounds // updates + (number < rounds % updates) for number in range(updates)]
