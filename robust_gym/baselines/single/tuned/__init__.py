"""Hyper-parameters of the standard algorithms, as data: one module for each algorithm, or for a few alike.

The values come from rl-baselines3-zoo (``hyperparams/*.yml`` in release 2.9.1 of ``rl_zoo3``, tuned by its authors);
what it leaves open is Stable-Baselines3's default. Its names of environments are those of the tasks here, and its
``learning_starts`` become shares of its ``n_timesteps``. Left out are its activation functions, and a
limit of the mean of SAC with gSDE. The zoo's MuJoCo values for PPO, with an LSTM or without, are tuned for a million
steps with learning rates too small for less, so those families keep the defaults (those of the PPO paper) with
normalised observations and rewards, as the zoo's own ``mujoco-defaults`` do.
"""

from __future__ import annotations

from typing import Any

from robust_gym.baselines.single.tuned import a2c, dqn, ppo, sac, td3, trpo
from robust_gym.baselines.single.tuned.table import Table, Values
from robust_gym.task import Task

_TABLES: dict[str, Table] = {
    name: table for module in (a2c, dqn, ppo, sac, td3, trpo) for name, table in module.TABLES.items()
}


def defaults(algorithm: str) -> Values:
    """Return an algorithm's values where a task or its family has no other; empty for one that is not tuned."""
    return _TABLES[algorithm][0] if algorithm in _TABLES else {}


def tuned(algorithm: str, task: Task, given: Values) -> dict[str, Any]:
    """Return an algorithm's values for a task: those given, else the task's, its family's, or the default.

    Args:
        algorithm: Registered name of a standard algorithm, such as ``ppo``.
        task: The task.
        given: Values that win; ``None`` is not a value.
    """
    default, by_family, by_task = _TABLES[algorithm]
    values = {**default, **by_family.get(task.family, {}), **by_task.get(task.id, {})}
    values.update({name: given[name] for name in values if given.get(name) is not None})
    return values
