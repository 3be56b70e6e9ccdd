"""In what two entries of one task differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from robust_gym.task import Task

MEASURED = ("observation_scale", "reward_scale", "cost_scale", "spaces", "reference")
"""The fields that are measured, and join a task's entry later."""


def changes(task: Task, known: Task, *, noted: bool = False) -> list[str]:
    """List the fields in which a task differs from a known one of its id.

    What is measured of a task joins its entry later, so that one from before has nothing there.

    Args:
        task: The task.
        known: The other.
        noted: Whether the task may have measurements that the known one has none of.
    """

    def unmeasured(name: str) -> bool:
        left_out = getattr(task, name) is None or (noted and getattr(known, name) is None)
        return left_out and name in MEASURED

    names = [field.name for field in dataclasses.fields(Task)]
    return [name for name in names if not unmeasured(name) and not _same(getattr(task, name), getattr(known, name))]


def _same(one: Any, other: Any) -> bool:
    return one is other or bool(_plain(one) == _plain(other))


def _plain(value: Any) -> Any:
    """Return a value with lists for tuples and arrays, whose comparison would be no truth."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value
