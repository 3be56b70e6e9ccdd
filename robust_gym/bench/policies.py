"""Finding the policy that a person means: a saved one, a cell's, or a plain function."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from robust_gym import registry
from robust_gym.baselines.base import load_policy, read_policy
from robust_gym.bench.files import read_files
from robust_gym.bench.store import POLICY
from robust_gym.bench.training import TRAINING_FILE, Training, check_files, provenance, read_training
from robust_gym.evaluate import as_policy
from robust_gym.plugins import PluginError, load_plugin
from robust_gym.record import EXTERNAL, Name


@dataclass(frozen=True)
class Found:
    """A policy, and what is known of it.

    Attributes:
        policy: Anything that ``evaluate`` takes.
        training: How it came to be, and on which task; for a policy of one's own, what a record has to say about it.
    """

    policy: Any
    training: Training


def find_policy(target: str, task: str | None) -> Found:
    """Load the policy that a text means.

    Args:
        target: A folder with a saved policy, a cell's folder, or ``module:function``.
        task: Id of the task that a function will be evaluated on; a saved policy knows its own.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If the folder holds no policy or a damaged one, the function cannot be found, or ``task`` is needed.
    """
    path = Path(target)
    if not path.exists() and ":" in target:
        if task is None:
            raise ValueError(f"name the task that {target} is to be evaluated on: --task ID")
        return _function(target, task)
    folder = _policy_folder(path)
    if (folder / TRAINING_FILE).exists():
        return _trained_by_bench(folder)
    _, meta = read_policy(folder)
    return Found(load_policy(folder), _unknown_training(str(meta["algorithm"]), str(meta["task"])))


def checked_name(name: str) -> str:
    """Return a name for records.

    Raises:
        ValueError: If records take no such name.
    """
    try:
        return TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise ValueError(
            f"--name {name!r}: a name is up to 80 letters, digits, '.', '_' and '-', and begins with a letter or digit"
        ) from None


def renamed(training: Training, task: str, name: str | None) -> Training:
    """Describe a policy for records that are not those of its own training.

    The records of a policy that ``bench`` has trained say how, and rank with others trained alike; under another name,
    or on a task that it was not trained on, they must not.

    Args:
        training: How it came to be.
        task: Id of the task it was evaluated on.
        name: Another name for it.
    """
    if name is None and training.task == task:
        return training
    moved = training.algorithm if training.task == task else f"{training.algorithm}-from-{training.task}"
    return training.model_copy(update={"algorithm": name or moved[:80], "budget": EXTERNAL, "budget_steps": 0})


def _policy_folder(path: Path) -> Path:
    if not path.exists():
        raise FileNotFoundError(f"there is no folder {str(path)!r}, and it is no module:function either")
    if (path / "policy.json").exists() or (path / TRAINING_FILE).exists():
        return path
    if (path / POLICY).is_dir():
        return path / POLICY
    cells = sorted(found.parent.name for found in path.glob(f"seed-*/{POLICY}"))
    if cells:
        raise ValueError(f"{path} holds the policies of several cells ({', '.join(cells)}); name one of them")
    raise ValueError(f"{path} holds no policy: a saved policy has a policy.json, a cell a folder {POLICY!r}")


def _trained_by_bench(folder: Path) -> Found:
    files = read_files(folder)
    try:
        training = read_training(files)
        check_files(files, training)
    except ValueError as error:
        raise ValueError(f"the policy in {folder} is damaged: {error}") from error
    cls = registry.algorithm(training.algorithm).cls
    policy = cls.load(folder, registry.task(training.task))
    return Found(policy, training)


def _function(target: str, task: str) -> Found:
    module_name, _, attribute = target.rpartition(":")
    module = load_plugin(module_name)
    if not hasattr(module, attribute):
        raise PluginError(f"{module_name!r} has no {attribute!r}")
    policy = getattr(module, attribute)
    try:
        as_policy(policy)
    except TypeError as error:
        raise ValueError(f"{target}: {error}") from None
    own = re.sub(r"[^A-Za-z0-9._-]+", "-", attribute).strip("-._")
    return Found(policy, _unknown_training(own or "policy", task))


def _unknown_training(algorithm: str, task: str) -> Training:
    found = registry.task(task)
    return Training(
        algorithm=algorithm,
        task=found.id,
        task_version=found.version,
        seed=0,
        budget=EXTERNAL,
        budget_steps=0,
        steps_used=0,
        train="nominal",
        train_seconds=0.0,
        provenance=provenance(),
        files={},
    )
