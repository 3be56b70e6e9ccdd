"""What the tests of the baselines share."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from robust_gym import registry
from robust_gym.task import Task


def global_state() -> tuple[Any, ...]:
    """Return the state of every global generator, and torch's number of threads."""
    legacy = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().tolist(), legacy[1].tolist(), random.getstate(), torch.get_num_threads()


@contextlib.contextmanager
def registered(*tasks: Task) -> Iterator[None]:
    """Register tasks for the time of a test."""
    registry.list_tasks()
    for task in tasks:
        registry.register_task(task)
    try:
        yield
    finally:
        for task in tasks:
            del registry._tasks[task.id]
            gym.registry.pop(task.id, None)
