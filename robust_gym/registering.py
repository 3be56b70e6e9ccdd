"""What a task or an algorithm must be to be registered: whatever else would only be found out much later."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from robust_gym import kinds
from robust_gym.algorithm import AlgorithmInfo
from robust_gym.disruption import did_you_mean
from robust_gym.task import BUDGETS, Api, DynamicsParameter, SemanticShift, Space, Task

_ACTIONS = ("box", "discrete")
_TASK_WORDS = {"api": get_args(Api), "observation": get_args(Space), "action": _ACTIONS}
_ALGORITHM_WORDS = {"apis": get_args(Api), "actions": _ACTIONS, "observations": get_args(Space)}
_ALGORITHM_NAMES = ("honours", "tasks", "families", "modules", "privileges", "compare")
_TRAIN = ("nominal", "disrupted")

# Both are names of folders and arguments of commands, where a colon has a meaning of its own.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)
_PATH = re.compile(r"[^\W\d][\w.]*:[^\W\d]\w*")
_BOX = re.compile(r"\((\d+),\)")
_DISCRETE = re.compile(r"Discrete\((\d+)\)")


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


def _problems(task: Task) -> Iterator[str]:
    if not isinstance(task.id, str) or not _ID.fullmatch(task.id):
        yield f"id must be letters, digits, '-', '_' and '.', such as 'Robust-Tank-v0', got {task.id!r}"
    if not isinstance(task.family, str) or not task.family:
        yield f"family must be a word, got {task.family!r}"
    yield from _paths(task)
    if not _is_whole(task.horizon) or task.horizon < 1:
        yield f"horizon must be a whole number of steps, at least 1, got {task.horizon!r}"
    for field, words in _TASK_WORDS.items():
        if (value := getattr(task, field)) not in words:
            yield f"{field} must be one of {_quoted(words)}, got {value!r}.{did_you_mean(str(value), words)}"
    yield from _entries(task, "dynamics", DynamicsParameter)
    yield from _entries(task, "semantic", SemanticShift)
    yield from _steps(task)
    for field in ("undisturbed", "modules"):
        if not _are_words(getattr(task, field)):
            yield f"{field} must be a tuple of strings, got {getattr(task, field)!r}"
    yield from _null_action(task)
    yield from _scale(task)
    yield from _refuses(task)


def _paths(task: Task) -> Iterator[str]:
    """Find what is no text, or names no attribute of a module."""
    if not isinstance(task.base, str) or not task.base or (":" in task.base and not _PATH.fullmatch(task.base)):
        yield f"base must be a Gymnasium id or 'module:function', got {task.base!r}.{_path_of(task.base)}"
    if not isinstance(task.adapter, str) or not _PATH.fullmatch(task.adapter):
        yield f"adapter must be 'module:Class', got {task.adapter!r}.{_path_of(task.adapter)}"
    if task.exact != "" and (not isinstance(task.exact, str) or not _PATH.fullmatch(task.exact)):
        yield f"exact must be 'module:function', got {task.exact!r}.{_path_of(task.exact)}"


def _path_of(value: object) -> str:
    """Return the path that is meant by a class or a function, which other processes must be able to import."""
    path = f"{getattr(value, '__module__', '')}:{getattr(value, '__qualname__', '')}"
    return f" Did you mean {path!r}?" if _PATH.fullmatch(path) else ""


def _entries(task: Task, field: str, kind: type) -> Iterator[str]:
    entries = getattr(task, field)
    if not isinstance(entries, Mapping):
        yield f"{field} must map names to {kind.__name__}s, such as {{one.name: one for one in …}}, got {entries!r}"
    elif wrong := [entry for entry in entries.values() if not isinstance(entry, kind)]:
        yield f"{field} must map names to {kind.__name__}s, got {wrong[0]!r} among them"


def _steps(task: Task) -> Iterator[str]:
    steps = task.steps
    if not isinstance(steps, Mapping) or set(steps) != set(BUDGETS):
        yield f"steps must map {_quoted(BUDGETS)} to numbers of steps, all of them, got {steps!r}"
    elif wrong := [name for name, number in steps.items() if not _is_whole(number) or number < 1]:
        yield f"steps[{wrong[0]!r}] must be a whole number, at least 1, got {steps[wrong[0]]!r}"


def _null_action(task: Task) -> Iterator[str]:
    null = task.null_action
    if null is None:
        return
    if task.action != "discrete":
        yield f"null_action is for discrete actions, and its actions are {task.action}; got {null!r}"
    sizes = [int(size) for size in _DISCRETE.findall(_noted(task, "action"))]
    if not _is_whole(null) or null < 0 or (sizes and null >= max(sizes)):
        most = f" to {max(sizes) - 1}" if sizes else " or more"
        yield f"null_action must be a whole number, 0{most}, got {null!r}"


def _scale(task: Task) -> Iterator[str]:
    """Find a scale that fits no observation, as far as the spaces are noted."""
    scale = task.observation_scale
    sizes = {int(size) for size in _BOX.findall(_noted(task, "observation"))}
    if scale is None or not sizes:
        return
    for one in scale.values() if isinstance(scale, Mapping) else [scale]:
        if not hasattr(one, "__len__") or len(one) not in sizes:
            wanted = " or ".join(map(str, sorted(sizes)))
            yield f"observation_scale must be {wanted} numbers, one for each dimension that spaces notes, got {one!r}"


def _refuses(task: Task) -> Iterator[str]:
    for one in task.refuses:
        channel, _, name = one.partition(":")
        if kinds.find_kind(channel, name) is None:
            known = [f"{kind.channel}:{kind.name}" for kind in kinds.kinds()]
            yield f"refuses names kinds as 'CHANNEL:KIND', and there is no {one!r}.{did_you_mean(one, known)}"


def _noted(task: Task, what: str) -> str:
    return (task.spaces or {}).get(what, "")


def check_name(name: str) -> None:
    """Check the name of an algorithm.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(name, str):
        raise ValueError(f"an algorithm is registered by @register_algorithm('NAME', about=…, apis=…), got {name!r}")
    if not _ID.fullmatch(name):
        raise ValueError(f"the name of an algorithm is letters, digits, '-', '_' and '.', got {name!r}")


