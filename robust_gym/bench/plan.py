"""From names on a command line to a list of cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from robust_gym import registry
from robust_gym.algorithm import AlgorithmInfo
from robust_gym.bench.arguments import check_all_used, known_settings, overrides_of, split_assignments, trained_under
from robust_gym.bench.cell import Cell
from robust_gym.disruption import Disruption, DisruptionError, alternatives
from robust_gym.splits import no_protocol
from robust_gym.task import BUDGETS, MissingExtraError, Task

DEFAULT_SUITE = {
    "parallel": ("Robust-Building-v0", "Robust-MPESpread-v0"),
    "gymnasium": ("Robust-CartPole-v0", "Robust-Pendulum-v0", "Robust-Hopper-v0"),
}
"""Tasks of a benchmark that names none, per API; each algorithm takes those that it does not refuse."""

DEFAULT_SEEDS = {"smoke": 1, "quick": 3, "standard": 5}
"""How many training seeds each budget takes."""


@dataclass(frozen=True)
class Entry:
    """An algorithm of a request.

    Attributes:
        algorithm: Registered name.
        arguments: Values of its arguments that differ from their defaults.
        settings: Name of one of its settings, which ``arguments`` go before.
        tasks: Ids, globs or family names, for this algorithm alone; empty for those of the request.
    """

    algorithm: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    settings: str = ""
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What to run, as a person says it.

    Attributes:
        algorithms: Registered names, or entries.
        tasks: Ids, globs or family names; empty for the default suite.
        budget: ``smoke``, ``quick`` or ``standard``.
        seeds: Training seeds; empty for as many as the budget takes.
        protocol: Version of the protocol.
        assignments: ``NAME=VALUE`` texts, for the algorithms that have such an argument; they go before all others.
        settings: Name of settings for every entry that names none.
        compare: Whether to run the algorithms beside which a named one is meant to be read.
        plugins: Modules that register tasks or algorithms.
    """

    algorithms: tuple[str | Entry, ...]
    tasks: tuple[str, ...] = ()
    budget: str = "quick"
    seeds: tuple[int, ...] = ()
    protocol: str = "v1"
    assignments: tuple[str, ...] = ()
    settings: str = ""
    compare: bool = True
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What will run.

    Attributes:
        cells: In the order in which they start: all tasks and algorithms at the first seed, then at the next.
        notes: One line for each thing that was left out, saying why.
    """

    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = field(default=())


def make_plan(request: Request) -> Plan:
    """Work out the cells of a request.

    Raises:
        UnknownNameError: If an algorithm, a task, a pattern or the protocol is unknown.
        MissingExtraError: If a named algorithm lacks a package, or no task is installed.
        ValueError: If a named algorithm refuses a task named by its id, an argument is wrong, or nothing is left.
    """
    if request.budget not in BUDGETS:
        raise ValueError(f"unknown budget {request.budget!r}; budgets are {', '.join(BUDGETS)}")
    named = [_entry(one, request.settings) for one in request.algorithms]
    if not named:
        known = ", ".join(registry.list_algorithms())
        raise ValueError(f"name at least one algorithm (--algo, --suite or a campaign file); there are {known}")
    entries = [*named, *_compared(named, request.settings)] if request.compare else named
    values = split_assignments(request.assignments)
    check_all_used([registry.algorithm(entry.algorithm) for entry in entries], values)
    # What is beside a randomised method is the same method without: it would be the same one under its disruption.
    randomised = any(trained_under(registry.algorithm(entry.algorithm), {}) != "none" for entry in named)
    spared = {"train_disruption"} if randomised else set()
    seeds = request.seeds or tuple(range(DEFAULT_SEEDS[request.budget]))
    notes: list[str] = []
    chosen: dict[PurePosixPath, Cell] = {}
    for place, entry in enumerate(entries):
        info = registry.algorithm(entry.algorithm)
        try:
            own = values if place < len(named) else {name: values[name] for name in values if name not in spared}
            overrides = overrides_of(info, own, entry.arguments, entry.settings)
        except MissingExtraError as error:
            if place < len(named):
                raise
            notes.append(f"skipped: {error}")
            continue
        asked = entry.tasks or request.tasks
        for task in _tasks_of(info, asked, request.protocol, notes, named=place < len(named)):
            problem = _untrainable(trained_under(info, dict(overrides)), registry.task(task))
            if problem is not None and place < len(named) and task in asked:
                raise ValueError(f"train_disruption of {info.name}: {problem}")
            if problem is not None:
                notes.append(f"skipped: train_disruption of {info.name}: {problem}")
                continue
            for seed in seeds:
                cell = Cell(info.name, task, seed, request.budget, request.protocol, overrides, request.plugins)
                chosen[cell.path] = cell
    notes = list(dict.fromkeys(notes))
    if not chosen:
        raise ValueError("; ".join(["there is nothing to run", *notes]))
    by_seed = sorted(chosen.values(), key=lambda cell: seeds.index(cell.seed))
    return Plan(tuple(by_seed), tuple(notes))


def _untrainable(disruption: str, task: Task) -> str | None:
    """Return why a task's training episodes cannot be disturbed so, or ``None`` if they can."""
    from robust_gym.wrappers.apply import check

    try:
        for one in alternatives(disruption):
            for term in Disruption.parse(one).terms:
                if term.agent is None:  # the names of agents are known once there is an environment
                    check(Disruption((term,)), task, task.action)
    except DisruptionError as error:
        return str(error)
    return None


def _entry(one: str | Entry, settings: str) -> Entry:
    entry = one if isinstance(one, Entry) else Entry(one)
    return entry if entry.settings else dataclasses.replace(entry, settings=settings)


def _compared(named: Sequence[Entry], settings: str) -> list[Entry]:
    """Return what the named algorithms are meant to be read beside, under the same settings where it has them."""
    names = dict.fromkeys(entry.algorithm for entry in named)
    others = dict.fromkeys(other for name in names for other in registry.algorithm(name).compare)
    beside = [registry.algorithm(other) for other in others if other not in names]
    return [Entry(info.name, settings=settings if settings in known_settings(info) else "") for info in beside]


def _tasks_of(info: AlgorithmInfo, asked: Sequence[str], protocol: str, notes: list[str], *, named: bool) -> list[str]:
    """Choose the tasks of one algorithm, and note those left out."""
    patterns = asked or tuple(id for api in info.apis for id in DEFAULT_SUITE[api])
    kept = []
    for id in registry.match_tasks(patterns):
        task = registry.task(id)
        refusal = info.refuses(task)
        if refusal is not None:
            if named and id in asked:
                raise ValueError(f"{refusal}; algorithms for it are {', '.join(registry.algorithms_for(task))}")
            if asked:
                notes.append(f"skipped: {refusal}")
            continue
        missing = task.missing()
        if missing is not None:
            notes.append(f"skipped: {missing}")
            continue
        without = no_protocol(id, protocol)
        if without is not None:
            if id in asked:
                raise ValueError(without)
            notes.append(f"skipped: {without}")
            continue
        kept.append(id)
    return kept
