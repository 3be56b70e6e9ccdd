"""Vector environments of tasks: batched where there is a batched simulator, else Gymnasium's own."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from robust_gym import registry
from robust_gym.disruption import Disruption, DisruptionError
from robust_gym.grammar import did_you_mean
from robust_gym.task import Task
from robust_gym.vector.simulator import is_batched


def make_vec(
    task: str,
    num_envs: int = 1,
    disruption: str | Sequence[str | None] | None = None,
    *,
    autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
    threads: int | None = None,
    max_episode_steps: int | None = None,
    **kwargs: Any,
) -> VectorEnv:
    """Make copies of a single-agent task; the entry point that ``gymnasium.make_vec`` calls.

    Tasks with a batched simulator, such as MuJoCo's, step all copies together (``BatchedVectorEnv``); others, those
    that are drawn, and those with a visible context are a ``SyncVectorEnv``. Either way, copy i is to the bit the
    environment that ``make`` makes of its disruption.

    Args:
        task: The task's id.
        num_envs: How many copies.
        disruption: One for all copies, or one for each.
        autoreset_mode: When a copy whose episode is over resets itself: ``"NextStep"``, ``"SameStep"`` or
            ``"Disabled"``, as Gymnasium defines them.
        threads: Threads that step a batched simulator; by default all that the process may use.
        max_episode_steps: Time limit; by default the task's, and -1 for none.
        **kwargs: Arguments of the underlying environment.

    Raises:
        UnknownNameError: If the task is not registered.
        MissingExtraError: If a package the task needs is not installed.
        DisruptionError: If a disruption is malformed or the task cannot honour it.
        ValueError: If there is not one disruption for each copy, the mode is unknown, the time limit is none, or the
            task has many agents.
    """
    found = registry.task(task)
    if found.api == "parallel":
        raise ValueError(f"{found.id} has many agents, and Gymnasium's vector environments hold single ones")
    found.require()
    strings = [disruption] * num_envs if disruption is None or isinstance(disruption, str) else list(disruption)
    if len(strings) != num_envs:
        raise ValueError(f"one disruption for each of {num_envs} copies is needed, got {len(strings)}")
    parsed = [Disruption.parse(one) for one in strings]
    mode, horizon = _mode(autoreset_mode), found.horizon if max_episode_steps is None else max_episode_steps
    if horizon < 1 and horizon != -1:
        raise ValueError(f"max_episode_steps must be at least 1, or -1 for no limit, got {horizon}")
    if is_batched(found) and kwargs.get("render_mode") is None and kwargs.get("context", "hidden") == "hidden":
        kwargs.pop("render_mode", None)
        kwargs.pop("context", None)
        return _batched(found, parsed, mode, threads, sys.maxsize if horizon == -1 else horizon, **kwargs)
    copies = [functools.partial(_one, found, str(one), horizon, **kwargs) for one in parsed]
    return SyncVectorEnv(copies, autoreset_mode=mode)


def _batched(
    task: Task, parsed: Sequence[Disruption], mode: AutoresetMode, threads: int | None, horizon: int, **kwargs: Any
) -> VectorEnv:
    from robust_gym.vector.batched import BatchedVectorEnv
    from robust_gym.vector.disruption import VectorDisruption

    if any(term.spec is not None and term.spec.policy for one in parsed for term in one.terms):
        raise DisruptionError("adversaries attack a policy, which a vector environment does not know; use evaluate()")
    worlds = [Disruption(one.of("dynamics")) for one in parsed]
    signals = [str(Disruption(tuple(term for term in one.terms if term.channel != "dynamics"))) for one in parsed]
    env: VectorEnv = BatchedVectorEnv(task, len(parsed), worlds, mode, threads, horizon, **kwargs)
    return env if set(signals) == {"none"} else VectorDisruption(env, signals, task.id)


def _one(task: Task, disruption: str, horizon: int, **kwargs: Any) -> Any:
    return gym.make(task.id, disruption=disruption, max_episode_steps=horizon, **kwargs)


def _mode(mode: str | AutoresetMode) -> AutoresetMode:
    if isinstance(mode, AutoresetMode):
        return mode
    words = {one.value: one for one in AutoresetMode}
    if mode not in words:
        raise ValueError(f"unknown autoreset mode {mode!r}; modes are {', '.join(words)}.{did_you_mean(mode, words)}")
    return words[mode]