def check_fields(name: str, about: Mapping[str, Any]) -> None:
    """Check what is said of an algorithm: the fields of ``AlgorithmInfo`` but its name and class.

    Raises:
        ValueError: At the first that is wrong; the message names the algorithm, the field and what it may be.
    """
    for problem in _field_problems(about):
        raise ValueError(f"the algorithm {name!r} is refused: {problem}")


def _field_problems(about: Mapping[str, Any]) -> Iterator[str]:
    fields = [field.name for field in dataclasses.fields(AlgorithmInfo) if field.name not in ("name", "cls")]
    for field in about:
        if field not in fields:
            yield f"there is no field {field!r}; there are {', '.join(fields)}.{did_you_mean(field, fields)}"
    for field in ("about", "apis"):
        if field not in about:
            yield f"{field}= is missing"
    for field, words in _ALGORITHM_WORDS.items():
        value = about.get(field, words)
        if not _are_words(value) or not value or not set(value) <= set(words):
            yield f"{field} must be a tuple of some of {_quoted(words)}, such as ({words[0]!r},), got {value!r}"
    for field in _ALGORITHM_NAMES:
        if not _are_words(about.get(field, ())):
            yield f"{field} must be a tuple of strings, got {about[field]!r}"
    if about.get("train", "nominal") not in _TRAIN:
        yield f"train must be one of {_quoted(_TRAIN)}, got {about['train']!r}"


def check_class(name: str, cls: type) -> None:
    """Check that a class can be an algorithm: a dataclass whose fields have defaults, with ``train`` and ``load``.

    Raises:
        ValueError: If it is not; the message names the algorithm, the class and what is missing.
    """
    for problem in _class_problems(cls):
        raise ValueError(f"the algorithm {name!r} is refused: {getattr(cls, '__qualname__', repr(cls))} {problem}")


def _class_problems(cls: type) -> Iterator[str]:
    own = "__dataclass_fields__" in vars(cls)
    if not dataclasses.is_dataclass(cls) or (not own and inspect.get_annotations(cls)):
        yield "must be a dataclass: write @dataclass between @register_algorithm(…) and the class"
        return
    for field in dataclasses.fields(cls):
        if field.init and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            yield f"must have a default for every argument; {field.name!r} has none"
    if not _takes(cls, "train", 5):
        yield "must have a method train(self, task, budget, seed, progress)"
    if not _takes(cls, "load", 2):
        yield "must have a static method load(directory, task)"


def _takes(cls: type, method: str, arguments: int) -> bool:
    """Return whether a class has a method that can be called with so many arguments."""
    found = getattr(cls, method, None)
    if not callable(found):
        return False
    try:
        inspect.signature(found).bind(*range(arguments))
    except TypeError:
        return False
    return True


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_words(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, str) for one in value)


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(map(repr, words))
