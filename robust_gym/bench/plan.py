"""From names on a command line to a list of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from robust_gym import registry
from robust_gym.bench.arguments import check_all_used, overrides_of, split_assignments
from robust_gym.bench.cell import Cell
from robust_gym.registry import AlgorithmInfo
from robust_gym.task import BUDGETS, MissingExtraError

DEFAULT_SUITE = {
    "parallel": ("Robust-Building-v0", "Robust-MPESpread-v0"),
    "gymnasium": ("Robust-CartPole-v0", "Robust-Pendulum-v0", "Robust-Hopper-v0"),
}
"""Tasks of a benchmark that names none, per API; each algorithm takes those that it does not refuse."""

DEFAULT_SEEDS = {"smoke": 1, "quick": 3, "standard": 5}
"""How many training seeds each budget takes."""


@dataclass(frozen=True)
class Request:
    """What to run, as a person says it.

    Attributes:
        algorithms: Registered names.
        tasks: Ids, globs or family names; empty for the default suite.
        budget: ``smoke``, ``quick`` or ``standard``.
        seeds: Training seeds; empty for as many as the budget takes.
        protocol: Version of the protocol.
        assignments: ``NAME=VALUE`` texts, for the algorithms that have such an argument.
        compare: Whether to run the algorithms beside which a named one is meant to be read.
        plugins: Modules that register tasks or algorithms.
    """

    algorithms: tuple[str, ...]
    tasks: tuple[str, ...] = ()
    budget: str = "quick"
    seeds: tuple[int, ...] = ()
    protocol: str = "v1"
    assignments: tuple[str, ...] = ()
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
    named = [registry.algorithm(name) for name in dict.fromkeys(request.algorithms)]
    if not named:
        raise ValueError(f"name at least one algorithm; there are {', '.join(registry.list_algorithms())}")
    beside = _compared(named) if request.compare else []
    values = split_assignments(request.assignments)
    check_all_used([*named, *beside], values)
    seeds = request.seeds or tuple(range(DEFAULT_SEEDS[request.budget]))
    notes: list[str] = []
    chosen: list[Cell] = []
    for info in [*named, *beside]:
        try:
            overrides = overrides_of(info, values)
        except MissingExtraError as error:
            if info in named:
                raise
            notes.append(f"skipped: {error}")
            continue
        tasks = _tasks_of(info, request, notes, named=info in named)
        chosen += [
            Cell(info.name, task, seed, request.budget, request.protocol, overrides, request.plugins)
            for task in tasks
            for seed in seeds
        ]
    notes = list(dict.fromkeys(notes))
    if not chosen:
        raise ValueError("; ".join(["there is nothing to run", *notes]))
    by_seed = sorted(chosen, key=lambda cell: seeds.index(cell.seed))
    return Plan(tuple(by_seed), tuple(notes))


def _compared(named: Sequence[AlgorithmInfo]) -> list[AlgorithmInfo]:
    names = {info.name for info in named}
    beside = dict.fromkeys(other for info in named for other in info.compare if other not in names)
    return [registry.algorithm(name) for name in beside]


def _tasks_of(info: AlgorithmInfo, request: Request, notes: list[str], *, named: bool) -> list[str]:
    """Choose the tasks of one algorithm, and note those left out."""
    patterns = request.tasks or tuple(id for api in info.apis for id in DEFAULT_SUITE[api])
    kept = []
    for id in registry.match_tasks(patterns):
        task = registry.task(id)
        refusal = info.refuses(task)
        if refusal is not None:
            if named and id in request.tasks:
                raise ValueError(f"{refusal}; algorithms for it are {', '.join(registry.algorithms_for(task))}")
            if request.tasks:
                notes.append(f"skipped: {refusal}")
            continue
        missing = task.missing()
        if missing is not None:
            notes.append(f"skipped: {missing}")
            continue
        registry.task_protocol(id, request.protocol)
        kept.append(id)
    return kept
