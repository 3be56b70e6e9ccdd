"""Overcooked as a PettingZoo parallel environment of our own, step for step JaxMARL's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from robust_gym.disruption import did_you_mean
from robust_gym.task import Task
from robust_gym.tasks._jaxmarl import JaxTeam
from robust_gym.tasks._overcooked_world import Parameters, world
from robust_gym.tasks.overcooked import LAYOUTS, MAX_STEPS

ACTIONS = 6
"""Actions of a cook: up, down, right, left, stay, interact."""

_CHANNELS = 26
_HIGHEST = {16: 3.0, 18: 3.0, 20: 19.0}
"""Largest values of the channels that are not binary: onions in a pot, onions in a soup, time left to cook."""


class Kitchen(JaxTeam):
    """Two cooks who put onions into pots, soup onto plates, and serve it.

    Cooks ``agent_0`` and ``agent_1`` observe float32 grids ``[height, width, 26]``: JaxMARL's layers, their own
    position and direction first. Actions are up, down, right, left, stay and interact. A cook's reward is 20 for
    every soup that either of them serves, plus their own share for what leads to it (3 for an onion in a pot, 3 for
    a useful plate, 5 for soup on a plate), as in JaxMARL's training; ``infos[agent]["delivery_reward"]`` is the
    first part alone. ``state()`` is the first cook's grid in a row.

    Args:
        layout: A key of `LAYOUTS`.
        max_steps: Length of an episode.
        shaping: Weight of the second part of the reward.
        render_mode: Only ``None``.

    Raises:
        ValueError: If there is no such layout or render mode, or the number of steps is below 1.
    """

    metadata = {"name": "robust_overcooked_v0", "render_modes": [], "is_parallelizable": True}

    def __init__(
        self,
        layout: str = "cramped_room",
        max_steps: int = MAX_STEPS,
        shaping: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        if layout not in LAYOUTS:
            raise ValueError(
                f"unknown layout {layout!r}; layouts are {', '.join(LAYOUTS)}.{did_you_mean(layout, LAYOUTS)}"
            )
        if max_steps < 1:
            raise ValueError(f"max_steps must be at least 1, got {max_steps!r}")
        self.kitchen = world(layout, max_steps)
        self._shaping = shaping
        highest = np.ones((self.kitchen.height, self.kitchen.width, _CHANNELS), np.float32)
        for channel, value in _HIGHEST.items():
            highest[..., channel] = value
        cooks = ("agent_0", "agent_1")
        super().__init__(
            self.kitchen,
            self.kitchen.nominal,
            dict.fromkeys(cooks, spaces.Box(np.zeros_like(highest), highest, dtype=np.float32)),
            dict.fromkeys(cooks, ACTIONS),
            spaces.Box(np.zeros(highest.size, np.float32), highest.reshape(-1), dtype=np.float32),
            max_steps,
            render_mode,
        )

    def _rewards(self) -> list[float]:
        return (self._seen["delivery"] + self._shaping * self._seen["shaped"]).tolist()

    def _over(self) -> bool:
        return False

    def _infos(self) -> dict[str, dict[str, Any]]:
        delivery = self._seen.get("delivery", np.zeros(2)).tolist()
        return {agent: {"delivery_reward": one} for agent, one in zip(self.possible_agents, delivery, strict=True)}


def make(**kwargs: Any) -> Kitchen:
    """Make a kitchen; the arguments are those of `Kitchen`."""
    return Kitchen(**kwargs)


class OvercookedDynamics:
    """Writes dynamics and semantic shifts into the parameters of a `Kitchen`.

    Args:
        env: The unwrapped environment; its parameters are the nominal ones.
        task: Its task.
    """

    def __init__(self, env: Kitchen, task: Task) -> None:
        self._env = env
        self._nominal: Parameters = env.kitchen.nominal
        self._words = {name: shift.nominal for name, shift in task.semantic.items()}
        self._shifted = self._nominal

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set everything of the coming episode."""
        words = {name: str(values.get(name, nominal)) for name, nominal in self._words.items()}
        places = self._nominal.places
        if words["layout"] != self._words["layout"]:
            places = self._env.kitchen.places(words["layout"])
        if words["roles"] == "swapped":
            places = {**places, "agent_idx": places["agent_idx"][::-1].copy()}
        self._shifted = self._nominal._replace(places=places, random_start=int(words["start"] == "random"))
        self.apply({name: value for name, value in values.items() if not isinstance(value, str)})

    def apply(self, values: Mapping[str, float]) -> None:
        """Set all probabilities; those without a value are nominal."""
        chances = {name: np.float32(values.get(name, 0.0)) for name in ("slip", "fumble", "spill", "spoil")}
        pause = np.array([values.get("pause_0", 0.0), values.get("pause_1", 0.0)], np.float32)
        self._env.parameters = self._shifted._replace(pause=pause, **chances)
