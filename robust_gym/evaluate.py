"""A policy over the cells of a protocol, all of them in one batch."""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from robust_gym import registry
from robust_gym.disruption import Disruption, did_you_mean
from robust_gym.protocol import Protocol as CellProtocol
from robust_gym.splits import task_protocol
from robust_gym.task import Task
from robust_gym.tensors import one_torch_thread

Batch = Any
"""An array ``[B, …]``; a dict of such arrays, keyed by agent (multi-agent) or by part (dict observations)."""


@runtime_checkable
class Policy(Protocol):
    """Maps batches of observations to batches of actions; deterministic, its normaliser inside it."""

    def act(self, observation: Batch, state: Any, episode_start: np.ndarray) -> tuple[Batch, Any]:
        """Choose actions.

        It may have one more parameter, ``action_masks``, by the name of which it is told the actions that are possible
        now, in tasks whose ``infos[agent]["action_mask"]`` says so: booleans ``[B, n]`` keyed by agent, and ``None`` in
        other tasks. No disruption of observations disturbs them.

        Args:
            observation: ``[B, …]``, or a dict of such arrays keyed by agent, or by part of a dict observation.
            state: What the last call returned; ``None`` at the very first.
            episode_start: Booleans ``[B]``; where true, the row's memory must be cleared first.

        Returns:
            Actions ``[B, …]`` (or a dict of them keyed by agent) and the new state.
        """

    def save(self, directory: Path) -> None:
        """Write the policy, without pickle."""


class FunctionPolicy:
    """A plain function as a policy.

    Args:
        function: Takes one observation and returns one action; for a multi-agent task it takes and returns
            dicts keyed by agent.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def act(self, observation: Batch, state: Any, episode_start: np.ndarray) -> tuple[Batch, Any]:
        """Call the function on each row."""
        rows = range(len(episode_start))
        if isinstance(observation, dict):
            chosen = [self.function({name: many[row] for name, many in observation.items()}) for row in rows]
        else:
            chosen = [self.function(observation[row]) for row in rows]
        if isinstance(chosen[0], Mapping):
            return {agent: np.stack([one[agent] for one in chosen]) for agent in chosen[0]}, state
        return np.stack([np.asarray(one) for one in chosen]), state

    def save(self, directory: Path) -> None:
        """Refuse: a function cannot be written down.

        Raises:
            TypeError: Always.
        """
        raise TypeError("a plain function cannot be saved; give an object with act, save and load")


class PredictPolicy:
    """A Stable-Baselines3 model as a policy, through its ``predict``.

    Args:
        model: Anything with ``predict(observation, state, episode_start, deterministic)``.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def act(self, observation: Batch, state: Any, episode_start: np.ndarray) -> tuple[Batch, Any]:
        """Predict deterministically."""
        actions, state = self.model.predict(observation, state=state, episode_start=episode_start, deterministic=True)
        return actions, state

    def save(self, directory: Path) -> None:
        """Refuse: the model has its own ``save``, which uses pickle.

        Raises:
            TypeError: Always.
        """
        raise TypeError("save a Stable-Baselines3 model with its own save()")


def as_policy(policy: Any) -> Policy:
    """Adapt whatever can act: a policy, a Stable-Baselines3 model, or a plain function.

    Raises:
        TypeError: If it is none of these.
    """
    if isinstance(policy, type) and (hasattr(policy, "act") or hasattr(policy, "predict")):
        raise TypeError(f"a policy is an instance, and {policy.__name__} is the class: give {policy.__name__}(…)")
    if hasattr(policy, "act"):
        adapted: Policy = policy
        return adapted
    if hasattr(policy, "predict"):
        return PredictPolicy(policy)
    if callable(policy):
        return FunctionPolicy(policy)
    raise TypeError(f"a policy has act() or predict(), or is a function; got {type(policy).__name__}")


def chooser(policy: Policy) -> Callable[[Any, Any], tuple[Batch, Any]]:
    """Return the function by which a policy chooses the actions of a batch of episodes.

    It takes the batch (a ``vector.slots.EpisodeBatch`` or ``vector.grid.BatchedGrid``) and the policy's state, and
    returns what ``act`` does.
    """
    act: Any = policy.act
    try:
        masked = "action_masks" in inspect.signature(act).parameters
    except (TypeError, ValueError):  # of compiled code, whose parameters are not known
        masked = False
    if masked:
        return lambda batch, state: act(batch.observation, state, batch.episode_start, action_masks=batch.action_masks)
    return lambda batch, state: act(batch.observation, state, batch.episode_start)


