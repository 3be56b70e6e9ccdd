"""Where tasks and algorithms are found, by id.

The families under ``robust_gym/tasks/`` and the files under ``robust_gym/baselines/`` register themselves
when they are imported; other packages do so through the entry points ``robust_gym.tasks``,
``robust_gym.algorithms`` and ``robust_gym.disruptions``.
"""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import functools
import importlib.metadata
import json
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import resources
from types import ModuleType
from typing import Any

from robust_gym import kinds
from robust_gym.algorithm import AlgorithmInfo
from robust_gym.disruption import did_you_mean
from robust_gym.registering import changes, check_class, check_fields, check_name, check_names, check_task
from robust_gym.task import Reference, Task

_tasks: dict[str, Task] = {}
_built_in: set[str] = set()  # ids of this package's own tasks, known once all of them are registered
_algorithms: dict[str, AlgorithmInfo] = {}
# Set by the packages above this one, so that looking something up imports what registers it.
_loaders: dict[str, Callable[[], None]] = {}
_begun: set[str] = set()
_plugged: set[tuple[str, str, str]] = set()  # entry points that have been called
_hooks: list[Callable[[Task], None]] = []


class UnknownNameError(LookupError):
    """A task, family, algorithm or protocol that is not registered; the message suggests the nearest."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


def set_loader(what: str, loader: Callable[[], None]) -> None:
    """Set the function that imports everything registering ``"tasks"`` or ``"algorithms"``."""
    _loaders[what] = loader


def load_tasks() -> None:
    """Import every task there is: those of this package and those of plug-ins."""
    _loaded("tasks")


def _loaded(what: str) -> None:
    if what in _begun:
        return
    _begun.add(what)  # first, for a plug-in may look something up while it is loaded
    try:
        _loaders.get(what, _nothing)()
    except BaseException:
        _begun.discard(what)
        raise
    if what == "tasks" and not _built_in:
        _built_in.update(_tasks)
    for point in importlib.metadata.entry_points(group=f"robust_gym.{what}"):
        if (what, point.name, point.value) in _plugged:
            continue
        if _being_imported(point.value.partition(":")[0]):
            # It is what imports us, and has not defined its function yet: the next look-up calls it.
            _begun.discard(what)
            continue
        _plugged.add((what, point.name, point.value))
        try:
            _call(point.load())
        except Exception as error:  # a broken plug-in must not take the rest down
            warnings.warn(f"the plug-in {point.name!r} ({point.value}) failed to load: {error}", stacklevel=3)


def _call(loaded: Any) -> None:
    """Call what an entry point names; a module has done its part when it is imported.

    Raises:
        TypeError: If it is neither a function nor a module.
    """
    if isinstance(loaded, ModuleType):
        return
    if not callable(loaded):
        raise TypeError(f"it names {loaded!r}, which is neither a function nor a module")
    loaded()


def _being_imported(module: str) -> bool:
    """Return whether a module, or a package it lies in, is in the middle of its import."""
    parts = module.split(".")
    names = [".".join(parts[: end + 1]) for end in range(len(parts))]
    specs = [getattr(sys.modules.get(name), "__spec__", None) for name in names]
    return any(getattr(spec, "_initializing", False) for spec in specs)


def _nothing() -> None:
    """Load nothing."""


kinds.set_plugin_loader(functools.partial(_loaded, "disruptions"))


def on_register(hook: Callable[[Task], None]) -> None:
    """Call a function with every task that is registered from now on."""
    _hooks.append(hook)


def register_task(task: Task) -> Task:
    """Add a task, and return it; a single-agent one can then be made by ``gymnasium.make`` too.

    A task of one's own may be registered again after a change, as in a notebook, as long as it is of the same
    environment; this package's own tasks stay what they are.

    Raises:
        ValueError: If another task, or another environment of Gymnasium's, has the same id, or a field is not what a
            task can be made of: the message names the task, the field and what it may be.
    """
    check_task(task)
    if _built_in:  # all its own tasks are there: from here on, plug-ins may be looked at
        check_names(task)
    if task.id in _built_in:
        known = _measured(task.id)
        if changed := changes(task, known, noted=True):
            raise ValueError(
                f"another task is registered as {task.id!r}, a built-in one, from which this one differs in "
                f"{', '.join(changed)}: give it an id of its own"
            )
        if not changes(task, known):  # nor is anything measured that was not
            return known
    elif task.id in _tasks and (_tasks[task.id].base, _tasks[task.id].adapter) != (task.base, task.adapter):
        raise ValueError(f"another task is registered as {task.id!r}")
    for hook in _hooks:  # first, for what they refuse is no task
        hook(task)
    _tasks[task.id] = task
    return task


def list_tasks(family: str | None = None) -> list[str]:
    """List the ids of all registered tasks, or of one family.

    Raises:
        UnknownNameError: If there is no such family.
    """
    _loaded("tasks")
    families = sorted({task.family for task in _tasks.values()})
    if family is not None and family not in families:
        hint = did_you_mean(family, families)
        raise UnknownNameError(f"unknown family {family!r}; families are {', '.join(families)}.{hint}")
    return sorted(task.id for task in _tasks.values() if family in (None, task.family))


def task(id: str | Task) -> Task:
    """Return a task by its id.

    Args:
        id: The id, or the registered task itself, from before or after it was measured.

    Raises:
        UnknownNameError: If it is not registered; the message suggests the nearest.
        ValueError: If a task is given that differs from the one registered under its id.
    """
    _loaded("tasks")
    if isinstance(id, Task):
        found = task(id.id)
        if changed := changes(id, found):
            raise ValueError(
                f"{id.id!r} is given as a task that differs from the registered one in {', '.join(changed)}: register "
                "it first, a changed built-in task under an id of its own"
            )
        return found
    if not isinstance(id, str):
        raise UnknownNameError(f"a task's id is a string such as 'Robust-Ant-v0', got {id!r}")
    if id not in _tasks:
        other, near = _what_else(id), _near_task(id, [*list_algorithms(), *kinds.PRESETS])
        known = f"it is {other}" if other else f"`robust-gym ls tasks` lists them.{near}"
        raise UnknownNameError(f"unknown task {id!r}; {known}")
    return _measured(id)


def _measured(id: str) -> Task:
    """Return a registered task, with what has been measured of it."""
    found = _tasks[id]
    measured = _measurements().get(id)
    if measured and found.observation_scale is None and found.reward_scale is None and found.reference is None:
        found = _tasks[id] = _with_measurements(found, measured)
    return found


def _near_task(text: str, others: Sequence[str] = ()) -> str:
    """Return ``" Did you mean 'x'?"`` for the task whose bare name is nearest, or an empty string.

    What all ids begin and end with would make any two of them alike.

    Args:
        text: What was asked for.
        others: Words that may be nearer, and then are told for what they are.
    """
    bare = {_bare(id): id for id in _tasks}
    near = difflib.get_close_matches(_bare(text), [*bare, *others], n=1, cutoff=0.6)
    if near and near[0] not in bare:
        return f" Did you mean {near[0]!r}? That is {_what_else(near[0])}."
    return f" Did you mean {bare[near[0]]!r}?" if near else ""


def _bare(id: str) -> str:
    return re.sub(r"^robust-|-v\d*$", "", id.lower())


def _what_else(word: str) -> str:
    """Return what a word that is no task stands for and the command that shows it, or an empty string."""
    channel = "observation" if word == "obs" else word
    shows = [f"`robust-gym show {kind.channel}:{word}`" for kind in kinds.kinds() if kind.name == word]
    if word in list_algorithms():
        return "an algorithm, see `robust-gym ls algos`"
    if word in {task.family for task in _tasks.values()}:
        return f"a family of tasks, see `robust-gym ls tasks --family {word}`"
    if word in kinds.PRESETS:
        return "a preset, see `robust-gym ls presets`"
    if channel in kinds.CHANNELS:
        return f"a channel, see `robust-gym ls disruptions --channel {channel}`"
    return f"a kind of disruption, see {' or '.join(shows)}" if shows else ""


@functools.cache
def _measurements() -> dict[str, dict[str, Any]]:
    """Return what has been measured of the built-in tasks: scales and fixed points of their scores."""
    data: dict[str, dict[str, Any]] = json.loads(
        resources.files("robust_gym").joinpath("measurements.json").read_text(encoding="utf-8")
    )
    return data


def _with_measurements(task: Task, measured: dict[str, Any]) -> Task:
    reference = measured.get("reference")
    return dataclasses.replace(
        task,
        observation_scale=measured.get("observation_scale"),
        reward_scale=measured.get("reward_scale"),
        cost_scale=measured.get("cost_scale"),
        spaces=measured.get("spaces"),
        reference=Reference(**reference) if reference else None,
    )


def match_tasks(patterns: Sequence[str]) -> list[str]:
    """Return the ids that match any of some ids, family names, or globs of either, in registry order.

    Raises:
        UnknownNameError: If a pattern matches nothing.
    """
    ids = list_tasks()
    chosen: list[str] = []
    for pattern in patterns:
        found = [
            id for id in ids if fnmatch.fnmatchcase(id, pattern) or fnmatch.fnmatchcase(_tasks[id].family, pattern)
        ]
        if not found:
            families = {_tasks[id].family for id in ids}
            raise UnknownNameError(
                f"no task matches {pattern!r}.{did_you_mean(pattern, families) or _near_task(pattern)}"
            )
        chosen.extend(id for id in found if id not in chosen)
    return chosen


def register_algorithm(name: str, **about: Any) -> Callable[[type], type]:
    """Register a class as an algorithm; used as a decorator, with the fields of ``AlgorithmInfo``.

    Raises:
        ValueError: If another class has the same name, or the class or a field is not what an algorithm can be made
            of: the message names the algorithm, the field and what it may be.
    """
    check_name(name)
    check_fields(name, about)

    def register(cls: type) -> type:
        other = _algorithms.get(name)
        if other is not None and (other.cls.__module__, other.cls.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"another algorithm is registered as {name!r}")
        check_class(name, cls)
        _algorithms[name] = AlgorithmInfo(name=name, cls=cls, **about)
        return cls

    return register


def list_algorithms() -> list[str]:
    """List the names of all registered algorithms."""
    _loaded("algorithms")
    return sorted(_algorithms)


def algorithm(name: str) -> AlgorithmInfo:
    """Return an algorithm by its name.

    Raises:
        UnknownNameError: If it is not registered; the message suggests the nearest.
    """
    _loaded("algorithms")
    if name not in _algorithms:
        raise UnknownNameError(
            f"unknown algorithm {name!r}; algorithms are {', '.join(sorted(_algorithms))}."
            f"{did_you_mean(name, _algorithms)}"
        )
    return _algorithms[name]


def algorithms_for(task: Task) -> list[str]:
    """List the names of the algorithms that can train on a task."""
    return [name for name in list_algorithms() if algorithm(name).refuses(task) is None]
