"""robust-gym: the benchmark suite for robust reinforcement learning.

``gymnasium.make("Robust-Ant-v0", disruption="dynamics:0.2")`` works once this package is imported.
"""

from robust_gym import baselines as baselines  # sets how algorithms are found; imports none of them
from robust_gym import wrappers as wrappers  # so that robust_gym.wrappers.bind is there; imports none of them
from robust_gym.disruption import Disruption, DisruptionError
from robust_gym.evaluate import Evaluation, as_policy, evaluate
from robust_gym.registry import UnknownNameError, list_algorithms, list_tasks, load_tasks, task
from robust_gym.task import MissingExtraError, Task
from robust_gym.tasks import make, make_parallel

__version__ = "0.1.0"

__all__ = [
    "Disruption",
    "DisruptionError",
    "Evaluation",
    "MissingExtraError",
    "Task",
    "UnknownNameError",
    "as_policy",
    "evaluate",
    "list_algorithms",
    "list_tasks",
    "make",
    "make_parallel",
    "task",
]

load_tasks()  # those of other packages too, so that gymnasium.make knows them
