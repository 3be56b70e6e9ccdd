"""Copies of disturbed environments: a copy, and a copy of it, play the same disturbed episodes as the original."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import robust_gym
from robust_gym import registry
from robust_gym.conformance.effects import disruptions
from robust_gym.conformance.rollout import rollout
from robust_gym.task import Task


def each_simulator() -> list[Any]:
    """Return a task of every environment and adapter, one that is not slow where there is one."""
    found: dict[tuple[str, ...], Task] = {}
    for id in robust_gym.list_tasks():
        task = registry.task(id)
        # The roads are many classes.
        key = (task.base, task.adapter, task.kwargs.get("road", ""))
        if task.missing() is None and (key not in found or found[key].slow > task.slow):
            found[key] = task
    return [pytest.param(task.id, marks=[pytest.mark.slow] * task.slow, id=task.id) for task in found.values()]


def changed_world(task: Task) -> str:
    """Return a disruption of a parameter and of every semantic shift."""
    each = [one for one in disruptions(task) if one.split(":")[1] in task.dynamics][:1]
    return "+".join(each + [f"dynamics:{s.name}:{_other(s.options, s.nominal)}" for s in task.semantic.values()])


def _other(options: tuple[str, ...], nominal: str) -> str:
    return next(option for option in reversed(options) if option != nominal)


def pickled(env: Any) -> Any:
    return pickle.loads(pickle.dumps(env))


@pytest.mark.parametrize("id", each_simulator())
@pytest.mark.parametrize("duplicate", [copy.deepcopy, pickled])
@pytest.mark.filterwarnings("ignore")  # of the libraries underneath, about spaces and deprecations
def test_copies_play_the_same_disturbed_episodes(id: str, duplicate: Callable[[Any], Any]) -> None:
    task = registry.task(id)
    env = robust_gym.make(id, changed_world(task))
    env.reset(seed=3)
    twin = duplicate(env)
    for other in (twin, duplicate(twin)):
        assert rollout(other, steps=10) == rollout(env, steps=10, close=False)
