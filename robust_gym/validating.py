"""``robust-gym validate``: the conformance checks on a task, whether it is registered or still a draft."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from robust_gym import registry
from robust_gym.conformance import Finding, check_task
from robust_gym.plugins import PluginError, load_plugin, load_plugins
from robust_gym.task import Task
from robust_gym.terminal import console, table


def validate_command(target: str, plugins: Sequence[str], *, as_json: bool) -> int:
    """Check a task, or all tasks of a file, and print what was found.

    Args:
        target: Id of a task, ``module:TASK``, or the path of a ``.py`` file.
        plugins: Modules to import first.
        as_json: Whether to print JSON objects instead of a table.

    Returns:
        The exit code: 0 when every check passed, else 1.

    Raises:
        UnknownNameError: If there is no such task.
        PluginError: If a module cannot be imported, or defines no task.
        MissingExtraError: If a package a task needs is not installed.
    """
    load_plugins(plugins)
    found: list[tuple[str, Finding]] = []
    for id in _task_ids(target):
        registry.task(id).require()
        found += [(id, finding) for finding in check_task(id)]
    if as_json:
        rows = [{"task": id, "check": f.check, "ok": f.ok, "detail": f.detail} for id, f in found]
        print(json.dumps(rows, indent=2))
    else:
        lines = [(id, f.check, "ok" if f.ok else "FAILED", f.detail) for id, f in found]
        console().print(table(("task", "check", "result", "detail"), lines))
    return 0 if all(finding.ok for _, finding in found) else 1


def _task_ids(target: str) -> list[str]:
    """Return the ids meant, after registering what is not registered yet."""
    if target.endswith(".py") or Path(target).is_file():
        before = set(registry.list_tasks())
        module = load_plugin(target)
        ids = [registry.register_task(value).id for value in vars(module).values() if isinstance(value, Task)]
        ids = [id for id in registry.list_tasks() if id not in before] or ids
        if not ids:
            raise PluginError(f"{target!r} defines no task")
        return ids
    if ":" in target:
        module_name, _, attribute = target.rpartition(":")
        return [_registered(load_plugin(module_name), attribute)]
    return [registry.task(target).id]


def _registered(module: ModuleType, attribute: str) -> str:
    value = getattr(module, attribute, None)
    if not isinstance(value, Task):
        raise PluginError(f"{module.__name__!r} has no task {attribute!r}")
    return registry.register_task(value).id
