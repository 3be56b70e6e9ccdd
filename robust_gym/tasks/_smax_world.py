"""SMAX as two compiled functions whose dynamics are arguments; imported only when a battle is made."""

from __future__ import annotations

import copy
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from robust_gym.tasks._jaxmarl import import_quietly, on_cpu

_smax = import_quietly("jaxmarl.environments.smax")
_heuristic = import_quietly("jaxmarl.environments.smax.heuristic_enemy")
_SMAX: Any = _smax.SMAX
_HeuristicEnemySMAX: Any = _smax.HeuristicEnemySMAX

TYPES = 6
"""Unit types of SMAX. Here the enemy's are numbered from 6 on, so that each side has tables of its own."""

TABLES = (
    "unit_type_velocities",
    "unit_type_attacks",
    "unit_type_attack_ranges",
    "unit_type_sight_ranges",
    "unit_type_radiuses",
    "unit_type_health",
    "unit_type_weapon_cooldowns",
)
"""The properties of unit types that SMAX holds as arrays."""


class Parameters(NamedTuple):
    """The dynamics of a battle: arrays, so that other values need no other program.

    Attributes:
        tables: Each of `TABLES`, float32 ``[12]``: the allies' six unit types, then the enemy's.
        time_per_step: Simulated seconds of one of the eight moments of a step, float32.
        enemy_type: Unit type of all enemies, int32; -1 for the scenario's own.
        surround: Whether units start surrounded or reflected as in SMACv2, else facing each other; bool.
        scatter: Whether an enemy aims at a random unit in range, else at the closest; bool.
    """

    tables: dict[str, np.ndarray]
    time_per_step: np.float32
    enemy_type: np.int32
    surround: np.bool_
    scatter: np.bool_


class _Units:
    """JaxMARL's distribution of unit types, with the enemy's numbered from 6 on."""

    def __init__(self, generator: Any, battle: SidedSMAX) -> None:
        self._generator = generator
        self._battle = battle

    def generate(self, key: Any) -> Any:
        return self._battle.sided(self._generator.generate(key))


class SidedSMAX(_SMAX):
    """SMAX in which each side has its own tables of unit properties.

    Made anew whenever a function is traced: its attributes are then tracers, and SMAX's methods are compiled
    once per instance.

    Args:
        scenario: A scenario of JaxMARL.
        parameters: The dynamics.
    """

    def __init__(self, scenario: Any, parameters: Parameters) -> None:
        super().__init__(scenario=scenario, time_per_step=parameters.time_per_step, **parameters.tables)
        self._enemy_type: Any = parameters.enemy_type
        self.scenario = self.sided(scenario.unit_types)
        self.unit_type_generator: Any = _Units(self.unit_type_generator, self)
        self.smacv2_position_generation = parameters.surround

    def sided(self, types: Any) -> Any:
        """Return unit types with the enemy's moved to the second half of the tables."""
        enemy = jnp.where(self._enemy_type < 0, types[self.num_allies :], self._enemy_type.astype(jnp.uint8))
        return types.at[self.num_allies :].set(enemy + TYPES)

    def enemy_view(self) -> Any:
        """Return this battle with the enemy's tables alone, as its policy knows unit types 0 to 5."""
        view = copy.copy(self)
        for table in TABLES:
            setattr(view, table, getattr(self, table)[TYPES:])
        return view

    # An enemy's type, 6 to 11, is beyond the end of its features, where JAX writes nothing: it is written here.

    def _observe_features(self, state: Any, i: Any, j_idx: Any) -> Any:
        features = super()._observe_features(state, i, j_idx)
        return features.at[7 + state.unit_types[j_idx] % TYPES].set(1)

    def _get_own_features(self, state: Any, i: Any) -> Any:
        features = super()._get_own_features(state, i)
        return features.at[4 + state.unit_types[i] % TYPES].set(state.unit_alive[i].astype(features.dtype))

    def get_world_state(self, state: Any) -> Any:
        """Return JaxMARL's world state."""
        n, types = self.num_agents, state.unit_types % TYPES
        world = super().get_world_state(state)
        units = world[: -2 * n].reshape(n, -1)
        units = units.at[jnp.arange(n), 4 + types].set(state.unit_alive.astype(units.dtype))
        return jnp.concatenate([units.reshape(-1), world[-2 * n : -n], types])


class _Tactic:
    """Stands for the word of JaxMARL's ``attack_mode``, which it only compares with ``"random"``."""

    def __init__(self, scatter: Any) -> None:
        self._scatter = scatter

    def __eq__(self, other: object) -> Any:
        return self._scatter if other == "random" else NotImplemented

    __hash__ = None  # type: ignore[assignment]


class SidedBattle(_HeuristicEnemySMAX):
    """The battle against JaxMARL's scripted enemy, with each side's own tables."""

    def __init__(self, scenario: Any, parameters: Parameters) -> None:
        super().__init__(scenario=scenario)
        self._env = SidedSMAX(scenario, parameters)
        tactic = _Tactic(parameters.scatter)
        self.heuristic_policy = _heuristic.create_heuristic_policy(self._env.enemy_view(), 1, attack_mode=tactic)


class SmaxWorld:
    """One scenario's two functions; see `robust_gym.tasks._jaxmarl.World`.

    Args:
        scenario: Its name in JaxMARL.
    """

    def __init__(self, scenario: str) -> None:
        self._name = scenario
        self._scenario = _smax.map_name_to_scenario(scenario)
        plain = _HeuristicEnemySMAX(scenario=self._scenario)
        self.plain = plain
        self.begin = on_cpu(self._begin)
        self.advance = on_cpu(self._advance)
        self.nominal = Parameters(
            {table: np.tile(np.asarray(getattr(plain, table), np.float32), 2) for table in TABLES},
            np.float32(plain.time_per_step),
            np.int32(-1),
            np.bool_(plain.smacv2_position_generation),
            np.bool_(False),
        )

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """Pickle and copy as the process's one world of that name: compiled functions cannot travel."""
        return world, (self._name,)

    def _begin(self, parameters: Parameters, key: Any) -> tuple[Any, dict[str, Any]]:
        battle = SidedBattle(self._scenario, parameters)
        seen, state = battle.reset(key)
        return state, self._seen(battle, seen, state)

    def _advance(
        self, parameters: Parameters, key: Any, t: Any, state: Any, actions: Any
    ) -> tuple[Any, dict[str, Any]]:
        battle = SidedBattle(self._scenario, parameters)
        chosen = dict(zip(battle.agents, actions, strict=True))
        seen, state, rewards, _, _ = battle.step_env(jax.random.fold_in(key, t), state, chosen)
        return state, {
            **self._seen(battle, seen, state),
            "rewards": jnp.stack([rewards[agent] for agent in battle.agents]),
        }

    def _seen(self, battle: Any, seen: dict[str, Any], state: Any) -> dict[str, Any]:
        alive, allies = state.state.unit_alive, battle.num_allies
        won, lost = ~alive[allies:].any(), ~alive[:allies].any()
        masks = battle.get_avail_actions(state)
        return {
            "observations": jnp.stack([seen[agent] for agent in battle.agents]),
            "masks": jnp.stack([masks[agent] for agent in battle.agents]),
            "world": seen["world_state"],
            "alive": alive,
            "won": won & ~lost,
            "over": won | lost,
        }


@functools.cache
def world(scenario: str) -> SmaxWorld:
    """Return the one world of a scenario in this process, so that all its environments share what is compiled."""
    return SmaxWorld(scenario)