@dataclass(frozen=True)
class DisruptionResult:
    """Episodes of one policy under one disruption.

    Attributes:
        disruption: Canonical disruption string.
        split: Its split, or ``"custom"`` for a disruption outside the protocol.
        episode_seeds: Seeds of the episodes.
        returns: True return of each episode; of a team, the sum over its agents.
        lengths: Steps of each episode.
        costs: True cost of each episode, summed over steps and agents; ``None`` where the task has no cost.
    """

    disruption: str
    split: str
    episode_seeds: tuple[int, ...]
    returns: tuple[float, ...]
    lengths: tuple[int, ...]
    costs: tuple[float, ...] | None = None

    @property
    def mean(self) -> float:
        """Mean return."""
        return float(np.mean(self.returns))


@dataclass(frozen=True)
class Evaluation:
    """Everything one policy did on the cells of one task.

    Attributes:
        task: The task's id.
        protocol: Version of the protocol.
        protocol_sha256: Hash of the task's cells.
        results: One entry per disruption, in the protocol's order.
        seconds: Wall time.
    """

    task: str
    protocol: str
    protocol_sha256: str
    results: tuple[DisruptionResult, ...]
    seconds: float

    def split_means(self) -> dict[str, float]:
        """Return the mean return of every split, over its disruptions."""
        return self._by_split((result.split, result.mean) for result in self.results)

    def split_costs(self) -> dict[str, float]:
        """Return the mean cost of every split, over its disruptions; empty where the task has no cost."""
        costs = ((result.split, result.costs) for result in self.results)
        return self._by_split((split, float(np.mean(cost))) for split, cost in costs if cost is not None)

    @staticmethod
    def _by_split(values: Iterable[tuple[str, float]]) -> dict[str, float]:
        found: dict[str, list[float]] = {}
        for split, value in values:
            found.setdefault(split, []).append(value)
        return {split: float(np.mean(values)) for split, values in found.items()}

    def summary(self) -> dict[str, float]:
        """Return ``id``, ``ood`` (mean over all other disruptions), ``worst`` (the lowest split) and ``gap``."""
        means = self.split_means()
        shifted = [result.mean for result in self.results if result.split != "id"]
        summary: dict[str, float] = {}
        if "id" in means:
            summary["id"] = means["id"]
        if shifted:
            summary["ood"] = float(np.mean(shifted))
            summary["worst"] = min(value for split, value in means.items() if split != "id")
        if "id" in means and shifted:
            summary["gap"] = means["id"] - summary["ood"]
        return summary

    def __str__(self) -> str:
        lines = [f"{self.task}, protocol {self.protocol}, {len(self.results)} disruptions"]
        lines += [f"  {split:<24}{value:12.2f}" for split, value in self.split_means().items()]
        lines += [f"  {name:<24}{value:12.2f}" for name, value in self.summary().items() if name != "id"]
        lines += [f"  {'cost ' + split:<24}{value:12.2f}" for split, value in self.split_costs().items()]
        return "\n".join(lines)


