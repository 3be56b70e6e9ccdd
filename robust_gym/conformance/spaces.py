"""Spaces in words, as a task's entry notes them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from robust_gym import registry
from robust_gym.task import Task
from robust_gym.tasks import make


def note_spaces(id: str) -> None:
    """Note the spaces of a task that says nothing of them, so that kinds which need several dimensions are known."""
    task = registry.task(id)
    if task.spaces is None:
        registry.register_task(dataclasses.replace(task, spaces=describe_spaces(id)))


def describe_spaces(id: str) -> dict[str, str]:
    """Describe the spaces in the words of Gymnasium, agents with equal ones together."""
    env: Any = make(id)
    try:
        return describe(env, registry.task(id))
    finally:
        env.close()


def describe(env: Any, task: Task) -> dict[str, str]:
    """Describe the spaces of a task's environment."""
    if task.api == "parallel":
        found = {}
        for kind, space in (("observation", env.observation_space), ("action", env.action_space)):
            groups: dict[str, list[str]] = {}
            for agent in env.possible_agents:
                groups.setdefault(_describe(space(agent)), []).append(str(agent))
            found[kind] = "; ".join(f"{text} for {_names(agents)}" for text, agents in groups.items())
    else:
        found = {"observation": _describe(env.observation_space), "action": _describe(env.action_space)}
    return found


def _names(agents: list[str]) -> str:
    return ", ".join(agents) if len(agents) <= 3 else f"{agents[0]} to {agents[-1]} ({len(agents)} agents)"


def _describe(space: Any) -> str:
    if hasattr(space, "spaces"):
        return "Dict(" + ", ".join(f"{name}: {_describe(part)}" for name, part in space.spaces.items()) + ")"
    if hasattr(space, "low"):
        low, high = np.min(space.low), np.max(space.high)
        return f"Box({low:g}, {high:g}, {space.shape}, {space.dtype})"
    return str(space)
