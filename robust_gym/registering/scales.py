"""What the measured scales of a task may be: with one of zero, a disturbed signal would be as it was."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any

from robust_gym.fields import misfits
from robust_gym.task import Task

_BOX = re.compile(r"\((\d+),\)")


def scale_problems(task: Task) -> Iterator[str]:
    """Find the scales of a task that are none, or fit no observation, as far as the spaces are noted."""
    yield from misfits(vars(task), "a finite number > 0, or None", _is_scale, "reward_scale", "cost_scale")
    scale = task.observation_scale
    if scale is None:
        return
    keyed = isinstance(scale, Mapping)
    sizes = {int(size) for size in _BOX.findall((task.spaces or {}).get("observation", ""))}
    for key, one in scale.items() if isinstance(scale, Mapping) else [("", scale)]:
        field = f"observation_scale[{key!r}]" if keyed else "observation_scale"
        numbers = _numbers(one)
        if numbers is None or not any(numbers) or not all(math.isfinite(each) and each >= 0 for each in numbers):
            yield f"{field} must be a list of finite numbers >= 0, one of them > 0, got {one!r}"
        elif sizes and len(one) not in sizes:
            wanted = " or ".join(map(str, sorted(sizes)))
            yield f"{field} must be {wanted} numbers, one for each dimension that spaces notes, got {one!r}"


def _is_scale(value: Any) -> bool:
    return value is None or (_is_real(value) and math.isfinite(value) and value > 0)


def _is_real(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _numbers(value: Any) -> list[Any] | None:
    """Return the numbers of a list, or of lists or arrays in one another; ``None`` if there is anything else."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(value, (list, tuple)):
        return None
    found: list[Any] = []
    for one in value:
        many = [one] if _is_real(one) else _numbers(one)
        if many is None:
            return None
        found += many
    return found
