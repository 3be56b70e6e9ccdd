"""Overcooked as two compiled functions whose dynamics are arguments; imported only when a kitchen is made."""

from __future__ import annotations

import functools
import warnings
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from robust_gym.tasks._jaxmarl import import_quietly, on_cpu

_overcooked = import_quietly("jaxmarl.environments.overcooked.overcooked")
_common = import_quietly("jaxmarl.environments.overcooked.common")

PLACES = ("wall_idx", "agent_idx", "goal_idx", "plate_pile_idx", "onion_pile_idx", "pot_idx")
"""What stands where in a layout of JaxMARL: indices of cells, row by row."""

_INDEX = _common.OBJECT_TO_INDEX
_STAY, _INTERACT = int(_overcooked.OvercookedActions.stay), int(_overcooked.OvercookedActions.interact)
# For up, down, right and left: the moves to both sides.
_SIDES = np.array([(3, 2), (3, 2), (0, 1), (0, 1)], np.int32)


class Parameters(NamedTuple):
    """The dynamics of a kitchen: arrays, so that other values need no other program.

    Attributes:
        places: Where things stand, by the names of `PLACES`.
        random_start: 1 if cooks, what they hold and what is in the pots are random at the start, else 0. A plain
            number: JAX then lets it take the types of what it meets, as it does with JaxMARL's own constant.
        slip: Probability that a move goes to one side.
        fumble: Probability that an interaction does nothing.
        spill: Probability, at each step, that a cook loses what they hold.
        spoil: Probability, at each step, that an item on a counter disappears.
        pause: Probability that a cook does nothing, float32 ``[2]``.
    """

    places: dict[str, np.ndarray]
    random_start: int
    slip: np.float32
    fumble: np.float32
    spill: np.float32
    spoil: np.float32
    pause: np.ndarray


class OvercookedWorld:
    """One kitchen's two functions; see `robust_gym.tasks._jaxmarl.World`.

    Args:
        layout: Its name in JaxMARL.
        max_steps: Longest episode; its last forty steps are marked in the observations.
    """

    def __init__(self, layout: str, max_steps: int) -> None:
        self._arguments = (layout, max_steps)
        places = _overcooked.layouts[layout]
        self.height, self.width = int(places["height"]), int(places["width"])
        self.begin = on_cpu(self._begin)
        self.advance = on_cpu(self._advance)
        zero = np.float32(0)
        self.nominal = Parameters(self.places(layout), 0, zero, zero, zero, zero, np.zeros(2, np.float32))

    def __reduce__(self) -> tuple[Any, tuple[str, int]]:
        """Pickle and copy as the process's one world of that kind: compiled functions cannot travel."""
        return world, self._arguments

    def places(self, layout: str) -> dict[str, np.ndarray]:
        """Return where things stand in a layout of this kitchen's size: JaxMARL's, or its own turned over.

        Args:
            layout: A name of JaxMARL, ``"mirrored"`` (left and right exchanged) or ``"upside_down"``.
        """
        turned = layout in ("mirrored", "upside_down")
        theirs = _overcooked.layouts[self._arguments[0] if turned else layout]
        found = {place: np.asarray(theirs[place], np.int32) for place in PLACES}
        if turned:
            for place, cells in found.items():
                row, column = np.divmod(cells, self.width)
                if layout == "mirrored":
                    column = self.width - 1 - column
                else:
                    row = self.height - 1 - row
                found[place] = (row * self.width + column).astype(np.int32)
        # Layouts have different numbers of walls: the last one is named again, so that one program serves all.
        walls = found["wall_idx"]
        found["wall_idx"] = np.pad(walls, (0, self.height * self.width - len(walls)), mode="edge")
        return found

    def _kitchen(self, parameters: Parameters) -> Any:
        layout = {**parameters.places, "height": self.height, "width": self.width}
        with warnings.catch_warnings():
            # It recommends another environment of JaxMARL.
            warnings.filterwarnings("ignore", "OvercookedV2 is now released", DeprecationWarning)
            return _overcooked.Overcooked(layout, parameters.random_start, self._arguments[1])

    def _begin(self, parameters: Parameters, key: Any) -> tuple[Any, dict[str, Any]]:
        seen, state = self._kitchen(parameters).reset(key)
        return state, _seen(seen)

    def _advance(
        self, parameters: Parameters, key: Any, t: Any, state: Any, actions: Any
    ) -> tuple[Any, dict[str, Any]]:
        kitchen, key = self._kitchen(parameters), jax.random.fold_in(key, t)
        mishaps, key = jax.random.split(key)
        state, actions = _mishaps(parameters, mishaps, state, actions)
        chosen = dict(zip(kitchen.agents, actions, strict=True))
        seen, state, rewards, _, infos = kitchen.step_env(key, state, chosen)
        shaped = infos["shaped_reward"]
        return state, {
            **_seen(seen),
            "delivery": jnp.stack([rewards[agent] for agent in kitchen.agents]),
            "shaped": jnp.stack([shaped[agent] for agent in kitchen.agents]),
        }


def _mishaps(parameters: Parameters, key: Any, state: Any, actions: Any) -> tuple[Any, Any]:
    """Return the state and the actions after what goes wrong before a step; nothing does at probability 0."""
    slip, side, fumble, spill, spoil, pause = jax.random.split(key, 6)

    def happens(key: Any, probability: Any, shape: tuple[int, ...] = (2,)) -> Any:
        return jax.random.uniform(key, shape) < probability

    aside = jnp.asarray(_SIDES)[jnp.minimum(actions, 3), jax.random.randint(side, (2,), 0, 2)]
    actions = jnp.where((actions < _STAY) & happens(slip, parameters.slip), aside, actions)
    fails = (actions == _INTERACT) & happens(fumble, parameters.fumble)
    actions = jnp.where(fails | happens(pause, parameters.pause), _STAY, actions)

    held = jnp.where(happens(spill, parameters.spill), _INDEX["empty"], state.agent_inv)
    objects = state.maze_map[..., 0]
    loose = (objects == _INDEX["onion"]) | (objects == _INDEX["plate"]) | (objects == _INDEX["dish"])
    gone = loose & happens(spoil, parameters.spoil, objects.shape)
    counter = _common.OBJECT_INDEX_TO_VEC[_INDEX["wall"]]
    cells = jnp.where(gone[..., None], counter, state.maze_map)
    return state.replace(agent_inv=held.astype(state.agent_inv.dtype), maze_map=cells), actions


def _seen(observations: dict[str, Any]) -> dict[str, Any]:
    both = jnp.stack(list(observations.values())).astype(jnp.float32)
    return {"observations": both, "world": both[0].reshape(-1)}


@functools.cache
def world(layout: str, max_steps: int) -> OvercookedWorld:
    """Return the one world of a kind in this process, so that all its environments share what is compiled."""
    return OvercookedWorld(layout, max_steps)
