"""Episodes of one task, under many disruptions, stepped side by side in a fixed number of slots.

Every slot holds an environment of its own, so this works for every task. Each batch has the same number of
rows, live or not: a row's result in a matrix product depends on the size of the batch, and with a fixed one
an episode's course depends on its disruption and its seed alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from robust_gym.disruption import DisruptionError
from robust_gym.task import Task
from robust_gym.vector.giving import as_actions
from robust_gym.vector.masks import possible

SLOTS = 64
"""Rows of every batch."""


@dataclass
class Episode:
    """One finished or running episode."""

    disruption: str
    seed: int
    total: float = 0.0
    cost: float = 0.0
    length: int = 0


class _Slot:
    """One environment and the episode it runs; hides whether it has one agent or many."""

    def __init__(self, task: Task, disruption: str, make: Callable[[str], Any]) -> None:
        self.disruption = disruption
        self.env = make(disruption)
        self.many = task.api == "parallel"
        self.horizon = task.horizon
        self.episode: Episode | None = None
        self.infos: Mapping[Any, Any] = {}

    def begin(self, seed: int) -> Any:
        observation, self.infos = self.env.reset(seed=seed)
        self.episode = Episode(self.disruption, seed)
        return observation

    def step(self, action: Any) -> tuple[Any, bool]:
        """Take one step; return the observation and whether the episode is over."""
        assert self.episode is not None
        if self.many:
            action = {agent: one for agent, one in action.items() if agent in self.env.agents}
            observation, _, _, _, self.infos = self.env.step(action)
            self.episode.total += sum(info.get("nominal_reward", 0.0) for info in self.infos.values())
            self.episode.cost += sum(info.get("nominal_cost", 0.0) for info in self.infos.values())
            over = not self.env.agents
        else:
            observation, _, terminated, truncated, info = self.env.step(action)
            self.episode.total += info["nominal_reward"]
            self.episode.cost += info.get("nominal_cost", 0.0)
            over = terminated or truncated
        self.episode.length += 1
        return observation, over or self.episode.length >= self.horizon


class EpisodeBatch:
    """Runs episodes in slots; the caller supplies the actions.

    Args:
        task: The task.
        jobs: Disruptions with their episode seeds.
        make: Makes the task's environment under a disruption.
        slots: Rows of every batch.

    Raises:
        DisruptionError: If one disruption gives the observations another shape than the others do.

    Attributes:
        observation: ``[slots, …]``, or a dict of such arrays: keyed by agent, or by part of a dict observation.
        episode_start: Booleans ``[slots]``: rows whose episode has just begun.
        action_masks: Of a team, booleans ``[slots, n]`` for each agent: the actions that are possible now, or all of
            them where none is; ``None`` where the task does not tell.
    """

    action_masks: dict[Any, np.ndarray] | None = None

    def __init__(
        self,
        task: Task,
        jobs: Sequence[tuple[str, Sequence[int]]],
        make: Callable[[str], Any],
        slots: int = SLOTS,
    ) -> None:
        self._task = task
        self._make = make
        self._waiting = {disruption: deque(seeds) for disruption, seeds in jobs if seeds}
        self._slots: list[_Slot | None] = [None] * slots
        self.episode_start = np.zeros(slots, bool)
        self.observation: Any = None
        self._action_spaces: Any = None
        self._first: tuple[str, Any] | None = None  # a disruption, and the space that observations are in under it
        self._filled = False
        for row in range(slots):
            if not self._waiting:
                break
            self._refill(row)

    @property
    def running(self) -> bool:
        """Whether any episode is still under way."""
        return any(slot is not None for slot in self._slots)

    def step(self, actions: Any) -> Iterator[Episode]:
        """Step every live slot, refill those whose episode is over, and yield the finished episodes."""
        for row, slot in enumerate(self._slots):
            if slot is None:
                continue
            observation, over = slot.step(self._row(actions, row))
            self.episode_start[row] = False
            if over:
                assert slot.episode is not None
                finished = slot.episode
                self._refill(row)
                yield finished
            else:
                self._store(row, observation)
                self._store_masks(row, slot)

    def close(self) -> None:
        """Close every environment."""
        for slot in self._slots:
            if slot is not None:
                slot.env.close()
        self._slots = [None] * len(self._slots)

    def _refill(self, row: int) -> None:
        slot = self._slots[row]
        if slot is None or slot.disruption not in self._waiting:
            if slot is not None:
                slot.env.close()
            self._slots[row] = slot = self._new_slot()
            if slot is None:
                return
        seeds = self._waiting[slot.disruption]
        observation = slot.begin(seeds.popleft())
        if not self._filled:
            self._allocate_masks(slot)
        self._store(row, observation)
        self._store_masks(row, slot)
        self.episode_start[row] = True
        if not seeds:
            del self._waiting[slot.disruption]

    def _new_slot(self) -> _Slot | None:
        if not self._waiting:
            return None
        fullest = max(self._waiting, key=lambda disruption: len(self._waiting[disruption]))
        slot = _Slot(self._task, fullest, self._make)
        seen = self._space(slot.env)
        if self._first is None:
            self._first = fullest, seen
            self._allocate(slot.env)
        check_alike(*self._first, fullest, seen)
        return slot

    def _space(self, env: Any) -> Any:
        if self._task.api == "parallel":
            return spaces.Dict({str(agent): env.observation_space(agent) for agent in env.possible_agents})
        return env.observation_space

    def _allocate(self, env: Any) -> None:
        rows = len(self._slots)

        def buffer(space: Any) -> np.ndarray:
            return np.zeros((rows, *space.shape), space.dtype)

        if self._task.api == "parallel":
            self._action_spaces = {agent: env.action_space(agent) for agent in env.possible_agents}
            self.observation = {agent: buffer(env.observation_space(agent)) for agent in env.possible_agents}
        else:
            self._action_spaces = env.action_space
            space = env.observation_space
            parts = space.spaces if isinstance(space, spaces.Dict) else None
            self.observation = {name: buffer(part) for name, part in parts.items()} if parts else buffer(space)

    def _store(self, row: int, observation: Any) -> None:
        if not self._filled:
            # Rows that never get an episode hold a real observation too: a policy may divide by what it sees.
            self._filled = True
            for idle in range(len(self._slots)):
                self._store(idle, observation)
        if isinstance(self.observation, dict):
            for name, one in observation.items():
                self.observation[name][row] = one
        else:
            self.observation[row] = observation

    def _allocate_masks(self, slot: _Slot) -> None:
        if slot.many and any("action_mask" in info for info in slot.infos.values()):
            self.action_masks = {
                agent: np.ones((len(self._slots), space.n), bool)
                for agent, space in self._action_spaces.items()
                if isinstance(space, spaces.Discrete)
            }

    def _store_masks(self, row: int, slot: _Slot) -> None:
        for agent, masks in (self.action_masks or {}).items():
            masks[row] = possible(slot.infos.get(agent, {}), masks.shape[1])

    def _row(self, actions: Any, row: int) -> Any:
        if isinstance(self._action_spaces, dict):
            return {agent: _one(actions[agent][row], space) for agent, space in self._action_spaces.items()}
        return _one(actions[row], self._action_spaces)


def check_alike(first: str, space: spaces.Space[Any], other: str, another: spaces.Space[Any]) -> None:
    """Check that two disruptions may share a batch: a policy sees one sort of observation.

    Raises:
        DisruptionError: If the observations under them have different spaces.
    """
    if space != another:
        raise DisruptionError(
            f"{other!r} and {first!r} give observations of different shapes, and one policy cannot see both: evaluate "
            "them apart, or give each the same dummy dimensions"
        )


def _one(action: Any, space: spaces.Space[Any]) -> Any:
    """Return one row's action as the environment wants it, its own to keep."""
    if isinstance(space, spaces.Discrete):
        return int(action) if isinstance(action, (int, np.integer)) else int(as_actions(action, space).item())
    return as_actions(action, space)
