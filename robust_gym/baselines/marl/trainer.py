"""The training loop of value factorisation: collect, update now and then, copy the targets now and then."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from robust_gym.baselines.marl.collector import Collector
from robust_gym.baselines.marl.learner import Learner
from robust_gym.baselines.marl.networks import AgentNetworks
from robust_gym.baselines.marl.optimiser import make_optimiser
from robust_gym.baselines.marl.replay import Replay
from robust_gym.baselines.marl.team import Team

if TYPE_CHECKING:
    from robust_gym.baselines.base import Progress
    from robust_gym.baselines.marl.factorisation import ValueFactorisation

_PROGRESS_EVERY = 100


class Trainer:
    """One training run.

    Args:
        algorithm: The arguments, and which mixer and backup.
        envs: Parallel environments of the same team, from which each episode draws one.
        steps: Environment steps of the whole run.
        seed: Everything random follows from it.

    Attributes:
        networks: The agents' networks.
        collector: Takes the steps.
        learner: Fits the networks.
    """

    def __init__(self, algorithm: ValueFactorisation, envs: Sequence[Any], steps: int, seed: int) -> None:
        self.algorithm = algorithm
        self.steps = steps
        streams = np.random.SeedSequence(seed).spawn(4)
        episodes, exploration, sampling, weights = (np.random.default_rng(stream) for stream in streams)
        generator = torch.Generator().manual_seed(int(weights.integers(2**63)))
        self.team = Team.of(envs[0])
        self.networks = AgentNetworks(self.team, algorithm.network, algorithm.hidden, algorithm.history, generator)
        mixer = algorithm.make_mixer(self.team, generator)
        backup = algorithm.make_backup(self.team, generator)
        keep_states = mixer.needs_state or backup.needs_state
        self.replay = Replay(self.team, algorithm.replay_size, self.networks.history, keep_states=keep_states)
        self.collector = Collector(envs, self.team, self.replay, episodes, exploration, keep_states=keep_states)
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

    def run(self, progress: Progress) -> None:
        """Train from the first step to the last."""
        algorithm, collector, learner = self.algorithm, self.collector, self.learner
        warm_up = min(self.steps, max(algorithm.batch_size, math.ceil(algorithm.learning_starts * self.steps)))
        copy_every = max(1, self.steps // (algorithm.target_updates + 1))
        while collector.steps < self.steps:
            if collector.steps < warm_up:
                collector.step(1.0, learner.greedy)
                if collector.steps == warm_up:
                    self._follow()
                    learner.copy_targets()
            else:
                collector.step(self.epsilon(collector.steps), learner.greedy)
                if collector.steps % algorithm.update_every == 0:
                    self._follow()
                    learner.update(algorithm.updates)
                if collector.steps % copy_every == 0:
                    learner.copy_targets()
            if collector.steps % _PROGRESS_EVERY == 0 or collector.steps == self.steps:
                progress(collector.steps)

    def epsilon(self, step: int) -> float:
        """Return the probability of exploration at a step: linear from start to end, then constant."""
        algorithm = self.algorithm
        done = min(1.0, step / max(1.0, algorithm.exploration_fraction * self.steps))
        return algorithm.epsilon_start + done * (algorithm.epsilon_end - algorithm.epsilon_start)

    def _follow(self) -> None:
        """Let the networks' normalisers follow what has been seen."""
        if self.algorithm.normalise_observations:
            self.learner.follow(self.collector.observations, self.collector.states)
