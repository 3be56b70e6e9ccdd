"""An environment that steps from the arrays of an exact model, and its dynamics."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from robust_gym import registry
from robust_gym.task import Task, load
from robust_gym.tasks._exact_model import TabularModel


class TabularEnv(gym.Env[Any, Any]):
    """A small world, stepped from its exact model.

    Observations are state numbers, actions are action numbers. Every reset and every step draws one number from
    the environment's generator, whatever the model, so that two worlds meet the same chances. The attribute
    ``model`` may be replaced at any time by one with as many states and actions.

    Args:
        model: The world.
        render_mode: ``"ansi"`` for text, or ``None``.

    Raises:
        ValueError: If there is no such render mode.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 4}

    def __init__(self, model: TabularModel, render_mode: str | None = None) -> None:
        if render_mode not in (None, "ansi"):
            raise ValueError(f"a small world is rendered as 'ansi', not as {render_mode!r}")
        self.render_mode = render_mode
        self.model = model
        self.observation_space = spaces.Discrete(len(model.states))
        self.action_space = spaces.Discrete(len(model.actions))
        self._state = int(np.argmax(model.initial))
        self._action: int | None = None

    @property
    def state(self) -> int:
        """The present state."""
        return self._state

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: Seeds the generator; ``None`` lets it go on.
            options: Not used.
        """
        super().reset(seed=seed)
        self._state, self._action = drawn(self.model.initial, self.np_random), None
        return self._state, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """Take an action.

        Raises:
            ValueError: If there is no such action.
        """
        try:
            chosen = operator.index(action)
        except TypeError:
            chosen = -1
        model = self.model
        if not 0 <= chosen < len(model.actions):
            raise ValueError(f"the action must be a whole number 0 to {len(model.actions) - 1}, got {action!r}")
        before, self._action = self._state, chosen
        self._state = drawn(model.transition[before, chosen], self.np_random)
        reward = float(model.reward[before, chosen, self._state])
        return self._state, reward, bool(model.terminal[self._state]), False, {}

    def render(self) -> str | None:
        """Return the present state as text: a map where the world has one, with ``@`` for the agent."""
        if self.render_mode is None:
            return None
        model, last = self.model, "" if self._action is None else f" after {self.model.actions[self._action]}"
        lines = [f"{model.states[self._state]}{last}"]
        number = 0
        for row in model.layout:
            drawn = ""
            for tile in row:
                drawn += "@" if tile != "#" and number == self._state else tile
                number += tile != "#"
            lines.append(drawn)
        return "\n".join(lines) + "\n"


def drawn(probabilities: np.ndarray, rng: np.random.Generator) -> int:
    """Draw a state by the probabilities of all, ``[S]``, with one number from the generator."""
    sums = probabilities.cumsum()
    # Rounding may leave the last sum a little off 1: a draw beyond it belongs to the last possible state.
    return int(sums.searchsorted(min(rng.random(), np.nextafter(sums[-1], 0.0)), side="right"))


def make(world: str, render_mode: str | None = None) -> TabularEnv:
    """Make the undisturbed environment of a task.

    Args:
        world: The task's id; its nominal values are the world's.
        render_mode: ``"ansi"`` or ``None``.
    """
    return TabularEnv(registry.task(world).model(), render_mode)


class ExactDynamics:
    """Writes the whole world anew whenever a value changes: parameters and words make one world together.

    Args:
        env: The unwrapped environment, in its undisturbed world.
        task: Its task.
    """

    def __init__(self, env: Any, task: Task) -> None:
        self._env, self._task = env, task
        self._nominal = self._last = task.nominal_values()
        self._words: dict[str, str] = {}

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set the world of the coming episode."""
        self._words = {name: value for name, value in values.items() if isinstance(value, str)}
        self.apply({name: value for name, value in values.items() if not isinstance(value, str)})

    def apply(self, values: Mapping[str, float]) -> None:
        """Set the parameters from now on; those without a value are nominal."""
        wanted = {**self._nominal, **self._words, **values}
        if wanted != self._last:
            self._write(wanted, wanted == self._nominal)
            self._last = wanted

    def _write(self, values: Mapping[str, float | str], undisturbed: bool) -> None:
        raise NotImplementedError


class TabularDynamics(ExactDynamics):
    """Gives a `TabularEnv` the model of the disturbed world.

    Args:
        env: The unwrapped environment, in its undisturbed world.
        task: Its task.
    """

    def __init__(self, env: TabularEnv, task: Task) -> None:
        super().__init__(env, task)
        self._exact, self._undisturbed = load(task.exact), env.model

    def _write(self, values: Mapping[str, float | str], undisturbed: bool) -> None:
        self._env.model = self._undisturbed if undisturbed else self._exact(self._task, values)
