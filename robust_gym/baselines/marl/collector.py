"""Experience: steps of a team in its training environments, written to the replay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from robust_gym.baselines.base import training_seed
from robust_gym.baselines.marl.normaliser import RunningMoments
from robust_gym.baselines.marl.replay import Replay
from robust_gym.baselines.marl.team import Array, Team

Greedy = Callable[[int], Array]
"""From a slot of the replay to the greedy actions there, ``[A]``."""


class Collector:
    """Steps environments one at a time; each episode takes place in one of them, drawn at random.

    Exploration is joint, as in the paper: one draw decides whether all agents act at random.

    Args:
        envs: Parallel environments of the same team: the training distribution.
        team: Its agents.
        replay: Where transitions go.
        episodes: Draws environments and their seeds.
        exploration: Draws the coin and the random actions.
        keep_states: Whether states are stored.

    Attributes:
        steps: Environment steps so far.
        observations: Moments of each agent's observations, ``[A, D]``.
        states: Moments of the state, ``[S]``.
    """

    def __init__(
        self,
        envs: Sequence[Any],
        team: Team,
        replay: Replay,
        episodes: np.random.Generator,
        exploration: np.random.Generator,
        *,
        keep_states: bool,
    ) -> None:
        self._envs = envs
        self._team = team
        self._replay = replay
        self._episodes = episodes
        self._exploration = exploration
        self._keep_states = keep_states
        self._env: Any = None
        self._slot = 0
        self.steps = 0
        self.observations = RunningMoments((team.size, team.width))
        self.states = RunningMoments((team.state,))

    def step(self, epsilon: float, greedy: Greedy) -> None:
        """Take one step, and start a new episode first where there is none.

        Args:
            epsilon: Probability that all agents act at random.
            greedy: Chooses their actions otherwise.
        """
        if self._env is None:
            self._reset()
        team = self._team
        if self._exploration.random() < epsilon:
            actions = self._exploration.integers(team.actions)
        else:
            actions = greedy(self._slot)
        playing = self._env.agents
        chosen = {
            agent: action for agent, action in zip(team.agents, actions.tolist(), strict=True) if agent in playing
        }
        seen, rewards, terminations, _, _ = self._env.step(chosen)
        reward = float(sum(rewards.values()))
        over = not self._env.agents
        rows = team.stack(seen)
        state = self._look(rows)
        # Of agents that end at different times, those still playing at the last step decide.
        terminated = over and all(terminations.values())
        self._slot = self._replay.add(self._slot, actions, reward, terminated, rows, state)
        self.steps += 1
        if over:
            self._env = None

    def _reset(self) -> None:
        which = int(self._episodes.integers(len(self._envs))) if len(self._envs) > 1 else 0
        self._env = self._envs[which]
        seen, _ = self._env.reset(seed=training_seed(self._episodes))
        rows = self._team.stack(seen)
        self._slot = self._replay.begin(rows, self._look(rows))

    def _look(self, rows: Array) -> Array | None:
        self.observations.add(rows)
        if not self._keep_states:
            return None
        state = self._team.state_of(self._env, rows)
        self.states.add(state)
        return state