def evaluate(
    policy: Any,
    task: str | Task,
    *,
    protocol: str = "v1",
    splits: str | Sequence[str] | None = None,
    disruptions: str | Disruption | Sequence[str | Disruption] | None = None,
    episodes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Evaluate a policy on a task's protocol cells.

    Every episode is seeded by the protocol and steps in a batch of fixed size, so a deterministic policy
    gets the same returns whatever else is evaluated beside it.

    Args:
        policy: A policy, a Stable-Baselines3 model, or a function from one observation to one action.
        task: The task's id.
        protocol: Version of the protocol.
        splits: Names of splits, or their beginnings (``"ood-near"``); all by default.
        disruptions: Disruption strings of your own instead of the protocol's.
        episodes: Episodes per disruption, the first of the protocol's list; all by default.
        progress: Called with the number of finished episodes and of all.

    Returns:
        The episode returns under every disruption. The reward is always the true one.

    Raises:
        UnknownNameError: If the task, the protocol or a split is not known.
        DisruptionError: If a disruption is malformed, the task cannot honour it, or it gives observations another
            shape than the others do.
        ValueError: If ``episodes`` is not between 1 and the protocol's number, or both splits and disruptions are
            given.
        MissingExtraError: If a package the task needs is not installed.
    """
    started = time.perf_counter()
    found = registry.task(task)
    cells = task_protocol(found.id, protocol)
    seeds = cells.seeds
    if episodes is not None:
        if isinstance(episodes, bool) or not isinstance(episodes, (int, np.integer)) or not 1 <= episodes <= len(seeds):
            raise ValueError(
                f"episodes must be a whole number between 1 and {len(seeds)} (those of the protocol), got {episodes!r}"
            )
        seeds = seeds[:episodes]
    chosen = _choose(cells, found.family, splits, disruptions)
    finished = play(policy, found, [(disruption, seeds) for disruption in chosen], progress)
    results = []
    for disruption, split in chosen.items():
        episodes_done = [finished[disruption, seed] for seed in seeds]
        returns, lengths, costs = zip(*episodes_done, strict=True)
        results.append(DisruptionResult(disruption, split, seeds, returns, lengths, costs if found.cost else None))
    return Evaluation(found.id, cells.version, cells.sha256, tuple(results), time.perf_counter() - started)


def play(
    policy: Any,
    task: Task,
    jobs: Sequence[tuple[str, Sequence[int]]],
    progress: Callable[[int, int], None] | None = None,
) -> dict[tuple[str, int], tuple[float, int, float]]:
    """Play episodes of one's own choice; ``evaluate`` plays those of the protocol.

    Args:
        policy: As for ``evaluate``.
        task: The task.
        jobs: Disruptions, each with the seeds of its episodes.
        progress: Called with the number of finished episodes and of all.

    Returns:
        By disruption and seed: return, length and cost.
    """
    from robust_gym.vector.slots import SLOTS

    acting = as_policy(policy)
    total = sum(len(seeds) for _, seeds in jobs)
    # A function sees one row at a time, whatever the size of the batch: idle rows would only cost calls.
    slots = min(SLOTS, total) if isinstance(acting, FunctionPolicy) else SLOTS
    batch = _batch(task, jobs, acting, slots)
    finished: dict[tuple[str, int], tuple[float, int, float]] = {}
    choose, state = chooser(acting), None
    with contextlib.closing(batch), one_torch_thread():
        while batch.running:
            actions, state = choose(batch, state)
            for episode in batch.step(actions):
                finished[episode.disruption, episode.seed] = (episode.total, episode.length, episode.cost)
                if progress is not None:
                    progress(len(finished), total)
    return finished


def _batch(task: Task, jobs: Sequence[tuple[str, Sequence[int]]], policy: Policy, slots: int) -> Any:
    """Return what steps the episodes: a batched simulator where there is one, else environments side by side."""
    from robust_gym.tasks import make
    from robust_gym.vector.simulator import is_batched
    from robust_gym.vector.slots import EpisodeBatch
    from robust_gym.wrappers.adversary import bind

    terms = [term for disruption, _ in jobs for term in Disruption.parse(disruption).terms]
    attacked = any(term.spec is not None and term.spec.policy for term in terms)
    if is_batched(task) and not attacked:
        from robust_gym.vector.grid import BatchedGrid

        return BatchedGrid(task, jobs, slots)
    return EpisodeBatch(task, jobs, lambda disruption: bind(make(task.id, disruption), policy), slots)


def _choose(
    cells: CellProtocol,
    family: str,
    splits: str | Sequence[str] | None,
    disruptions: str | Disruption | Sequence[str | Disruption] | None,
) -> dict[str, str]:
    """Return the disruptions to evaluate, each with its split."""
    splits = [splits] if isinstance(splits, str) else splits
    disruptions = [disruptions] if isinstance(disruptions, (str, Disruption)) else disruptions
    if splits is not None and disruptions is not None:
        raise ValueError("give splits of the protocol or disruptions of your own, not both")
    for what, given in (("split", splits), ("disruption", disruptions)):
        if given is not None and not given:
            raise ValueError(f"name at least one {what}; leave {what}s out for all of the protocol")
    if disruptions is not None:
        canonical = [str(Disruption.parse(text).resolved(family)) for text in disruptions]
        return {text: cells.split_of(text) or "custom" for text in canonical}
    names = [split.name for split in cells.splits]
    for wanted in splits or ():
        if not any(name.startswith(wanted) for name in names):
            hint = did_you_mean(wanted, names)
            raise registry.UnknownNameError(
                f"{cells.task} has no split {wanted!r}; its splits are {', '.join(names)}.{hint}"
            )
    return {
        disruption: split.name
        for split in cells.splits
        if splits is None or any(split.name.startswith(wanted) for wanted in splits)
        for disruption in split.disruptions
    }
