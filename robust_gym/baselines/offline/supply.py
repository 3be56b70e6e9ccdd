"""Where an offline algorithm's data come from: a dataset, or its own collection within the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from robust_gym import registry
from robust_gym.baselines.base import Progress, create
from robust_gym.baselines.checkpoints import Checkpoints, resuming
from robust_gym.baselines.offline import datasets
from robust_gym.baselines.offline.episodes import Behaviour, Episode, check_noise, collect
from robust_gym.evaluate import Policy
from robust_gym.task import Budget, Task

if TYPE_CHECKING:
    from robust_gym.baselines.offline.arguments import OfflineArguments

LEAST = 4
"""Fewest steps of a budget that can be split."""

AUTO = {"box": "sac", "discrete": "ppo"}
"""The behaviour that suits each kind of action."""


def supply(
    arguments: OfflineArguments,
    task: Task,
    steps: int,
    seeds: np.random.SeedSequence,
    progress: Progress,
    checkpoints: Checkpoints | None = None,
) -> list[Episode]:
    """Return the episodes to learn from.

    Args:
        arguments: Say where they come from.
        task: The task.
        steps: Environment steps that may be used.
        seeds: Of all that is drawn.
        progress: Called now and then with the steps done.
        checkpoints: Takes those of the training of the behaviour.

    Raises:
        FileNotFoundError: If there is no such dataset.
        MissingExtraError: If a package is missing.
        ValueError: If the dataset is damaged or of another task, the behaviour cannot act in the task, or there are
            too few steps.
    """
    if steps < LEAST:
        raise ValueError(f"{arguments.algorithm} needs at least {LEAST} steps for its data, got {steps}")
    if arguments.dataset:
        episodes = datasets.read(arguments.dataset, task, steps)
        progress(sum(map(len, episodes)))
        return episodes
    trained, drawn = seeds.spawn(2)
    name = behaviour_of(arguments.behaviour, task)
    spent, behaviour = 0, Behaviour((None,))
    if name != "random":
        check_noise(arguments.noise, task)
        spent = min(max(2, round(arguments.behaviour_share * steps)), steps - 1)
        policy = behaviour_policy(name, task, spent, int(trained.generate_state(1)[0]), progress, checkpoints)
        behaviour = Behaviour((policy,), epsilon=arguments.epsilon, noise=arguments.noise)
    rng = np.random.default_rng(drawn)
    return collect(task, behaviour, steps - spent, rng, lambda done: progress(spent + done))


def behaviour_of(name: str, task: Task) -> str:
    """Return the algorithm whose policy collects.

    Raises:
        ValueError: If it cannot train on the task, or there is none of that name.
    """
    chosen = AUTO[task.action] if name == "auto" else name
    try:
        refusal = registry.algorithm(chosen).refuses(task)
    except registry.UnknownNameError as error:
        raise ValueError(f"behaviour: {error}") from None
    if refusal is not None:
        raise ValueError(f"behaviour: {refusal}")
    return chosen


def behaviour_policy(
    name: str,
    task: Task,
    steps: int,
    seed: int,
    progress: Progress,
    checkpoints: Checkpoints | None = None,
    **arguments: Any,
) -> Policy:
    """Train the policy that collects.

    Args:
        name: Registered name of the algorithm.
        task: The task.
        steps: Environment steps that it may use.
        seed: Of its training.
        progress: Called now and then with the steps done.
        checkpoints: Takes its checkpoints, if it leaves any.
        **arguments: Its arguments that differ from their defaults.
    """
    algorithm: Any = create(name, arguments)
    budget = Budget("behaviour", steps, 1)
    policy: Policy = algorithm.train(task, budget, seed, progress, **resuming(algorithm, checkpoints))
    return policy
