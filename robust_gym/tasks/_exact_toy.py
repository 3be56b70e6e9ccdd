"""Gymnasium's toy-text worlds: their transition tables under dynamics, for the environment and for the model alike."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.envs.toy_text.cliffwalking import CliffWalkingEnv
from gymnasium.envs.toy_text.frozen_lake import MAPS as GYMNASIUM_MAPS
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv
from gymnasium.envs.toy_text.taxi import TaxiEnv

from robust_gym.disruption import DisruptionError
from robust_gym.task import Task
from robust_gym.tasks._exact_env import ExactDynamics
from robust_gym.tasks._exact_grids import move_law
from robust_gym.tasks._exact_maps import CLIFFS, LAKES, ROADS
from robust_gym.tasks._exact_model import TabularModel, physical

Outcome = tuple[float, int, float, bool]
"""Probability, next state, reward, whether the episode ends: an entry of Gymnasium's tables."""
Table = dict[int, dict[int, list[Outcome]]]

# From our order of directions (left, down, right, up) to each world's action numbers, and back.
_LAKE = (0, 1, 2, 3)
_CLIFF = (3, 2, 1, 0)
_TAXI = (3, 0, 2, 1)
_STAY = 4
_DOWN = 1


def frozen_lake(**kwargs: Any) -> FrozenLakeEnv:
    """Make Gymnasium's frozen lake, whose rewards are floats."""
    return _with_floats(FrozenLakeEnv(**kwargs))


def cliff_walking(**kwargs: Any) -> CliffWalkingEnv:
    """Make Gymnasium's cliff walk, whose rewards are floats."""
    return _with_floats(CliffWalkingEnv(**kwargs))


def taxi(**kwargs: Any) -> TaxiEnv:
    """Make Gymnasium's taxi, whose rewards are floats."""
    return _with_floats(TaxiEnv(**kwargs))


def _with_floats(env: Any) -> Any:
    env.P = {
        s: {a: [(float(p), int(t), float(r), bool(end)) for p, t, r, end in row] for a, row in rows.items()}
        for s, rows in env.P.items()
    }
    return env


@functools.cache
def _nominal(base: str, kwargs: tuple[tuple[str, Any], ...]) -> Any:
    """Return the undisturbed environment whose table the models read; nobody steps it."""
    return {"frozen_lake": frozen_lake, "cliff_walking": cliff_walking, "taxi": taxi}[base](**dict(kwargs))


def _undisturbed(task: Task) -> Any:
    return _nominal(task.base.partition(":")[2], tuple(task.kwargs.items()))


def _mixture(law: list[list[float]], ways: list[Outcome], number: int, turn: int = 1) -> list[Outcome]:
    """Return what may happen to an agent that wants to go some way.

    Args:
        law: Probabilities of `move_law`, as lists.
        ways: What each direction, and staying, leads to.
        number: The direction wanted.
        turn: 1 or -1, so that outcomes stand in the order of Gymnasium's tables: one side, the way, the other side.
    """
    order = [(number + turn * by) % 4 for by in (-1, 0, 1, 2)] + [_STAY]
    row = law[number]
    return [(row[b], *ways[b][1:]) for b in order if row[b] > 0.0]


# --- frozen lake ----------------------------------------------------------------------------------------------------


def lake_map(task: Task, word: str) -> tuple[str, ...]:
    """Return the map of a lake, by the word used in disruptions."""
    size = str(task.kwargs["map_name"])
    return tuple(GYMNASIUM_MAPS[size]) if word == "standard" else LAKES[size][word]


@functools.lru_cache(maxsize=16)
def _sure_steps(desc: tuple[str, ...]) -> Table:
    return dict(_with_floats(FrozenLakeEnv(desc=list(desc), is_slippery=False)).P)


def _lake_table(task: Task, given: Mapping[str, Any]) -> Table:
    sure = _sure_steps(lake_map(task, given["map"]))
    law = move_law(given["slip"], given["tilt"], given["wind"], _DOWN, given["stuck"]).tolist()
    table: Table = {}
    for s, rows in sure.items():
        ended = rows[0][0][3] and rows[0][0][1] == s
        here = rows[0][0] if ended else (1.0, s, 0.0, False)
        ways = [rows[a][0] for a in _LAKE] + [here]
        table[s] = {a: [rows[a][0]] if ended else _mixture(law, ways, a) for a in range(4)}
    return table


# --- cliff ----------------------------------------------------------------------------------------------------------


@functools.cache
def _dry_cliff() -> Any:
    return cliff_walking()


def _cliff_table(task: Task, given: Mapping[str, Any]) -> Table:
    env = _dry_cliff()
    start, step, fall = int(env.start_state_index), -given["step_cost"], -given["fall_cost"]
    pits = {row * 12 + column for row, column in CLIFFS[given["cliff"]]}
    law = move_law(given["slip"], wind=given["wind"], blows=_DOWN, stuck=given["stuck"]).tolist()
    table: Table = {}
    for s in range(48):
        ways: list[Outcome] = []
        for action in _CLIFF:
            ((_, there, reward, end),) = env.P[s][action]
            fallen = reward == -100.0 or there in pits
            ways.append((1.0, start, fall, False) if fallen else (1.0, there, step, end))
        ways.append((1.0, s, step, False))
        table[s] = {action: _mixture(law, ways, number, -1) for number, action in enumerate(_CLIFF)}
    return table


# --- taxi -----------------------------------------------------------------------------------------------------------


