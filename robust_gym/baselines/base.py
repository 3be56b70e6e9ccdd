"""What an algorithm and its policies look like, and how policies are stored.

An algorithm is a dataclass whose fields are its arguments, documented field by field; it is configuration,
command-line options and record at once. One file under ``robust_gym/baselines/`` holds one algorithm, and
imports torch and other heavy libraries only inside its methods.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from robust_gym import registry
from robust_gym.disruption import did_you_mean
from robust_gym.evaluate import Policy
from robust_gym.protocol import EVALUATION_SEEDS
from robust_gym.task import Budget, MissingExtraError, Task
from robust_gym.tensors import one_torch_thread

if TYPE_CHECKING:
    import numpy as np
    import torch

Progress = Callable[[int], None]
"""Called now and then with the number of environment steps done so far."""


YOUNGER: Mapping[str, Any] = MappingProxyType({"younger": True})
"""Metadata of an argument that published records lack: a record names it only where it is not its default, so that runs
from before and after it rank together."""

register_team_algorithm = functools.partial(
    registry.register_algorithm,
    apis=("parallel",),
    modules=("torch",),
    install='pip install "robust-gym[torch]"',
    observations=("box",),
    cooperative=True,
)
"""Registers what learns a team's behaviour with PyTorch; see ``registry.register_algorithm``."""

register_single_algorithm = functools.partial(
    registry.register_algorithm,
    apis=("gymnasium",),
    modules=("stable_baselines3",),
    install='pip install "robust-gym[sb3]"',
)
"""Registers what learns one agent's behaviour with Stable-Baselines3; see ``registry.register_algorithm``."""


@runtime_checkable
class Algorithm(Protocol):
    """Turns a task, a budget and a seed into a policy.

    Where ``train`` has an optional argument ``checkpoints`` too, the bench hands it the ``Checkpoints`` of
    ``baselines/checkpoints.py``, so that a training that was killed goes on from the last one.
    """

    def train(self, task: Task, budget: Budget, seed: int, progress: Progress) -> Policy:
        """Train, using at most ``budget.steps`` environment steps and only training seeds."""

    @staticmethod
    def load(directory: Path, task: Task) -> Policy:
        """Load a policy that this algorithm has saved for the task."""


class Checked:
    """An algorithm whose arguments are checked when it is made, whoever makes it."""

    algorithm: ClassVar[str]

    def __post_init__(self) -> None:
        """Check the arguments; see ``check``."""
        self.check()

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """

    def _require(self, name: str, good: bool, accepted: str) -> None:
        if not good:
            raise ValueError(f"{self.algorithm}: {name} must be {accepted}, got {getattr(self, name)!r}")


def create(name: str, arguments: Mapping[str, Any] | None = None) -> Algorithm:
    """Return the algorithm registered under a name, with some of its arguments changed.

    Raises:
        UnknownNameError: If no algorithm has that name.
        MissingExtraError: If a package it needs is missing; the message says what to install.
        ValueError: If it has no such argument.
    """
    info = registry.algorithm(name)
    line = info.missing()
    if line:
        raise MissingExtraError(line)
    fields = [field.name for field in dataclasses.fields(info.cls)]
    for argument in arguments or {}:
        if argument not in fields:
            raise ValueError(
                f"{name} has no argument {argument!r}; it has {', '.join(fields)}.{did_you_mean(argument, fields)}"
            )
    algorithm: Algorithm = info.cls(**(arguments or {}))
    return algorithm


def training_seed(rng: np.random.Generator) -> int:
    """Draw the seed of a training episode; never one that the protocol evaluates."""
    return int(rng.integers(EVALUATION_SEEDS))


def one_thread() -> contextlib.AbstractContextManager[None]:
    """Load torch, and run it on one thread: fastest for networks this small, and the same bits on every machine."""
    import torch  # noqa: F401

    return one_torch_thread()


def save_policy(
    directory: Path, algorithm: str, task: Task, weights: Mapping[str, torch.Tensor], meta: Mapping[str, Any]
) -> None:
    """Write ``policy.safetensors`` and ``policy.json`` into a directory.

    Args:
        directory: Made if it does not exist.
        algorithm: Registered name.
        task: The task trained on.
        weights: Tensors by name.
        meta: Whatever else the policy needs, as JSON values.
    """
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "policy.safetensors"
    if weights:
        from safetensors.torch import save_file

        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, file)
    else:  # a policy without a network is written, and read, without torch
        from safetensors.numpy import save_file as save_nothing

        save_nothing({}, file)
    text = json.dumps({"algorithm": algorithm, "task": task.id, **meta}, indent=2)
    (directory / "policy.json").write_text(text + "\n")


def read_policy(directory: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what ``save_policy`` has written: tensors by name, and the JSON values.

    Raises:
        FileNotFoundError: If the directory holds no policy.
        ValueError: If a file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    meta_path = directory / "policy.json"
    if not meta_path.exists():
        raise FileNotFoundError(f"{directory} holds no policy (there is no policy.json in it)")
    try:
        meta = json.loads(meta_path.read_text())
        with safe_open(directory / "policy.safetensors", "numpy") as file:
            empty = not file.keys()
        weights = {} if empty else _tensors(directory / "policy.safetensors")
    except (json.JSONDecodeError, SafetensorError, UnicodeDecodeError) as error:
        raise ValueError(f"the policy in {directory} is damaged: {error}") from error
    if not isinstance(meta, dict) or not {"algorithm", "task"} <= set(meta):
        raise ValueError(f"the policy in {directory} does not name its algorithm and task")
    return weights, meta


def _tensors(file: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(file)


def load_policy(directory: str | Path) -> Policy:
    """Load a policy that ``bench`` or an algorithm has saved, whatever the algorithm.

    Args:
        directory: Where it was saved, or the folder of its cell, in which it is ``policy``.

    Raises:
        FileNotFoundError: If the directory holds no policy.
        ValueError: If a file is damaged.
        UnknownNameError: If its algorithm or task is not registered.
    """
    directory = Path(directory)
    if (directory / "policy").is_dir():
        directory /= "policy"
    _, meta = read_policy(directory)
    info = registry.algorithm(str(meta["algorithm"]))
    policy: Policy = info.cls.load(directory, registry.task(str(meta["task"])))
    return policy
