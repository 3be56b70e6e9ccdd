"""The training loop of value factorisation: collect, update now and then, copy the targets now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from robust_gym.baselines.marl.collector import Collector
from robust_gym.baselines.marl.copies import Copies
from robust_gym.baselines.marl.learner import Learner
from robust_gym.baselines.marl.networks import AgentNetworks
from robust_gym.baselines.marl.optimiser import make_optimiser
from robust_gym.baselines.marl.replay import Replay

if TYPE_CHECKING:
    from robust_gym.baselines.base import Progress
    from robust_gym.baselines.checkpoints import Checkpoints, Snapshot
    from robust_gym.baselines.marl.factorisation import ValueFactorisation

_PROGRESS_EVERY = 100


class Trainer:
    """One training run.

    Args:
        algorithm: The arguments, and which mixer and backup.
        copies: The training environments, from which each episode draws one.
        steps: Environment steps of the whole run.
        seed: Everything random follows from it.

    Attributes:
        networks: The agents' networks.
        collector: Takes the steps.
        learner: Fits the networks.
    """

    def __init__(self, algorithm: ValueFactorisation, copies: Copies, steps: int, seed: int) -> None:
        self.algorithm = algorithm
        self.steps = steps
        streams = np.random.SeedSequence(seed).spawn(4)
        episodes, exploration, sampling, weights = (np.random.default_rng(stream) for stream in streams)
        generator = torch.Generator().manual_seed(int(weights.integers(2**63)))
        team = copies.team
        self.networks = AgentNetworks(team, algorithm.network, algorithm.hidden, algorithm.history, generator)
        mixer = algorithm.make_mixer(team, generator)
        backup = algorithm.make_backup(team, generator)
        keep_states = mixer.needs_state or backup.needs_state
        self.replay = Replay(
            team,
            algorithm.replay_size,
            self.networks.history,
            keep_states=keep_states,
            copies=copies.count,
            keep_groups=backup.needs_groups,
        )
        self.collector = Collector(copies, self.replay, episodes, exploration, keep_states=keep_states)
        parameters = [*self.networks.parameters(), *mixer.parameters()]
        self.learner = Learner(
            self.networks,
            mixer,
            backup,
            self.replay,
            optimiser=make_optimiser(algorithm.optimiser, parameters, algorithm.learning_rate),
            max_grad_norm=algorithm.max_grad_norm,
            batch_size=algorithm.batch_size,
            reward_scale=algorithm.reward_scale,
            rng=sampling,
        )

    def run(self, progress: Progress, checkpoints: Checkpoints | None = None) -> None:
        """Train from the first step, or from the last checkpoint, to the last step."""
        if checkpoints is not None and (last := checkpoints.last) is not None:
            self.restore(last)
            progress(self.collector.steps)
        algorithm, collector, learner = self.algorithm, self.collector, self.learner
        warm_up = min(self.steps, algorithm.first_update(self.steps))
        copy_every = max(1, self.steps // (algorithm.target_updates + 1))
        while (before := collector.steps) < self.steps:
            epsilon = 1.0 if before < warm_up else self.epsilon(before)
            collector.step(epsilon, learner.greedy, self.steps - before)
            done = collector.steps
            if before < warm_up <= done:
                self._follow()
                learner.begin()
            learning = max(before, warm_up)
            due = done // algorithm.update_every - learning // algorithm.update_every
            if due > 0:
                self._follow()
            for _ in range(due):
                learner.update(algorithm.updates)
            if done // copy_every > learning // copy_every:
                learner.copy_targets()
            if done // _PROGRESS_EVERY > before // _PROGRESS_EVERY or done == self.steps:
                progress(done)
            if checkpoints is not None and done < self.steps:
                self._leave(checkpoints)

    def _leave(self, checkpoints: Checkpoints) -> None:
        """Leave a checkpoint where one is due, and wait a while for a moment between episodes."""
        if checkpoints.due() and (self.collector.between_episodes or checkpoints.overdue()):
            checkpoints.save(self.collector.steps, self.snapshot())

    def snapshot(self) -> Snapshot:
        """Return what a checkpoint keeps: between episodes, everything."""
        return {
            "replay": self.replay.snapshot(),
            "collector": self.collector.snapshot(),
            "learner": self.learner.snapshot(),
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint."""
        self.replay.restore(snapshot["replay"])
        self.collector.restore(snapshot["collector"])
        self.learner.restore(snapshot["learner"])

    def epsilon(self, step: int) -> float:
        """Return the probability of exploration at a step: linear from start to end, then constant."""
        algorithm = self.algorithm
        done = min(1.0, step / max(1.0, algorithm.exploration_fraction * self.steps))
        return algorithm.epsilon_start + done * (algorithm.epsilon_end - algorithm.epsilon_start)

    def _follow(self) -> None:
        """Let the networks' normalisers follow what has been seen."""
        if self.algorithm.normalise_observations:
            self.learner.follow(self.collector.observations, self.collector.states)
