"""The robots of gymnasium-robotics, as their authors made them; two things are mended.

The in-hand tasks start an episode from whatever the last one left in the simulator (its warm start, its controls),
so that a seed does not fix it: ``FreshReset`` gives every episode the same start. FrankaKitchen's goals are a Dict
in a Dict, shared between steps: ``Kitchen`` lays them flat, each time anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from robust_gym.task import load
from robust_gym.tasks import _robotics_library

_robotics_library.load()

from gymnasium_robotics.envs.franka_kitchen.kitchen_env import (  # noqa: E402  needs the line above
    OBS_ELEMENT_GOALS,
    OBS_ELEMENT_INDICES,
    KitchenEnv,
)

TASK_SETS = {
    "all": tuple(OBS_ELEMENT_GOALS),
    "complete": ("microwave", "kettle", "light switch", "slide cabinet"),
    "mixed": ("microwave", "kettle", "bottom burner", "light switch"),
}
"""What is asked for in the kitchen: everything, or the four tasks of D4RL's ``complete`` or ``mixed`` data."""


def robot(id: str, **kwargs: Any) -> Any:
    """Build an environment of gymnasium-robotics without its time limit.

    Args:
        id: Its Gymnasium id.
        **kwargs: Arguments of the environment, such as ``reward_type`` (``"dense"`` or ``"sparse"``).
    """
    spec = gym.spec(id)
    merged = {**spec.kwargs, **kwargs}
    env = load(str(spec.entry_point))(**merged)
    # Some classes forget an argument here, and their copies would be other environments.
    env._ezpickle_args, env._ezpickle_kwargs = (), merged
    return FreshReset(env) if id.startswith("HandManipulate") else env


def kitchen(**kwargs: Any) -> Any:
    """Build FrankaKitchen with flat goals, without its time limit."""
    return Kitchen(**kwargs)


class FreshReset(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Starts every episode from the simulator's state after construction, whatever was played before.

    Args:
        env: An environment of gymnasium-robotics, just built.
    """

    def __init__(self, env: Any) -> None:
        import mujoco

        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        model, data = env.unwrapped.model, env.unwrapped.data
        self._parts = mujoco.mjtState.mjSTATE_INTEGRATION
        self._start = np.empty(mujoco.mj_stateSize(model, self._parts))
        mujoco.mj_getState(model, data, self._start, self._parts)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset, having forgotten the last episode."""
        import mujoco

        env: Any = self.unwrapped
        mujoco.mj_setState(env.model, env.data, self._start, self._parts)
        return self.env.reset(seed=seed, options=options)


class Kitchen(KitchenEnv):
    """FrankaKitchen whose goals are one Box of 17 numbers each, in the order of ``OBS_ELEMENT_GOALS``.

    An element that is not among the tasks has its place at the start of the episode as its goal: leave it alone.

    Args:
        *args: As of ``KitchenEnv``.
        **kwargs: As of ``KitchenEnv``, such as ``tasks_to_complete`` and ``render_mode``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        goal = spaces.Box(-np.inf, np.inf, (sum(map(len, OBS_ELEMENT_GOALS.values())),), np.float64)
        inner = vars(self)["observation_space"]["observation"]
        self.observation_space = spaces.Dict(desired_goal=goal, achieved_goal=goal, observation=inner)

    def ask_for(self, tasks: tuple[str, ...]) -> None:
        """Set what counts from the next reset on."""
        self.goal = {task: OBS_ELEMENT_GOALS[task] for task in tasks}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step; the reward is the number of tasks that this step completed."""
        observation, reward, terminated, truncated, info = super().step(action)
        return self._flat(observation), reward, terminated, truncated, _fresh(info)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset; every task is open again."""
        observation, info = super().reset(seed=seed, options=options)
        return self._flat(observation), _fresh(info)

    def compute_reward(self, achieved_goal: Any, desired_goal: Any, info: Any) -> Any:
        """Return the number of tasks still open that an achieved goal completes; goals flat, or one per row."""
        if isinstance(achieved_goal, Mapping):
            return super().compute_reward(achieved_goal, desired_goal, info)
        if np.ndim(achieved_goal) > 1:
            pairs = zip(achieved_goal, desired_goal, strict=True)
            return np.array([self.compute_reward(achieved, desired, info) for achieved, desired in pairs])
        return super().compute_reward(_split(achieved_goal), _split(desired_goal), info)

    def _flat(self, observation: Mapping[str, Any]) -> dict[str, np.ndarray]:
        start = self.robot_env.init_qpos
        desired = [self.goal.get(name, start[index]) for name, index in OBS_ELEMENT_INDICES.items()]
        achieved = [self.data.qpos[index] for index in OBS_ELEMENT_INDICES.values()]
        return {
            "desired_goal": np.concatenate(desired),
            "achieved_goal": np.concatenate(achieved),
            "observation": observation["observation"],
        }


def _split(goal: np.ndarray) -> dict[str, np.ndarray]:
    ends = np.cumsum([len(index) for index in OBS_ELEMENT_INDICES.values()])[:-1]
    return dict(zip(OBS_ELEMENT_INDICES, np.split(goal, ends), strict=True))


def _fresh(info: Mapping[str, Any]) -> dict[str, Any]:
    """Copy the lists of tasks, which the environment goes on changing; sets have no order to rely on."""
    return {name: sorted(value) if name == "tasks_to_complete" else list(value) for name, value in info.items()}
