"""Value factorisation as an algorithm: the arguments that all of its compositions share.

A composition is mixer x backup x training distribution. A subclass takes its mixer and its backup from
``compositions.py``, where they differ from VDN and the standard backup; the training distribution is the argument
``train_disruption``. This module imports torch only inside its methods.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from robust_gym.baselines.base import YOUNGER
from robust_gym.baselines.marl.arguments import FAST, PAPER, Settings, TeamArguments
from robust_gym.task import Budget, Task

if TYPE_CHECKING:
    import torch

    from robust_gym.baselines.base import Progress
    from robust_gym.baselines.checkpoints import Checkpoints
    from robust_gym.baselines.marl.backups import Backup
    from robust_gym.baselines.marl.mixers import Mixer
    from robust_gym.baselines.marl.policy import TeamPolicy
    from robust_gym.baselines.marl.team import Team


@dataclass
class ValueFactorisation(TeamArguments):
    """Arguments of value factorisation; defaults are those of arXiv 2602.11437 unless a field says otherwise.

    What the paper counts in steps of its 172,800-step runs is a share of the budget here, so that one set of
    arguments serves every budget.

    Attributes:
        network: Agents' network: ``lstm``, the paper's, or ``mlp``, which remembers only the last action. An update
            of ``mlp`` takes far less time.
        hidden: Units in each hidden layer.
        history: Steps in the window that ``lstm`` reads.
        gamma: Discount factor, 0 to 1.
        optimiser: ``rmsprop`` or ``adam``.
        learning_rate: Its step size. The paper's is 5e-4; the larger one serves short runs.
        max_grad_norm: Norm to which gradients are clipped; 0 for no clipping.
        batch_size: Transitions in an update.
        replay_size: Transitions kept, with one more slot for each episode.
        update_every: Environment steps between updates.
        updates: Updates each time.
        target_updates: How often a run copies the target networks, at equal distances, beside a last time at its end.
        learning_starts: Share of the budget, all of it random, before the first update.
        epsilon_start: Probability that all agents explore, before it decays; until ``learning_starts`` they always do.
        epsilon_end: The same, when exploration has decayed.
        exploration_fraction: Share of the budget over which it decays, linearly.
        normalise_observations: Whether networks see observations with zero mean and unit variance, by moments
            that follow training and are saved with the policy. The paper feeds raw numbers.
        reward_scale: Number that training rewards are divided by; 0 for the root mean square of the team's rewards
            in the steps before the first update.
        action_masks: Whether agents take, and targets count, only such actions as are possible, where the task tells
            which (``infos[agent]["action_mask"]``, in StarCraft-like games), as PyMARL does.
        train_disruption: Disruption of the training episodes (domain randomisation). Several, with ``|`` between
            them, make a distribution: each episode draws one.
        n_envs: Episodes that are collected at once, in copies of the training environments. Each has an equal share
            of the replay, and one forward chooses the actions of all. There are as many updates to an environment
            step as with one copy, those of a round of steps after it.
    """

    network: str = "mlp"
    hidden: int = 64
    history: int = 8
    gamma: float = 0.997
    optimiser: str = "rmsprop"
    learning_rate: float = 1e-3
    max_grad_norm: float = 0.0
    batch_size: int = 64
    replay_size: int = 10_000
    update_every: int = 2
    updates: int = 1
    target_updates: int = 6
    learning_starts: float = 0.02
    epsilon_start: float = 1.0
    epsilon_end: float = 0.01
    exploration_fraction: float = 0.7
    normalise_observations: bool = True
    reward_scale: float = 1.0
    action_masks: bool = field(default=True, metadata=YOUNGER)
    train_disruption: str = "none"
    n_envs: int = field(default=1, metadata=YOUNGER)

    settings: ClassVar[Settings] = {"fast": FAST, "paper": PAPER}
    """``paper``: networks, observations and step sizes of arXiv 2602.11437's code; ``fast``: the default's. Both
    collect from eight copies."""

    joint_features: ClassVar[bool] = False
    """Whether the joint value reads the agents' last hidden layers; a dual network of it then reads them too."""

    def make_mixer(self, team: Team, generator: torch.Generator) -> Mixer:
        """Return a new mixer, whose own networks, if any, take their weights from the generator."""
        from robust_gym.baselines.marl.mixers import VDN

        return VDN()

    def make_backup(self, team: Team, generator: torch.Generator) -> Backup:
        """Return a new backup, whose own networks, if any, take their weights from the generator."""
        from robust_gym.baselines.marl.backups import Backup

        return Backup(self.gamma)

    @property
    def warm_up(self) -> float:
        """Share of the budget before the first update."""
        return self.learning_starts

    def first_update(self, steps: int) -> int:
        """Return after how many of a run's steps there may be a first update: those until then are random."""
        return max(self.batch_size, math.ceil(self.warm_up * steps))

    def train(
        self, task: Task, budget: Budget, seed: int, progress: Progress, checkpoints: Checkpoints | None = None
    ) -> TeamPolicy:
        """Train on a task; the run depends on the arguments, the budget's steps and the seed alone.

        Checkpoints are taken when all copies are about to begin an episode, and a run that goes on from one ends in the
        same bits. Where episodes of different lengths in several copies hardly ever end together, one is taken all
        the same when it is overdue; a run that goes on from it begins new episodes, and ends in others.

        Raises:
            ValueError: If an argument is out of bounds, the budget ends before the first update, or the task's agents
                have no Discrete actions.
            DisruptionError: If the task cannot honour the training disruption.
        """
        from robust_gym.baselines.base import one_thread
        from robust_gym.baselines.marl.copies import make_copies
        from robust_gym.baselines.marl.policy import TeamPolicy
        from robust_gym.baselines.marl.trainer import Trainer

        first = self.first_update(budget.steps)
        if budget.steps // self.update_every <= first // self.update_every:
            raise ValueError(
                f"{self.algorithm} would learn nothing in {budget.steps} steps: its first update comes after {first} "
                f"(batch_size={self.batch_size}, {self.warm_up:g} of the steps), and from there one every "
                f"{self.update_every} (update_every)"
            )
        copies = make_copies(task, self.distribution, self.n_envs, box=False, states=True, masks=self.action_masks)
        with contextlib.closing(copies), one_thread():
            trainer = Trainer(self, copies, budget.steps, seed)
            trainer.run(progress, checkpoints)
        return TeamPolicy(trainer.networks, self.algorithm, task)

    @staticmethod
    def load(directory: Path, task: Task) -> TeamPolicy:
        """Load a saved team.

        Raises:
            FileNotFoundError: If the directory holds no policy.
            ValueError: If it is damaged, or not a team's.
        """
        from robust_gym.baselines.marl.policy import TeamPolicy

        return TeamPolicy.load(directory, task)

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        self._require("network", self.network in ("lstm", "mlp"), "lstm or mlp")
        self._require("optimiser", self.optimiser in ("rmsprop", "adam"), "rmsprop or adam")
        for name in ("hidden", "history", "batch_size", "replay_size", "update_every", "updates", "n_envs"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("gamma", "epsilon_start", "epsilon_end", "exploration_fraction", "learning_starts"):
            self._require(name, 0 <= getattr(self, name) <= 1, "between 0 and 1")
        for name in ("max_grad_norm", "target_updates", "reward_scale"):
            self._require(name, 0 <= getattr(self, name) < math.inf, "a finite number of at least 0")
        self._require("learning_rate", 0 < self.learning_rate < math.inf, "a finite number greater than 0")
