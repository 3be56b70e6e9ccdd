"""The training environments of a team: several episodes at once, one by one or in one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from robust_gym.baselines.marl.team import Array, Team


@dataclass(frozen=True)
class Beginning:
    """An episode that is to begin.

    Attributes:
        copy: Where.
        which: In which environment of the training distribution.
        seed: Its seed.
    """

    copy: int
    which: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What a step of some copies has led to.

    Attributes:
        rewards: Sums over the agents.
        terminated: Whether the state after it has no future.
        over: Whether the episode has ended.
    """

    rewards: Sequence[float]
    terminated: Sequence[bool]
    over: Sequence[bool]


class Copies(Protocol):
    """Copies of the training environments.

    Attributes:
        team: Who plays.
        count: How many copies there are.
        choices: Environments of the training distribution.
    """

    team: Team
    count: int
    choices: int

    def begin(self, beginnings: Sequence[Beginning]) -> None:
        """Begin episodes."""

    def step(self, actions: Array) -> Outcome:
        """Step the first copies, as many as there are rows of actions, ``[copies, A]``."""

    def look(self, copies: Sequence[int], states: bool) -> tuple[Array, Sequence[Array | None]]:
        """Return what all agents see in some copies, ``[copies, A, D]``, and the states, if asked for."""

    def close(self) -> None:
        """Close all environments."""


class SeparateCopies:
    """Environments of their own for every copy, stepped one by one: for every task.

    Args:
        envs: Parallel environments of the same team: the training distribution, in the first copy.
        count: How many copies.
        make: Makes an environment of the distribution, of that number, for another copy, when an episode of it begins
            there first.
    """

    def __init__(self, envs: Sequence[Any], count: int = 1, make: Callable[[int], Any] | None = None) -> None:
        self.team, self.count, self.choices = Team.of(envs[0]), count, len(envs)
        self._envs = {(0, which): env for which, env in enumerate(envs)}
        self._make = make
        self._present: list[Any] = [None] * count
        self._seen: list[Any] = [None] * count

    def begin(self, beginnings: Sequence[Beginning]) -> None:
        """Begin episodes."""
        for one in beginnings:
            place = one.copy, one.which
            if place not in self._envs:
                assert self._make is not None, "several copies need make"
                self._envs[place] = self._make(one.which)
            self._present[one.copy] = env = self._envs[place]
            self._seen[one.copy], _ = env.reset(seed=one.seed)

    def step(self, actions: Array) -> Outcome:
        """Step the first copies."""
        rewards, terminated, over = [], [], []
        for copy, row in enumerate(actions.tolist()):
            env = self._present[copy]
            playing = env.agents
            chosen = {agent: action for agent, action in zip(self.team.agents, row, strict=True) if agent in playing}
            self._seen[copy], told, terminations, _, _ = env.step(chosen)
            rewards.append(float(sum(told.values())))
            over.append(not env.agents)
            # Of agents that end at different times, those still playing at the last step decide.
            terminated.append(over[-1] and all(terminations.values()))
        return Outcome(rewards, terminated, over)

    def look(self, copies: Sequence[int], states: bool) -> tuple[Array, Sequence[Array | None]]:
        """Return what all agents see in some copies, and the states, if asked for."""
        rows = np.stack([self.team.stack(self._seen[copy]) for copy in copies])
        if not states:
            return rows, [None] * len(copies)
        return rows, [self.team.state_of(self._present[copy], row) for copy, row in zip(copies, rows, strict=True)]

    def close(self) -> None:
        """Close all environments."""
        for env in self._envs.values():
            env.close()


class BatchedCopies:
    """Copies that step together, of a task with a batched simulator; the same numbers as ``SeparateCopies``.

    Args:
        task: The task.
        team: Who plays.
        disruptions: The training distribution.
        count: How many copies.
    """

    def __init__(self, task: Any, team: Team, disruptions: Sequence[str], count: int) -> None:
        from robust_gym.vector.disturbed import DisturbedWorlds

        self.team, self.count, self.choices = team, count, len(disruptions)
        self._disruptions = disruptions
        self._worlds = DisturbedWorlds(task, count, dict.fromkeys(disruptions, count), told=True)

    def begin(self, beginnings: Sequence[Beginning]) -> None:
        """Begin episodes."""
        from robust_gym.vector.disturbed import Start

        self._worlds.begin([Start(one.copy, self._disruptions[one.which], one.copy, one.seed) for one in beginnings])

    def step(self, actions: Array) -> Outcome:
        """Step the first copies."""
        live, chosen = np.arange(len(actions)), np.zeros((self.team.size, self.count), np.int64)
        chosen[:, live] = actions.T
        told, terminated, truncated = self._worlds.step(
            dict(zip(self.team.agents, chosen, strict=True)), None if len(live) == self.count else live
        )
        self._worlds.look(np.arange(self.count) < len(live))
        each = zip(*(told[agent][live].tolist() for agent in self.team.agents), strict=True)
        return Outcome(
            [float(sum(row)) for row in each], terminated[live].tolist(), (terminated | truncated)[live].tolist()
        )

    def look(self, copies: Sequence[int], states: bool) -> tuple[Array, Sequence[Array | None]]:
        """Return what all agents see in some copies, and the states, if asked for."""
        rows = self.team.stack_batch(self._worlds.shown).transpose(1, 0, 2)[list(copies)]
        if not states:
            return rows, [None] * len(copies)
        return rows, list(self._worlds.worlds.simulator.state()[list(copies)])

    def close(self) -> None:
        """Close all environments."""
        self._worlds.close()