@functools.cache
def _taxi_roads(word: str) -> list[tuple[list[int], list[Outcome]]]:
    """Return where each direction leads from every state, and what picking up and dropping off would do."""
    env, closed = taxi(), ROADS[word]
    found = []
    for s in range(500):
        row, column, _, _ = env.decode(s)
        there = [env.P[s][action][0][1] for action in _TAXI]
        for number in (0, 2):  # west and east: no other edge can be closed
            if (row, min(column, env.decode(there[number])[1])) in closed:
                there[number] = s
        found.append((there, [env.P[s][4][0], env.P[s][5][0]]))
    return found


def _taxi_table(task: Task, given: Mapping[str, Any]) -> Table:
    step, illegal, fumbled = -given["step_cost"], -given["illegal_cost"], given["fumble"]
    law = move_law(given["slip"], stuck=given["stuck"]).tolist()
    blocked = move_law(stuck=given["stuck"]).tolist()
    table: Table = {}
    for s, (there, handled) in enumerate(_taxi_roads(given["roads"])):
        here: Outcome = (1.0, s, step, False)
        ways: list[Outcome] = [*((1.0, one, step, False) for one in there), here]
        # As in Gymnasium's rain, a taxi in front of a wall does not drift.
        table[s] = {
            action: _mixture(blocked if there[number] == s else law, ways, number)
            for number, action in enumerate(_TAXI)
        }
        for action, (_, after, reward, end) in zip((4, 5), handled, strict=True):
            paid = {-1.0: step, -10.0: illegal}.get(reward, reward)
            done: Outcome = (1.0 - fumbled, after, paid, end)
            table[s][action] = [done, (fumbled, s, step, False)] if fumbled else [done]
    return table


_TABLES = {"frozen_lake": _lake_table, "cliff_walking": _cliff_table, "taxi": _taxi_table}


def table(task: Task, values: Mapping[str, float | str]) -> Table:
    """Return the transition table of a disturbed toy-text world; at nominal values, Gymnasium's own."""
    given = {**task.nominal_values(), **values}
    if given == task.nominal_values():
        return dict(_undisturbed(task).P)
    return _TABLES[task.base.partition(":")[2]](task, physical(task, given))


def model(task: Task, values: Mapping[str, float | str]) -> TabularModel:
    """Return the exact model of a toy-text world.

    Its terminal states are those in which an episode can end. Gymnasium's tables also hold moves out of such
    states, which no episode can make; the model's absorb.
    """
    env, rows = _undisturbed(task), table(task, values)
    n, actions = len(rows), len(rows[0])
    transition, paid = np.zeros((n, actions, n)), np.zeros((n, actions, n))
    terminal = np.zeros(n, bool)
    for s, by_action in rows.items():
        for a, outcomes in by_action.items():
            for p, there, reward, end in outcomes:
                transition[s, a, there] += p
                paid[s, a, there] += p * reward
                terminal[there] |= end
    ends = np.flatnonzero(terminal)
    np.divide(paid, transition, out=paid, where=transition > 0.0)
    paid[ends] = 0.0
    transition[ends] = 0.0
    transition[ends, :, ends] = 1.0
    transition /= transition.sum(axis=2, keepdims=True)  # thirds do not always sum to 1
    states = tuple(map(_name(task, env), range(n)))
    layout = lake_map(task, str({**task.nominal_values(), **values}["map"])) if "map" in task.semantic else ()
    names = {"frozen_lake": ("left", "down", "right", "up"), "cliff_walking": ("up", "right", "down", "left")}.get(
        task.base.partition(":")[2], ("south", "north", "east", "west", "pick up", "drop off")
    )
    return TabularModel(transition, paid, env.initial_state_distrib, terminal, 0.99, states, names, layout)


def _name(task: Task, env: Any) -> Any:
    if task.base.endswith(":taxi"):
        places = ("red", "green", "yellow", "blue", "taxi")

        def named(s: int) -> str:
            row, column, passenger, goal = env.decode(s)
            return f"taxi {row},{column}, passenger {places[passenger]}, to {places[goal]}"

        return named
    columns = 12 if task.base.endswith(":cliff_walking") else len(lake_map(task, "standard"))
    return lambda s: f"row {s // columns}, column {s % columns}"


class ToyTextDynamics(ExactDynamics):
    """Writes the transition table ``P`` of a toy-text environment, and its map.

    Args:
        env: The unwrapped environment, undisturbed.
        task: Its task.

    Raises:
        DisruptionError: At a disturbed reset, if the environment was made with arguments that change its table.
    """

    def __init__(self, env: Any, task: Task) -> None:
        super().__init__(env, task)
        self._table, self._desc = env.P, getattr(env, "desc", None)
        self._known = self._table == _undisturbed(task).P

    def _write(self, values: Mapping[str, float | str], undisturbed: bool) -> None:
        if not (undisturbed or self._known):
            raise DisruptionError(
                f"{self._task.id} was made with arguments that change its transition table, and its dynamics can be "
                "disturbed only from the table it has without them"
            )
        self._env.P = self._table if undisturbed else table(self._task, values)
        if "map" in self._task.semantic:
            self._env.desc = np.asarray(lake_map(self._task, str(values["map"])), dtype="c")
        if "roads" in self._task.semantic:
            assert self._desc is not None
            self._env.desc = self._desc.copy()  # what the pictures and the action mask read
            for row, column in ROADS[str(values["roads"])]:
                self._env.desc[1 + row, 2 * column + 2] = b"|"
