"""A stand-in for StarCraft II, for tests of our adapter alone: nothing measured on it says anything about the game.

It has the interface that ``smac.env.StarCraft2Env`` and SMACv2's wrapper of it share, on a tiny battle of its own.
"""

from __future__ import annotations

import random
import sys
import types
from importlib.machinery import ModuleSpec
from typing import Any

import numpy as np
import pytest

SIDE = 3
LIMIT = 60
_FIRST_ATTACK = 6
_MOVES = {2: (0, 1), 3: (0, -1), 4: (1, 0), 5: (-1, 0)}


class SC2LaunchError(Exception):
    """Named as PySC2's error."""


class Unit:
    def __init__(self, x: float, y: float) -> None:
        self.x, self.y, self.health = x, y, 45.0

    def far(self, other: Unit) -> float:
        return float(np.hypot(self.x - other.x, self.y - other.y))


class StarCraft2Env:
    """Three against three. Like SMAC, it refuses actions that are not available, and takes a seed only once."""

    launches = 0
    installed = True

    def __init__(
        self,
        map_name: str = "8m",
        step_mul: int | None = None,
        move_amount: float = 2,
        difficulty: str = "7",
        seed: int | None = None,
        **ignored: Any,
    ) -> None:
        self.map_name, self.difficulty, self.arguments = map_name, difficulty, ignored
        self._step_mul, self._move_amount, self._seed = step_mul, move_amount, seed
        self._episode_count = 0
        self._random: random.Random | None = None
        self.fail_next = False

    def get_env_info(self) -> dict[str, int]:
        n = 2 * SIDE
        return {
            "state_shape": 3 * n,
            "obs_shape": 4 * n,
            "n_actions": _FIRST_ATTACK + SIDE,
            "n_agents": SIDE,
            "episode_limit": LIMIT,
        }

    def reset(self, places: list[float] | None = None) -> tuple[list[np.ndarray], np.ndarray]:
        if not type(self).installed:
            raise SC2LaunchError("there is no game")
        if self._random is None:
            type(self).launches += 1
            self._random = random.Random(self._seed)
        offsets = places or [self._random.uniform(-1, 1) for _ in range(2 * SIDE)]
        self.allies = [Unit(11 + offset, 13.0 + 3 * i) for i, offset in enumerate(offsets[:SIDE])]
        self.enemies = [Unit(21 + offset, 13.0 + 3 * i) for i, offset in enumerate(offsets[SIDE:])]
        self._t = 0
        return self.get_obs(), self.get_state()

    def unit_sight_range(self, agent_id: int) -> float:
        return 9

    def unit_shoot_range(self, agent_id: int) -> float:
        return 6

    def get_avail_agent_actions(self, agent_id: int) -> list[int]:
        unit = self.allies[agent_id]
        if unit.health <= 0:
            return [1] + [0] * (_FIRST_ATTACK + SIDE - 1)
        moves = [int(0 < unit.x + dx < 32 and 0 < unit.y + dy < 32) for dx, dy in _MOVES.values()]
        reach = self.unit_shoot_range(agent_id)
        return [0, 1, *moves, *(int(enemy.health > 0 and unit.far(enemy) <= reach) for enemy in self.enemies)]

    def get_avail_actions(self) -> list[list[int]]:
        return [self.get_avail_agent_actions(agent_id) for agent_id in range(SIDE)]

    def get_obs(self) -> list[np.ndarray]:
        return [self._obs(agent_id) for agent_id in range(SIDE)]

    def _obs(self, agent_id: int) -> np.ndarray:
        me, sight = self.allies[agent_id], self.unit_sight_range(agent_id)
        rows = np.zeros((2 * SIDE, 4), np.float32)
        for i, unit in enumerate(self.allies + self.enemies):
            if me.health > 0 and unit.health > 0 and me.far(unit) < sight:
                rows[i] = 1, (unit.x - me.x) / sight, (unit.y - me.y) / sight, unit.health / 45
        return rows.reshape(-1)

    def get_state(self) -> np.ndarray:
        return np.array([(u.x / 32, u.y / 32, u.health / 45) for u in self.allies + self.enemies], np.float32).reshape(
            -1
        )

    def step(self, actions: list[int]) -> tuple[float, bool, dict[str, Any]]:
        if self.fail_next:
            return 0, True, {}  # as SMAC does when the game breaks off
        assert self._random is not None and self._step_mul is not None
        time = self._step_mul / 8
        before = sum(enemy.health for enemy in self.enemies)
        orders = list(zip(range(SIDE), actions, strict=True))
        for agent_id, action in orders:
            assert self.get_avail_agent_actions(agent_id)[action] == 1, f"agent {agent_id} cannot perform {action}"
        for agent_id, action in orders:
            unit = self.allies[agent_id]
            if action in _MOVES:
                dx, dy = _MOVES[action]
                unit.x += dx * self._move_amount * time
                unit.y += dy * self._move_amount * time
            elif action >= _FIRST_ATTACK:
                target = self.enemies[action - _FIRST_ATTACK]
                target.health = max(0.0, target.health - 9 * time * self._random.uniform(0.9, 1.1))
        level = "123456789A".index(self.difficulty) + 1
        for enemy in self.enemies:
            living = [unit for unit in self.allies if unit.health > 0]
            if enemy.health <= 0 or not living:
                continue
            target = min(living, key=enemy.far)
            if enemy.far(target) <= 6:
                target.health = max(0.0, target.health - level * time * self._random.uniform(0.9, 1.1))
            else:
                enemy.x += float(np.sign(target.x - enemy.x)) * time
        self._t += 1
        won, lost = (all(unit.health <= 0 for unit in side) for side in (self.enemies, self.allies))
        over = won or lost or self._t >= LIMIT
        self._episode_count += over
        reward = before - sum(enemy.health for enemy in self.enemies) + 200 * won
        return reward / 20, over, {"battle_won": won and not lost}

    def close(self) -> None:
        self._random = None


class Places:
    """A distribution with a generator of its own, which SMACv2 never seeds."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng()

    def generate(self) -> list[float]:
        places = list(self.rng.uniform(-1, 1, 2 * SIDE))
        random.shuffle(places)
        return places


class Nested:
    def __init__(self) -> None:
        self.inner = Places()

    def generate(self) -> list[float]:
        return self.inner.generate()


class StarCraftCapabilityEnvWrapper:
    """SMACv2's wrapper: it draws teams and places, here places alone, and passes all else on."""

    def __init__(self, **arguments: Any) -> None:
        self.capability_config = arguments.pop("capability_config")
        self.env_key_to_distribution_map = {"start_positions": Nested()}
        self.env = StarCraft2Env(**arguments)

    def reset(self) -> Any:
        return self.env.reset(self.env_key_to_distribution_map["start_positions"].generate())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``smac.env`` and ``smacv2.env`` be this module's, for one test."""
    names = ("smac", "smac.env", "smacv2", "smacv2.env", "smacv2.env.starcraft2", "smacv2.env.starcraft2.wrapper")
    for name in names:
        module = types.ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        module.__path__ = []
        for cls in (StarCraft2Env, StarCraftCapabilityEnvWrapper):
            setattr(module, cls.__name__, cls)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(StarCraft2Env, "launches", 0)
