"""Copies of a task, each under a disruption of its own, which may be another one in every episode."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from robust_gym.disruption import Disruption, Term
from robust_gym.task import Task
from robust_gym.vector.slots import check_alike
from robust_gym.vector.worlds import Worlds
from robust_gym.wrappers.action import action_signal
from robust_gym.wrappers.base import Signal
from robust_gym.wrappers.observation import observation_signal
from robust_gym.wrappers.reward import reward_signal
from robust_gym.wrappers.runner import Chain, chains

Signals = Mapping[Any, Signal]
"""By agent; of a single agent, by ``None``."""

Values = Mapping[Any, np.ndarray]
"""Values of all rows, ``[rows, …]``, by agent."""


@dataclass(frozen=True)
class Start:
    """An episode that is to begin.

    Attributes:
        row: The copy that it runs in.
        disruption: What it is disturbed by.
        place: Its place among the episodes of this disruption that may run at once.
        seed: Its seed.
    """

    row: int
    disruption: str
    place: int
    seed: int


class _Lane:
    """The signal disruptions of one disruption's episodes: for every agent, chains with a copy for each of them."""

    def __init__(self, terms: Disruption, places: int, signals: Mapping[str, Signals]) -> None:
        self.chains = {channel: _chains(terms.of(channel), own, places) for channel, own in signals.items()}
        self.rows = np.zeros(places, np.int64)  # where each episode runs; what a finished one reads is not used
        self.running = np.zeros(places, bool)
        for place in range(places):  # those that have not begun yet step too, to no effect
            self._reset(place, 0)

    def _reset(self, place: int, seed: int) -> None:
        for by_agent in self.chains.values():
            for chain in by_agent.values():
                chain.reset(seed, place)

    def begin(self, start: Start) -> None:
        """Begin an episode in a row."""
        self.rows[start.place], self.running[start.place] = start.row, True
        self._reset(start.place, start.seed)

    def pass_on(self, channel: str, values: Values) -> None:
        """Disturb, in place, the values of the running episodes."""
        rows = self.rows[self.running]
        for agent, chain in self.chains[channel].items():
            values[agent][rows] = chain.batch(values[agent][self.rows])[self.running]

    def see(self, seen: Values, into: Values, rows: np.ndarray, first: bool) -> None:
        """Write what some rows' episodes see, disturbed, be it the first of them or later, among that of all."""
        own = self.running & rows[self.rows]
        places = self.rows[own]
        for agent, chain in self.chains["observation"].items() if len(places) else ():
            given = seen[agent][self.rows]
            found = chain.again(given, own) if first else chain.batch(given)
            into[agent][places] = found[own]


@dataclass
class _Cell:
    """One disruption: its world, and its signals, whose lane is made when the first episode begins."""

    world: Disruption
    signals: Disruption
    places: int
    lane: _Lane | None = None


