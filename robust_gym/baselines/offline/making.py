"""Making a dataset: policies that are trained or read, episodes that they collect, a folder in Minari's format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robust_gym.baselines.base import create, load_policy, one_thread, read_policy
from robust_gym.baselines.offline import datasets
from robust_gym.baselines.offline.episodes import Behaviour, check_noise, collect, returns
from robust_gym.baselines.offline.supply import behaviour_of, behaviour_policy
from robust_gym.evaluate import Policy
from robust_gym.task import BUDGETS, Task

RANDOM = "random"
"""Acts uniformly; every action is drawn anew."""


@dataclass(frozen=True)
class Recipe:
    """How a dataset comes to be.

    Attributes:
        algorithms: Registered names: each is trained, and collects; ``auto`` is the one that suits the task.
        folders: Saved policies that collect too.
        shares: Probability that an episode is played by each algorithm and then by each folder; empty for equal ones.
        budget: Name of the budget that each algorithm trains with.
        epsilon: Probability that an action is drawn uniformly instead.
        noise: Standard deviation of the Gaussian noise on actions, in units of half their range.
        steps: Environment steps of the dataset.
        seed: Of training, and of all that is drawn while collecting.

    Raises:
        ValueError: If the budget, the steps or the seed make no sense.
    """

    algorithms: tuple[str, ...] = ("auto",)
    folders: tuple[Path, ...] = ()
    shares: tuple[float, ...] = ()
    budget: str = "quick"
    epsilon: float = 0.0
    noise: float = 0.0
    steps: int = 100_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.budget not in BUDGETS:
            raise ValueError(f"unknown budget {self.budget!r}; budgets are {', '.join(BUDGETS)}")
        if self.steps < 1 or self.seed < 0:
            raise ValueError(f"steps must be at least 1 and the seed at least 0, got {self.steps} and {self.seed}")

    def behaviour(self, policies: Sequence[Policy | None]) -> Behaviour:
        """Return the behaviour of some policies."""
        return Behaviour(tuple(policies), self.shares, self.epsilon, self.noise)


def make_dataset(
    task: Task,
    recipe: Recipe,
    id: str = "",
    root: Path | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Train, collect and write.

    Args:
        task: The task, of one agent, whose observations are no images.
        recipe: How.
        id: The dataset's id; by default one that names the task, the algorithms and their budget.
        root: Folder of all datasets; ``None`` for ``MINARI_DATASETS_PATH``, or Minari's own.
        tell: Told in one line what is begun.

    Returns:
        What was made, as JSON values: its id, folder, numbers of episodes and steps, and their returns (see
            [returns][robust_gym.baselines.offline.episodes.returns]).

    Raises:
        FileNotFoundError: If a folder holds no policy.
        MissingExtraError: If Minari, or a package that the task or an algorithm needs, is not installed.
        UnknownNameError: If an algorithm is not registered.
        ValueError: If the task cannot have a dataset, the behaviour makes no sense, an algorithm cannot train on the
            task, a policy is of another one, or there is such a dataset.
    """
    if task.api != "gymnasium" or task.observation == "image":
        what = "several agents" if task.api != "gymnasium" else "images"
        raise ValueError(f"a dataset is of a task with one agent whose observations are numbers; {task.id} has {what}")
    datasets.require()
    task.require()
    names = [behaviour_of(name, task) for name in recipe.algorithms]
    loaded = [_saved(folder, task) for folder in recipe.folders]
    budget = [recipe.budget] if any(name != RANDOM for name in names) else []
    id = id or datasets.dataset_id(task, "-".join([*names, *(part["algorithm"] for part, _ in loaded), *budget]))
    datasets.free_folder(id, root)  # before hours of training
    check_noise(recipe.noise, task)
    somebody = create(RANDOM).train(task, task.budget(recipe.budget), 0, lambda done: None)
    recipe.behaviour([None if name == RANDOM else somebody for name in names] + [one for _, one in loaded])

    *training, drawing = np.random.SeedSequence(recipe.seed).spawn(len(names) + 1)
    trained = [_trained(name, task, recipe.budget, stream, tell) for name, stream in zip(names, training, strict=True)]
    parts, policies = zip(*trained, *loaded, strict=True)
    behaviour = recipe.behaviour(policies)
    tell(f"collecting {recipe.steps} steps")
    with one_thread():
        episodes = collect(task, behaviour, recipe.steps, np.random.default_rng(drawing))
    about = {
        "algorithm": " and ".join(part["algorithm"] for part in parts),
        "behaviours": [
            {**part, "share": float(share)} for part, share in zip(parts, behaviour.probabilities, strict=True)
        ],
        "epsilon": recipe.epsilon,
        "noise": recipe.noise,
        "steps": recipe.steps,
        "seed": recipe.seed,
    }
    folder = datasets.write(id, task, episodes, about, root)
    found = returns(task, episodes)
    return {
        "id": id,
        "folder": str(folder),
        "episodes": len(episodes),
        "steps": recipe.steps,
        "mean_return": float(np.mean(found)),
        "least_return": float(np.min(found)),
        "largest_return": float(np.max(found)),
    }


def _trained(
    name: str, task: Task, budget: str, stream: np.random.SeedSequence, tell: Callable[[str], None]
) -> tuple[dict[str, Any], Policy | None]:
    """Return what is written about a policy, and the policy; ``None`` for the random one."""
    if name == RANDOM:
        return {"algorithm": name}, None
    steps, seed = task.budget(budget).steps, int(stream.generate_state(1)[0])
    tell(f"training {name} on {task.id} for {steps} steps")
    policy = behaviour_policy(name, task, steps, seed, lambda done: None)
    return {"algorithm": name, "steps": steps, "seed": seed}, policy


def _saved(folder: Path, task: Task) -> tuple[dict[str, Any], Policy]:
    """Return what is written about a saved policy, and the policy."""
    _, meta = read_policy(folder)
    if meta["task"] != task.id:
        raise ValueError(f"the policy in {folder} is of {meta['task']}, not of {task.id}")
    return {"algorithm": str(meta["algorithm"]), "folder": str(folder)}, load_policy(folder)
