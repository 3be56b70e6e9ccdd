"""robust-gym: the benchmark suite for robust reinforcement learning.

``gymnasium.make("Robust-Ant-v0", disruption="dynamics:0.2")`` works once this package is imported.
"""

from robust_gym import baselines as baselines  # sets how algorithms are found; imports none of them
from robust_gym.disruption import Disruption, DisruptionError
from robust_gym.evaluate import Evaluation, evaluate
from robust_gym.registry import list_algorithms, list_tasks, task
from robust_gym.task import MissingExtraError, Task
from robust_gym.tasks import import_families, make, make_parallel

__version__ = "0.1.0"

__all__ = [
    "Disruption",
    "DisruptionError",
    "Evaluation",
    "MissingExtraError",
    "Task",
    "evaluate",
    "list_algorithms",
    "list_tasks",
    "make",
    "make_parallel",
    "task",
]

import_families()
