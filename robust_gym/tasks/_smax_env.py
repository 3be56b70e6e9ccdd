"""SMAX as a PettingZoo parallel environment of our own, step for step JaxMARL's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from gymnasium import spaces

from robust_gym.disruption import did_you_mean
from robust_gym.task import Task
from robust_gym.tasks._jaxmarl import JaxTeam
from robust_gym.tasks._smax_world import TYPES, Parameters, world
from robust_gym.tasks.smax import MAX_STEPS, SCENARIOS, UNIT_TYPES

_HEALTH = "unit_type_health"


class Battle(JaxTeam):
    """Units of a team against JaxMARL's scripted enemy, each moved by an agent of its own.

    Agents ``ally_0`` … observe float32 numbers: of every other unit in sight its health, relative position, last
    move, last target, weapon cooldown and type, then their own health, position, cooldown and type; all zero
    once dead. Actions are: up, right, down, left, stop, then shoot at enemy 0, 1, …
    ``infos[agent]["action_mask"]`` says which shots are in range; a shot out of range does nothing unless its
    target comes into range during the step. Every agent is told the team's reward: the mean, over the enemy's units,
    of the share of its own full health that each has lost in the step, and 1 for winning.
    ``infos[agent]["battle_won"]`` says whether the battle is won. Agents stay until the episode ends, dead or alive.

    Args:
        scenario: A key of `SCENARIOS`.
        max_steps: Longest episode.
        render_mode: Only ``None``.

    Raises:
        ValueError: If there is no such scenario or render mode, or the number of steps is below 1.
    """

    metadata = {"name": "robust_smax_v0", "render_modes": [], "is_parallelizable": True}

    def __init__(self, scenario: str = "3m", max_steps: int = MAX_STEPS, render_mode: str | None = None) -> None:
        if scenario not in SCENARIOS:
            hint = did_you_mean(scenario, SCENARIOS)
            raise ValueError(f"unknown scenario {scenario!r}; scenarios are {', '.join(SCENARIOS)}.{hint}")
        chosen = world(scenario)
        plain = chosen.plain
        super().__init__(
            chosen,
            chosen.nominal,
            dict.fromkeys(plain.agents, _observation_space(plain)),
            dict.fromkeys(plain.agents, plain.num_ally_actions),
            spaces.Box(-np.inf, np.inf, (plain.state_size,), np.float32),
            max_steps,
            render_mode,
        )

    def scale_health(self, before: np.ndarray, after: np.ndarray) -> None:
        """Let all units keep their share of health, when units have become tougher or weaker in an episode.

        Args:
            before: Full health of the twelve unit types until now.
            after: Full health from now on.
        """
        if self._inner is None:
            return
        battle = self._inner.state
        types = np.asarray(battle.unit_types)
        health = np.asarray(battle.unit_health) * (after / before)[types]
        self._inner = self._inner.replace(state=battle.replace(unit_health=jnp.asarray(health, jnp.float32)))

    def _infos(self) -> dict[str, dict[str, Any]]:
        won = bool(self._seen["won"])
        return {
            agent: {"action_mask": mask.astype(np.int8), "battle_won": won}
            for agent, mask in zip(self.possible_agents, self._seen["masks"], strict=True)
        }


def _observation_space(plain: Any) -> spaces.Box:
    """Return the observation space, which JaxMARL declares as [-1, 1] though crowds push units over the map's edge."""
    low, high = np.full(plain.obs_size, -1.0, np.float32), np.full(plain.obs_size, 1.0, np.float32)
    own = plain.obs_size - len(plain.own_features)
    high[own + 1 : own + 3] = 2.0
    return spaces.Box(low, high, dtype=np.float32)


def make(**kwargs: Any) -> Battle:
    """Make a battle; the arguments are those of `Battle`."""
    return Battle(**kwargs)


_ALLIES, _ENEMIES, _ALL = slice(0, TYPES), slice(TYPES, 2 * TYPES), slice(0, 2 * TYPES)
_PROPERTIES = {
    "health": _HEALTH,
    "damage": "unit_type_attacks",
    "cooldown": "unit_type_weapon_cooldowns",
    "range": "unit_type_attack_ranges",
    "sight": "unit_type_sight_ranges",
    "speed": "unit_type_velocities",
}
_TABLE_OF = {
    **{f"ally_{name}": (table, _ALLIES) for name, table in _PROPERTIES.items()},
    **{f"enemy_{name}": (table, _ENEMIES) for name, table in _PROPERTIES.items()},
    "unit_radius": ("unit_type_radiuses", _ALL),
}


class SmaxDynamics:
    """Writes dynamics and semantic shifts into the parameters of a `Battle`.

    Args:
        env: The unwrapped environment; its parameters are the nominal ones.
        task: Its task.
    """

    def __init__(self, env: Battle, task: Task) -> None:
        self._env = env
        self._nominal: Parameters = env.parameters
        self._words = {name: shift.nominal for name, shift in task.semantic.items()}
        self._shifted = self._nominal

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set everything of the coming episode."""
        words = {name: values.get(name, nominal) for name, nominal in self._words.items()}
        nominal = self._nominal
        if words != self._words:
            units = words["enemy_units"]
            nominal = nominal._replace(
                enemy_type=np.int32(-1 if units == "map" else [f"{name}s" for name in UNIT_TYPES].index(str(units))),
                surround=np.bool_(words["start"] == "smacv2"),
                scatter=np.bool_(words["tactic"] == "random"),
            )
        self._shifted = nominal
        self._env.parameters = self._at({k: v for k, v in values.items() if not isinstance(v, str)})

    def apply(self, values: Mapping[str, float]) -> None:
        """Set all parameters from now on; units keep their share of health."""
        env, new = self._env, self._at(values)
        before, after = env.parameters.tables[_HEALTH], new.tables[_HEALTH]
        env.parameters = new
        if not np.array_equal(before, after):
            env.scale_health(before, after)

    def _at(self, values: Mapping[str, float]) -> Parameters:
        tables = dict(self._shifted.tables)
        for name, (table, side) in _TABLE_OF.items():
            factor = values.get(name, 1.0)
            if factor != 1.0:
                tables[table] = tables[table].copy()
                tables[table][side] *= np.float32(factor)
        time = np.float32(self._shifted.time_per_step * np.float32(values.get("time_step", 1.0)))
        return self._shifted._replace(tables=tables, time_per_step=time)