class DisturbedWorlds:
    """Copies that step together, each under the disruption of its present episode.

    Action, observation and, if asked for, reward of every agent are disturbed as the wrappers of a single environment
    disturb them, to the bit. Rows whose episodes run all step together, until they end or for ever.

    Args:
        task: A task with a batched simulator.
        rows: How many copies.
        disruptions: With each, how many of its episodes may run at once.
        told: Whether rewards are disturbed too; else they are the true ones.

    Raises:
        DisruptionError: If the task cannot honour a disruption, or one gives the observations another shape than the
            others do.

    Attributes:
        worlds: The copies.
        shown: What each agent sees, ``[rows, …]``, by agent; of a single agent, by ``None``.
    """

    def __init__(self, task: Task, rows: int, disruptions: Mapping[str, int], told: bool = False) -> None:
        self.worlds = Worlds(task, rows)
        self._signals: dict[str, Signals] = {
            "action": {
                agent: action_signal(space, task, place, len(self.worlds.agents))
                for place, (agent, space) in enumerate(self.worlds.action_spaces.items())
            },
            "observation": {
                agent: observation_signal(
                    space, task, None if agent is None else str(agent), place, len(self.worlds.agents)
                )
                for place, (agent, space) in enumerate(self.worlds.observation_spaces.items())
            },
        }
        if told:
            self._signals["reward"] = {agent: reward_signal(task) for agent in self.worlds.agents}
        self._cells = {text: self._cell(Disruption.parse(text), places) for text, places in disruptions.items()}
        self._where: list[tuple[_Lane, int] | None] = [None] * rows
        self._lanes: list[_Lane] = []
        nominal = self.worlds.observation_spaces
        seen = self._seen_spaces()
        self._reshaped = {agent for agent, space in seen.items() if space != nominal[agent]}
        self.shown = {agent: np.zeros((rows, *space.shape), space.dtype) for agent, space in seen.items()}

    def _cell(self, disruption: Disruption, places: int) -> _Cell:
        self.worlds.check(disruption)
        signals = Disruption(tuple(term for term in disruption.terms if term.channel != "dynamics"))
        return _Cell(Disruption(disruption.of("dynamics")), signals, places)

    def _seen_spaces(self) -> dict[Any, Any]:
        """Return the spaces that the agents' observations are in, the same under all disruptions."""
        found: list[tuple[str, dict[Any, Any]]] = []
        for text, cell in self._cells.items():
            changed = _chains(cell.signals.of("observation"), self._signals["observation"], 1)
            results = {agent: chain.result.space for agent, chain in changed.items()}
            found.append((text, {**self.worlds.observation_spaces, **results}))
            check_alike(found[0][0], _joint(found[0][1]), text, _joint(found[-1][1]))
        return found[0][1]

    def begin(self, starts: Sequence[Start]) -> None:
        """Begin episodes, each where the last one of its row ends, and look at what they show first."""
        fresh = np.zeros(self.worlds.num_envs, bool)
        seeds: list[int | None] = [None] * self.worlds.num_envs
        for start in starts:
            self.end(start.row)
            cell = self._cells[start.disruption]
            if cell.lane is None:
                cell.lane = _Lane(cell.signals, cell.places, self._signals)
            if not cell.lane.running.any():
                self._lanes.append(cell.lane)
            cell.lane.begin(start)
            self._where[start.row] = cell.lane, start.place
            self.worlds.disturb(start.row, cell.world)
            fresh[start.row], seeds[start.row] = True, start.seed
        if fresh.any():
            self.worlds.renew(np.flatnonzero(fresh), seeds)
            self.look(fresh, first=True)

    def end(self, row: int) -> None:
        """End the episode of a row, if one is under way."""
        if (place := self._where[row]) is not None:
            lane, own = place
            lane.running[own], self._where[row] = False, None
            if not lane.running.any():
                self._lanes.remove(lane)

    def step(self, actions: Values, live: np.ndarray | None) -> tuple[dict[Any, np.ndarray], np.ndarray, np.ndarray]:
        """Step some rows, or all.

        Args:
            actions: Of every agent, ``[rows, …]``; disturbed in place.
            live: Numbers of those that step; what is said of others means nothing.

        Returns:
            Rewards by agent, terminations and truncations, ``[rows]``.
        """
        for lane in self._lanes:
            lane.pass_on("action", actions)
        rewards, terminated, truncated, _ = self.worlds.advance(actions.get(None, actions), live)
        told: dict[Any, np.ndarray] = dict(zip(self.worlds.agents, np.atleast_2d(rewards.T), strict=True))
        if "reward" in self._signals:
            for lane in self._lanes:
                lane.pass_on("reward", told)
        return told, terminated, truncated

    def look(self, rows: np.ndarray, first: bool = False) -> None:
        """Put what some rows observe, disturbed, into ``shown``.

        Args:
            rows: Which, booleans ``[rows]``.
            first: Whether their episodes have just begun.
        """
        found = self.worlds.observe()
        seen: Values = {None: found} if None in self.shown else found
        places = slice(None) if rows.all() else np.flatnonzero(rows)
        for agent, values in seen.items():
            if agent not in self._reshaped:
                self.shown[agent][places] = values[places]
        for lane in self._lanes:
            lane.see(seen, self.shown, rows, first)

    def close(self) -> None:
        """Close the copies."""
        self.worlds.close_extras()


def _chains(terms: Sequence[Term], signals: Signals, copies: int) -> dict[Any, Chain]:
    """Return the chains of one channel for every agent that its terms concern."""
    many = {agent: dataclasses.replace(signal, copies=copies) for agent, signal in signals.items()}
    if None in many:
        return {None: Chain(terms, many[None])} if terms else {}
    return chains(terms, many, of="agent")


def _joint(observations: Mapping[Any, Any]) -> spaces.Dict:
    return spaces.Dict({str(agent): space for agent, space in observations.items()})
