"""What is installed and works, as ``robust-gym doctor`` tells it: extras, tasks, engines, the GPU."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from robust_gym import registry
from robust_gym.bench.engines import ENGINES, PACKAGES
from robust_gym.bench.machine import Check, State
from robust_gym.bench.probing import DEVICES, GPU, probe
from robust_gym.task import Task

NOT_LISTED = ("all", "dev", "docs", "test")
"""Extras for working on the package, and the one that is all others."""

_REQUIREMENT = re.compile(r"""([\w.-]+)(?:\[([\w,.-]+)\])?.*extra\s*==\s*["']([\w.-]+)["']""")


@dataclass(frozen=True)
class Found:
    """What was found out about everything that can be installed.

    Attributes:
        checks: A line about each extra, family and engine.
        usable: How many tasks can be made.
        tasks: How many there are.
    """

    checks: tuple[Check, ...]
    usable: int
    tasks: int


def installed(plugins: Sequence[str]) -> Found:
    """Try everything that is installed.

    Args:
        plugins: Modules that register tasks, which were loaded before.
    """
    extras = _extras()
    modules = _modules(name for names in extras.values() for name in names)
    groups = _groups()
    present = {key: tasks[0].id for key, tasks in groups.items() if tasks[0].missing() is None}
    for package in PACKAGES.values():
        if importlib.util.find_spec(package) is not None:
            modules.setdefault(package, [package])
    targets = [f"module:{module}" for names in modules.values() for module in names]
    targets += [f"task:{id}" for id in present.values()]
    has_torch = importlib.util.find_spec("torch") is not None
    found = probe(list(dict.fromkeys([*([GPU] if has_torch else []), *targets])), plugins)

    checks = [_gpu(found.get(GPU), has_torch=has_torch)]
    checks += [_extra(extra, names, modules, found) for extra, names in extras.items()]
    families: dict[str, list[tuple[list[Task], str | None]]] = {}
    usable = 0
    for key, tasks in groups.items():
        problem = found[f"task:{present[key]}"] if key in present else None
        families.setdefault(tasks[0].family, []).append((tasks, problem))
        usable += len(tasks) if key in present and problem is None else 0
    checks += [_family(family, parts) for family, parts in sorted(families.items())]
    checks += _engines(found)
    return Found(tuple(checks), usable, sum(map(len, groups.values())))


def _gpu(found: str | None, *, has_torch: bool) -> Check:
    if found and found.startswith(DEVICES):
        return Check("machine", "gpu", "ok", found.removeprefix(DEVICES))
    if found:
        return Check("machine", "gpu", "broken", f"PyTorch cannot look for one: {found}")
    if shutil.which("nvidia-smi") is None:
        return Check("machine", "gpu", "absent", "none is needed: everything here runs on processors")
    why = "PyTorch cannot use it: it is a build without CUDA, or the driver is too old" if has_torch else "no PyTorch"
    return Check("machine", "gpu", "warning", f"there is one, but {why}", "" if has_torch else _install("torch"))


def _install(extra: str) -> str:
    return f'pip install "robust-gym[{extra}]"'


def _extras() -> dict[str, list[str]]:
    """Return the packages that each extra names, its parts' included."""
    direct: dict[str, list[str]] = {}
    parts: dict[str, list[str]] = {}
    for requirement in importlib.metadata.requires("robust-gym") or ():
        match = _REQUIREMENT.match(requirement)
        if match is None or match[3] in NOT_LISTED:
            continue
        names = direct.setdefault(match[3], [])
        if match[1] == "robust-gym":
            parts.setdefault(match[3], []).extend(match[2].split(","))
        else:
            names.append(match[1])
    return {
        extra: list(dict.fromkeys([*names, *(name for part in parts.get(extra, ()) for name in direct.get(part, ()))]))
        for extra, names in sorted(direct.items())
    }


def _modules(packages: Iterator[str]) -> dict[str, list[str]]:
    """Return the modules of those packages that are installed."""
    of_package: dict[str, list[str]] = {}
    for module, names in importlib.metadata.packages_distributions().items():
        if module.isidentifier() and not module.startswith("_"):
            for name in names:
                of_package.setdefault(_canonical(name), []).append(module)
    found = {}
    for package in packages:
        modules = of_package.get(_canonical(package))
        if modules:
            # Of several, the one with the package's name: others are old names of its parts.
            namesake = [module for module in modules if _canonical(module) == _canonical(package)]
            found[package] = namesake or modules
    return found


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _extra(
    extra: str, packages: Sequence[str], modules: Mapping[str, Sequence[str]], found: Mapping[str, str | None]
) -> Check:
    absent = [package for package in packages if package not in modules]
    problems = [
        f"{module} cannot be imported: {found[f'module:{module}']}"
        for package in packages
        for module in modules.get(package, ())
        if found[f"module:{module}"] is not None
    ]
    if problems:
        return Check("extras", extra, "broken", "; ".join(problems))
    if absent:
        return Check("extras", extra, "absent", f"there is no {', '.join(absent)}", _install(extra))
    return Check("extras", extra, "ok", ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages))


def _groups() -> dict[tuple[str, tuple[str, ...]], list[Task]]:
    """Return the tasks by family, and within it by what they need; the first of each stands for all."""
    groups: dict[tuple[str, tuple[str, ...]], list[Task]] = {}
    for id in registry.list_tasks():
        task = registry.task(id)
        groups.setdefault((task.family, task.modules), []).append(task)
    return groups


def _family(family: str, parts: Sequence[tuple[list[Task], str | None]]) -> Check:
    total = sum(len(tasks) for tasks, _ in parts)
    absent = [tasks[0] for tasks, _ in parts if tasks[0].missing() is not None]
    broken = [f"{tasks[0].id} cannot be made: {problem}" for tasks, problem in parts if problem is not None]
    usable = sum(len(tasks) for tasks, problem in parts if problem is None and tasks[0].missing() is None)
    state: State = "broken" if broken else "absent" if usable < total else "ok"
    install = " or ".join(dict.fromkeys(task.install for task in absent))
    return Check("tasks", family, state, "; ".join([f"{usable} of {total}", *broken]), install)


def _engines(found: Mapping[str, str | None]) -> Iterator[Check]:
    for engine, about in ENGINES.items():
        package = PACKAGES.get(engine)
        if package is None:
            yield Check("engines", engine, "ok", about)
        elif f"module:{package}" not in found:
            yield Check("engines", engine, "absent", f"{about}; there is no {package}", _install(engine))
        elif (problem := found[f"module:{package}"]) is not None:
            yield Check("engines", engine, "broken", f"{package} cannot be imported: {problem}")
        elif engine == "slurm" and shutil.which("sbatch") is None:
            yield Check("engines", engine, "absent", "submitit is there, but this machine has no sbatch")
        else:
            yield Check("engines", engine, "ok", about)
