"""A task and algorithms small enough to run thousands of cells of; a plug-in, so that workers find it too."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import numpy as np

from robust_gym.registry import register_algorithm, register_task
from robust_gym.task import Task

LOG = "ROBUST_GYM_FAKE_LOG"
"""Environment variable with the path of a file to which every training and evaluation adds a line."""


class Walk(gym.Env):
    """A point moves by its action; the reward is minus its distance from the origin."""

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(-10, 10, (2,), np.float64)
        self.action_space = gym.spaces.Box(-1, 1, (2,), np.float64)
        self._place = np.zeros(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self._place = self.np_random.uniform(-1, 1, 2)
        return self._place.copy(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        self._place = np.clip(self._place + action, -10, 10)
        return self._place.copy(), -float(np.abs(self._place).sum()), False, False, {}


def _task(name: str, **other: Any) -> Task:
    fields: dict[str, Any] = {
        "id": name,
        "family": "fake",
        "about": "A point that should stay at the origin.",
        "base": "fakes:Walk",
        "adapter": "fakes:none",
        "horizon": 3,
        "steps": {"smoke": 10, "quick": 20, "standard": 30},
        **other,
    }
    return register_task(Task(**fields))


WALK = _task("Fake-Walk-v0")
OTHER = _task("Fake-Other-v0", about="The same again.")
ABSENT = _task("Fake-Absent-v0", modules=("no_such_module",), install="pip install no-such-thing")


def log(line: str) -> None:
    path = os.environ.get(LOG)
    if path:
        with Path(path).open("a") as file:
            file.write(line + "\n")


@dataclass
class FakePolicy:
    gain: float
    name: str

    def act(self, observation: np.ndarray, state: Any, episode_start: np.ndarray) -> tuple[np.ndarray, Any]:
        if state is None:
            log(f"evaluate {self.name}")
        gain = float("nan") if self.name == "nan" else self.gain
        return np.clip(-gain * observation, -1, 1), True

    def save(self, directory: Path) -> None:
        directory.joinpath("fake.json").write_text(json.dumps(asdict(self)))


@register_algorithm("fake", about="Draws a gain.", apis=("gymnasium",), actions=("box",))
@dataclass
class Fake:
    """Draws a gain from its seed.

    Attributes:
        gain: Added to the gain that is drawn.
        trouble: What happens at seed 1.
        pause: Seconds of training.
        sizes: Nothing depends on them.
        train_disruption: Nor on this.
    """

    gain: float = 0.0
    trouble: Literal["none", "raise", "kill", "exit", "nan", "evaluate"] = "none"
    pause: float = 0.0
    sizes: tuple[int, ...] = (1, 2)
    train_disruption: str = "none"

    def train(self, task: Task, budget: Any, seed: int, progress: Any) -> FakePolicy:
        log(f"train {task.id} {seed}")
        log(f"threads {os.environ.get('OMP_NUM_THREADS')}")
        print("a line that the algorithm prints")
        for step in range(budget.steps):
            time.sleep(self.pause / budget.steps)
            progress(step + 1)
        trouble = self.trouble if seed == 1 else "none"
        if trouble == "raise":
            raise RuntimeError("the fake algorithm was told to fail")
        if trouble == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if trouble == "exit":
            os._exit(3)
        gain = self.gain + float(np.random.default_rng(seed).uniform())
        name = {"nan": "nan", "evaluate": "broken"}.get(trouble, f"{task.id} {seed}")
        return FakePolicy(gain, name)

    @staticmethod
    def load(directory: Path, task: Task) -> FakePolicy:
        policy = FakePolicy(**json.loads(directory.joinpath("fake.json").read_text()))
        if policy.name == "broken":
            raise RuntimeError("the fake policy cannot be loaded")
        return policy


@register_algorithm("fake-beside", about="Is compared.", apis=("gymnasium",), actions=("box",))
@dataclass
class FakeBeside(Fake):
    """The same under another name."""


@register_algorithm(
    "fake-compared", about="Compares.", apis=("gymnasium",), actions=("box",), compare=("fake-beside", "fake-absent")
)
@dataclass
class FakeCompared(Fake):
    """The same, beside another.

    Attributes:
        only_here: An argument that the other does not have.
    """

    only_here: int = 1


@register_algorithm(
    "fake-absent", about="Cannot run.", apis=("gymnasium",), modules=("no_such_module",), install="pip install nothing"
)
@dataclass
class FakeAbsent(Fake):
    """Needs what is not installed."""


def stay(observation: np.ndarray) -> np.ndarray:
    """A plain function as a policy."""
    return np.clip(-observation, -1, 1)
