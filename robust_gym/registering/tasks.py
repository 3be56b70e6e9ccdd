"""What a task must be to be registered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from robust_gym import kinds
from robust_gym.disruption import did_you_mean
from robust_gym.fields import are_words, is_flag, is_number, is_path, is_text, is_whole, misfits, path_meant, quoted
from robust_gym.registering.scales import scale_problems
from robust_gym.registering.shared import ACTIONS, ID, unknown_kinds
from robust_gym.task import BUDGETS, Api, DynamicsParameter, Reference, SemanticShift, Space, Task

_WORDS = {"api": get_args(Api), "observation": get_args(Space), "action": ACTIONS}
_SPACES = ("observation", "action")
_DISCRETE = re.compile(r"Discrete\((\d+)\)")
_HEARD = ("messages", "opponents")


def check_task(task: Task) -> None:
    """Check that every field of a task is what it may be.

    Raises:
        ValueError: At the first that is not; the message names the task, the field, its value and what it may be.
    """
    if not isinstance(task, Task):
        raise ValueError(f"a Task is registered, got {task!r}")
    for problem in _problems(task):
        raise ValueError(f"the task {task.id!r} is refused: {problem}")
    task.check()


def check_names(task: Task) -> None:
    """Check that no parameter or shift has the name of a kind, which a disruption string would mean instead.

    This looks for the kinds of other packages, too, and so comes after the package's own tasks.

    Raises:
        ValueError: At the first that has; the message names the task and the parameter or the shift.
    """
    for what, names in (("parameter", task.dynamics), ("shift", task.semantic)):
        for name in names:
            if kinds.find_kind("dynamics", name) is not None:
                raise ValueError(f"the {what} {name!r} of {task.id} is refused: 'dynamics:{name}' is a kind already")


def _problems(task: Task) -> Iterator[str]:
    if not isinstance(task.id, str) or not ID.fullmatch(task.id):
        yield f"id must be letters, digits, '-', '_' and '.', such as 'Robust-Tank-v0', got {task.id!r}"
    if not isinstance(task.family, str) or not task.family:
        yield f"family must be a word, got {task.family!r}"
    fields = vars(task)
    yield from misfits(fields, "a string", is_text, "about", "install", "source")
    yield from _paths(task)
    if not is_whole(task.horizon) or task.horizon < 1:
        yield f"horizon must be a whole number of steps, at least 1, got {task.horizon!r}"
    for field, words in _WORDS.items():
        if (value := getattr(task, field)) not in words:
            yield f"{field} must be one of {quoted(words)}, got {value!r}.{did_you_mean(str(value), words)}"
    yield from _entries(task, "dynamics", DynamicsParameter)
    yield from _entries(task, "semantic", SemanticShift)
    yield from _steps(task)
    yield from misfits(fields, "a tuple of strings", are_words, "undisturbed", "modules")
    yield from misfits(fields, "a mapping of arguments by their names", _is_named, "kwargs")
    yield from misfits(fields, "True or False", is_flag, "cost", "competitive", "slow")
    yield from misfits(fields, "a finite number, at least 0, or None", _is_limit, "cost_limit")
    yield from misfits(fields, "a whole number, at least 0", _is_version, "version")
    yield from misfits(fields, "a mapping of agents to tuples of whole numbers", _are_dimensions, *_HEARD)
    yield from misfits(fields, "a Reference with two different numbers, or None", _is_reference, "reference")
    yield from misfits(fields, f"a mapping of {quoted(_SPACES)} to spaces in words, or None", _are_spaces, "spaces")
    yield from _null_action(task)  # this and the next read the spaces
    yield from scale_problems(task)
    yield from misfits(fields, "a mapping of 'CHANNEL:KIND' to why, in words", _are_reasons, "refuses")
    yield from unknown_kinds("refuses", task.refuses)


def _paths(task: Task) -> Iterator[str]:
    """Find what is no text, or names no attribute of a module."""
    if not isinstance(task.base, str) or not task.base or (":" in task.base and not is_path(task.base)):
        yield f"base must be a Gymnasium id or 'module:function', got {task.base!r}.{path_meant(task.base)}"
    if not is_path(task.adapter):
        yield f"adapter must be 'module:Class', got {task.adapter!r}.{path_meant(task.adapter)}"
    if task.exact != "" and not is_path(task.exact):
        yield f"exact must be 'module:function', got {task.exact!r}.{path_meant(task.exact)}"


def _entries(task: Task, field: str, kind: type) -> Iterator[str]:
    entries = getattr(task, field)
    if not isinstance(entries, Mapping):
        yield f"{field} must map names to {kind.__name__}s, such as {{one.name: one for one in …}}, got {entries!r}"
    elif wrong := [entry for entry in entries.values() if not isinstance(entry, kind)]:
        yield f"{field} must map names to {kind.__name__}s, got {wrong[0]!r} among them"


def _steps(task: Task) -> Iterator[str]:
    steps = task.steps
    if not isinstance(steps, Mapping) or set(steps) != set(BUDGETS):
        yield f"steps must map {quoted(BUDGETS)} to numbers of steps, all of them, got {steps!r}"
    elif wrong := [name for name, number in steps.items() if not is_whole(number) or number < 1]:
        yield f"steps[{wrong[0]!r}] must be a whole number, at least 1, got {steps[wrong[0]]!r}"


def _null_action(task: Task) -> Iterator[str]:
    null = task.null_action
    if null is None:
        return
    if task.action != "discrete":
        yield f"null_action is for discrete actions, and its actions are {task.action}; got {null!r}"
    sizes = [int(size) for size in _DISCRETE.findall((task.spaces or {}).get("action", ""))]
    if not is_whole(null) or null < 0 or (sizes and null >= max(sizes)):
        most = f" to {max(sizes) - 1}" if sizes else " or more"
        yield f"null_action must be a whole number, 0{most}, got {null!r}"


def _is_named(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(is_text, value))


def _is_limit(value: Any) -> bool:
    return value is None or (is_number(value) and value >= 0)


def _is_version(value: Any) -> bool:
    return is_whole(value) and value >= 0


def _are_dimensions(value: Any) -> bool:
    """Return whether a value names dimensions of observations, agent by agent."""
    return _is_named(value) and all(isinstance(many, Sequence) and all(map(is_whole, many)) for many in value.values())


def _is_reference(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, Reference) or not (is_number(value.random) and is_number(value.reference)):
        return False
    return value.random != value.reference and is_text(value.method) and is_text(value.command)


def _are_spaces(value: Any) -> bool:
    return value is None or (
        isinstance(value, Mapping) and set(value) <= set(_SPACES) and all(map(is_text, value.values()))
    )


def _are_reasons(value: Any) -> bool:
    """Return whether a value says of each of some kinds why it is refused; an empty reason would refuse nothing."""
    return _is_named(value) and all(is_text(reason) and reason.strip() for reason in value.values())
