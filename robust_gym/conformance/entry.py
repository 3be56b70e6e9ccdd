"""Whether an environment is what its task's entry says: its spaces, its agents, and what they can do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from robust_gym import registry
from robust_gym.conformance.spaces import describe
from robust_gym.registering import check_task
from robust_gym.task import Task
from robust_gym.tasks import make
from robust_gym.wrappers.runner import is_image, space_kind

_GOAL = Task.__dataclass_fields__["undisturbed"].default


def check_entry(id: str) -> None:
    """What the entry says of observations, actions, agents and scales is so of every agent."""
    task = registry.task(id)
    env: Any = make(id)
    try:
        seen, does = _spaces(env, task)
        noted = describe(env, task)
    finally:
        env.close()
    if task.spaces is not None:
        assert dict(task.spaces) == noted, f"the entry's spaces are {dict(task.spaces)}, the environment's {noted}"
    try:
        check_task(dataclasses.replace(task, spaces=noted))
    except ValueError as error:
        raise AssertionError(str(error)) from None
    for agent, space in seen.items():
        found = _observation(space)
        assert found == task.observation, f"the observations{_of(agent)} are {found}, not {task.observation!r}"
    for agent, space in does.items():
        found = space_kind(space)
        assert found == task.action, f"the actions{_of(agent)} are {found}, not {task.action!r}"
        null = task.null_action
        assert null is None or space.contains(null), f"null_action={null!r} is none of the actions{_of(agent)}: {space}"
    for problem in (*_unscaled(task, seen), *_undisturbed(task, seen), *_dimensions(task, seen)):
        raise AssertionError(problem)


def _spaces(env: Any, task: Task) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the observation and action spaces of all agents; of one agent, under an empty name."""
    if task.api != "parallel":
        return {"": env.observation_space}, {"": env.action_space}
    agents = env.possible_agents
    return (
        {str(agent): env.observation_space(agent) for agent in agents},
        {str(agent): env.action_space(agent) for agent in agents},
    )


def _of(agent: str) -> str:
    return f" of {agent!r}" if agent else ""


def _observation(space: Any) -> str:
    if isinstance(space, spaces.Dict):
        return "dict"
    return "image" if is_image(space) else space_kind(space)


def _unscaled(task: Task, seen: Mapping[str, Any]) -> Iterator[str]:
    """Find scales that no observation has, or that do not fit it: noise would have another unit, and say nothing."""
    scale = task.observation_scale
    if scale is None:
        return
    if task.observation == "dict":
        parts = {name: part for space in seen.values() for name, part in space.spaces.items()}
    else:
        parts = dict(seen)
    if not isinstance(scale, Mapping):
        if set(parts) != {""}:
            yield f"observation_scale must be keyed by {', '.join(map(repr, parts))}, got {scale!r}"
            return
        scale = {"": scale}
    for name, one in scale.items():
        if name not in parts:
            yield f"observation_scale has a key {name!r}; there are {', '.join(map(repr, parts))}"
        elif isinstance(parts[name], spaces.Box) and np.size(one) != np.prod(parts[name].shape):
            yield f"observation_scale{_of(name)} has {np.size(one)} numbers, for {parts[name]}"


def _undisturbed(task: Task, seen: Mapping[str, Any]) -> Iterator[str]:
    if tuple(task.undisturbed) == _GOAL:
        return
    for agent, space in seen.items():
        names = list(space.spaces) if isinstance(space, spaces.Dict) else list(task.undisturbed)  # only a dict has keys
        for name in task.undisturbed:
            if name not in names:
                has = ", ".join(map(repr, names))
                yield f"undisturbed names {name!r}, and the observations{_of(agent)} have the keys {has}"


def _dimensions(task: Task, seen: Mapping[str, Any]) -> Iterator[str]:
    """Find agents, or dimensions of observations, that ``messages`` and ``opponents`` name and nobody has."""
    for field in ("messages", "opponents"):
        for agent, dimensions in getattr(task, field).items():
            if agent not in seen:
                yield f"{field} names {agent!r}; the agents are {', '.join(map(repr, seen))}"
                continue
            (size, *_) = seen[agent].shape or (0,)
            for one in dimensions:
                if not -size <= one < size:
                    yield f"{field}[{agent!r}] names dimension {one} of {size}"
