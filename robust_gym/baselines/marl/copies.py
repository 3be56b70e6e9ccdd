"""The training environments of a team: several episodes at once, one by one or in one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from robust_gym.baselines.base import training_seed
from robust_gym.baselines.marl.team import Array, Team
from robust_gym.task import Task


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


def draw_beginnings(copies: Sequence[int], choices: int, rng: np.random.Generator) -> list[Beginning]:
    """Draw the episodes that begin in some copies, of a distribution of so many environments."""
    return [Beginning(copy, int(rng.integers(choices)) if choices > 1 else 0, training_seed(rng)) for copy in copies]


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
        """Step the first copies, as many as there are rows of actions, ``[copies, A]``, or ``[copies, A, K]``."""

    def playing(self, copies: Sequence[int]) -> Array:
        """Return which agents of some copies still play, ``[copies, A]``."""

    def look(self, copies: Sequence[int], states: bool) -> tuple[Array, Sequence[Array | None]]:
        """Return what all agents see in some copies, ``[copies, A, D]``, and the states, if asked for."""

    def seeing(self, copies: Sequence[int]) -> Array:
        """Return which agents see something in some copies, ``[copies, A]``: not those that have left before."""

    def masks(self, copies: Sequence[int]) -> Array | None:
        """Return which actions are possible now in some copies, ``[copies, A, K]``; ``None`` if nobody heeds that."""

    def close(self) -> None:
        """Close all environments."""


class SeparateCopies:
    """Environments of their own for every copy, stepped one by one: for every task.

    Args:
        envs: Parallel environments of the same team: the training distribution, in the first copy.
        count: How many copies.
        make: Makes an environment of the distribution, of that number, for another copy, when an episode of it begins
            there first.
        team: Who plays; by default ``Team.of`` the first environment.
    """

    def __init__(
        self,
        envs: Sequence[Any],
        count: int = 1,
        make: Callable[[int], Any] | None = None,
        team: Team | None = None,
    ) -> None:
        self.team, self.count, self.choices = team or Team.of(envs[0]), count, len(envs)
        self._envs = {(0, which): env for which, env in enumerate(envs)}
        self._make = make
        self._present: list[Any] = [None] * count
        self._seen: list[Any] = [None] * count
        self._told: list[Any] = [None] * count

    def begin(self, beginnings: Sequence[Beginning]) -> None:
        """Begin episodes."""
        for one in beginnings:
            place = one.copy, one.which
            if place not in self._envs:
                assert self._make is not None, "several copies need make"
                self._envs[place] = self._make(one.which)
            self._present[one.copy] = env = self._envs[place]
            self._seen[one.copy], self._told[one.copy] = env.reset(seed=one.seed)

    def step(self, actions: Array) -> Outcome:
        """Step the first copies."""
        rewards, terminated, over = [], [], []
        for copy, row in enumerate(actions):
            env = self._present[copy]
            playing, each = env.agents, self.team.each(row)
            chosen = {agent: action for agent, action in zip(self.team.agents, each, strict=True) if agent in playing}
            self._seen[copy], paid, terminations, _, self._told[copy] = env.step(chosen)
            rewards.append(float(sum(paid.values())))
            over.append(not env.agents)
            # Of agents that end at different times, those still playing at the last step decide.
            terminated.append(over[-1] and all(terminations.values()))
        return Outcome(rewards, terminated, over)

    def playing(self, copies: Sequence[int]) -> Array:
        """Return which agents of some copies still play."""
        present = [self._present[copy].agents for copy in copies]
        return np.array([[agent in agents for agent in self.team.agents] for agents in present])

    def look(self, copies: Sequence[int], states: bool) -> tuple[Array, Sequence[Array | None]]:
        """Return what all agents see in some copies, and the states, if asked for."""
        rows = np.stack([self.team.stack(self._seen[copy]) for copy in copies])
        if not states:
            return rows, [None] * len(copies)
        return rows, [self.team.state_of(self._present[copy], row) for copy, row in zip(copies, rows, strict=True)]

    def seeing(self, copies: Sequence[int]) -> Array:
        """Return which agents see something in some copies."""
        return np.array([[agent in self._seen[copy] for agent in self.team.agents] for copy in copies])

    def masks(self, copies: Sequence[int]) -> Array | None:
        """Return which actions are possible now in some copies."""
        return np.stack([self.team.stack_masks(self._told[copy]) for copy in copies]) if self.team.masked else None

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

    @property
    def has_states(self) -> bool:
        """Whether the simulator knows the states of its copies."""
        return hasattr(self._worlds.worlds.simulator, "state")

    def begin(self, beginnings: Sequence[Beginning]) -> None:
        """Begin episodes."""
        from robust_gym.vector.disturbed import Start

        self._worlds.begin([Start(one.copy, self._disruptions[one.which], one.copy, one.seed) for one in beginnings])

    def step(self, actions: Array) -> Outcome:
        """Step the first copies."""
        live = np.arange(len(actions))
        chosen = np.zeros((self.count, *actions.shape[1:]), actions.dtype)
        chosen[live] = actions
        each = [chosen[:, place] for place in range(self.team.size)]
        if self.team.continuous:
            each = [many[:, :size] for many, size in zip(each, self.team.actions, strict=True)]
        told, terminated, truncated = self._worlds.step(
            dict(zip(self.team.agents, each, strict=True)), None if len(live) == self.count else live
        )
        self._worlds.look(np.arange(self.count) < len(live))
        paid = zip(*(told[agent][live].tolist() for agent in self.team.agents), strict=True)
        return Outcome(
            [float(sum(row)) for row in paid], terminated[live].tolist(), (terminated | truncated)[live].tolist()
        )

    def playing(self, copies: Sequence[int]) -> Array:
        """Return which agents of some copies still play: here all do until the episode ends."""
        return np.ones((len(copies), self.team.size), bool)

    def look(self, copies: Sequence[int], states: bool) -> tuple[Array, Sequence[Array | None]]:
        """Return what all agents see in some copies, and the states, if asked for."""
        rows = self.team.stack_batch(self._worlds.shown).transpose(1, 0, 2)[list(copies)]
        if not states:
            return rows, [None] * len(copies)
        return rows, list(self._worlds.worlds.simulator.state()[list(copies)])

    def seeing(self, copies: Sequence[int]) -> Array:
        """Return which agents see something in some copies: here all do."""
        return self.playing(copies)

    def masks(self, copies: Sequence[int]) -> Array | None:
        """Return nothing: no simulator is of a task that tells which actions are possible."""
        return None

    def close(self) -> None:
        """Close all environments."""
        self._worlds.close()


def make_copies(task: Task, texts: Sequence[str], count: int, *, box: bool, states: bool, masks: bool) -> Copies:
    """Make the training environments of a task.

    Args:
        task: The task.
        texts: The training distribution, a disruption for each environment.
        count: How many copies. Several step in one batch where the task has a simulator for that.
        box: Whether actions may be vectors too.
        states: Whether states may be looked at; a simulator that has none is not used then.
        masks: Whether to heed which actions are possible, where the task tells that.

    Raises:
        DisruptionError: If the task cannot honour a disruption, or two give observations of different spaces.
        ValueError: If an agent's spaces are not what ``Team.of`` takes.
    """
    from robust_gym.tasks import make_parallel
    from robust_gym.vector.simulator import is_batched
    from robust_gym.vector.slots import check_alike

    envs = [make_parallel(task.id, disruption=text) for text in texts]
    for text, env in zip(texts[1:], envs[1:], strict=True):
        for agent in env.possible_agents:
            check_alike(texts[0], envs[0].observation_space(agent), text, env.observation_space(agent))
    team = Team.of(envs[0], box=box, masks=masks)
    separate = SeparateCopies(envs, count, lambda which: make_parallel(task.id, disruption=texts[which]), team)
    if count == 1 or team.masked or not is_batched(task):
        return separate
    together = BatchedCopies(task, team, texts, count)
    if states and not together.has_states:
        together.close()
        return separate
    separate.close()
    return together
