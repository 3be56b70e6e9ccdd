"""The grid of an evaluation, disruptions by episodes, on a batched simulator: every row runs its own cell."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from robust_gym.disruption import Disruption
from robust_gym.task import Task
from robust_gym.vector.mujoco import MujocoVectorEnv
from robust_gym.vector.slots import SLOTS, Episode
from robust_gym.wrappers.action import action_signal
from robust_gym.wrappers.base import Signal
from robust_gym.wrappers.observation import observation_signal
from robust_gym.wrappers.runner import Chain


class _Lane:
    """The signal disruptions of the episodes of one cell, episode by episode a copy of the chains."""

    def __init__(self, disruption: Disruption, episodes: int, action: Signal, observation: Signal) -> None:
        self.action = Chain(disruption.of("action"), dataclasses.replace(action, copies=episodes))
        self.observation = Chain(disruption.of("observation"), dataclasses.replace(observation, copies=episodes))
        self.rows = np.zeros(episodes, np.int64)  # where each episode runs; what a finished one reads is not used
        self.running = np.zeros(episodes, bool)
        for copy in range(episodes):  # those that have not begun yet step too, to no effect
            self._reset(copy, 0)

    def _reset(self, copy: int, seed: int) -> None:
        for chain in (self.action, self.observation):
            chain.reset(seed, copy)

    def begin(self, copy: int, row: int, seed: int) -> None:
        """Begin an episode in a row."""
        self.rows[copy], self.running[copy] = row, True
        self._reset(copy, seed)

    def act(self, actions: np.ndarray) -> None:
        """Disturb the actions of the running episodes."""
        if self.action:
            actions[self.rows[self.running]] = self.action.batch(actions[self.rows])[self.running]

    def see(self, observations: np.ndarray, rows: np.ndarray, first: bool) -> None:
        """Disturb the observations of some rows' episodes, the first of them or a later one."""
        own = self.running & rows[self.rows]
        if self.observation and own.any():
            given = observations[self.rows]
            found = self.observation.again(given, own) if first else self.observation.batch(given)
            observations[self.rows[own]] = found[own]


class MujocoGrid:
    """Runs the episodes of many disruptions on one batch of copies; the caller supplies the actions.

    The same episodes, to the bit, as ``EpisodeBatch`` runs in environments of their own.

    Args:
        task: A task with a batched simulator.
        jobs: Disruptions with their episode seeds.
        slots: Rows of every batch.

    Attributes:
        observation: ``[slots, dimensions]``.
        episode_start: Booleans ``[slots]``: rows whose episode has just begun.
    """

    def __init__(self, task: Task, jobs: Sequence[tuple[str, Sequence[int]]], slots: int = SLOTS) -> None:
        total = sum(len(seeds) for _, seeds in jobs)
        self._env = MujocoVectorEnv(task, min(slots, total), autoreset_mode=AutoresetMode.DISABLED)
        space: Any = self._env.single_action_space
        self._action = action_signal(space, task)
        self._observation = observation_signal(self._env.single_observation_space, task)
        self._dtype = space.dtype
        # One disruption after the other, so that few are under way at a time.
        self._waiting = deque((text, copy, seed) for text, seeds in jobs for copy, seed in enumerate(seeds))
        self._many = {text: len(seeds) for text, seeds in jobs}
        self._lanes: dict[str, _Lane] = {}
        self._episodes: list[Episode | None] = [None] * self._env.num_envs
        self._copy = np.zeros(self._env.num_envs, np.int64)
        self.episode_start = np.zeros(slots, bool)
        self.observation = np.zeros((slots, *(self._env.single_observation_space.shape or ())))
        self._refill(np.arange(self._env.num_envs))
        # Rows that never get an episode hold a real observation too: a policy may divide by what it sees.
        self.observation[self._env.num_envs :] = self.observation[0]

    @property
    def running(self) -> bool:
        """Whether any episode is still under way."""
        return any(episode is not None for episode in self._episodes)

    def _refill(self, rows: np.ndarray) -> None:
        """Give some rows the next episodes that wait, or let them rest."""
        fresh = np.zeros(self._env.num_envs, bool)
        seeds: list[int | None] = [None] * self._env.num_envs
        for row in map(int, rows):
            if not self._waiting:
                self._episodes[row] = None
                self._env.resting[row] = True
                continue
            text, copy, seed = self._waiting.popleft()
            parsed = Disruption.parse(text)
            if text not in self._lanes:
                self._lanes[text] = _Lane(parsed, self._many[text], self._action, self._observation)
            self._lanes[text].begin(copy, row, seed)
            self._env.disturb(row, Disruption(parsed.of("dynamics")))
            self._episodes[row], self._copy[row] = Episode(text, seed), copy
            fresh[row], seeds[row] = True, seed
        if fresh.any():
            seen, _ = self._env.reset(seed=seeds, options={"reset_mask": fresh})
            self._see(seen, fresh, first=True)
        self.episode_start[: len(fresh)] = fresh

    def _see(self, seen: np.ndarray, rows: np.ndarray, first: bool) -> None:
        """Put what some rows observe, disturbed, where the policy reads it."""
        for lane in self._lanes.values():
            lane.see(seen, rows, first)
        self.observation[np.flatnonzero(rows)] = seen[rows]

    def step(self, actions: Any) -> list[Episode]:
        """Step every running row, refill those whose episode is over, and return the finished episodes."""
        chosen = np.array(actions[: self._env.num_envs], self._dtype)
        for lane in self._lanes.values():
            lane.act(chosen)
        seen, rewards, terminated, truncated, _ = self._env.step(chosen)
        going = ~self._env.resting
        over = (terminated | truncated) & going
        self._see(seen, going & ~over, first=False)
        finished: list[Episode] = []
        for row in np.flatnonzero(going):
            episode = self._episodes[row]
            assert episode is not None
            episode.total += float(rewards[row])
            episode.length += 1
            if over[row]:
                finished.append(episode)
                lane = self._lanes[episode.disruption]
                lane.running[self._copy[row]] = False
        if finished:
            self._lanes = {text: lane for text, lane in self._lanes.items() if lane.running.any()}
        self._refill(np.flatnonzero(over))
        return finished

    def close(self) -> None:
        """Close the copies."""
        self._env.close()
