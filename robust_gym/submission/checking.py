"""What must hold of a run before it can be submitted, and what is checked first of one that was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from robust_gym import registry
from robust_gym.bench.arguments import trained_how
from robust_gym.bench.cell import Cell
from robust_gym.bench.files import Files
from robust_gym.bench.inspecting import RUN_DEPENDENT
from robust_gym.bench.store import incomplete
from robust_gym.bench.training import read_training
from robust_gym.disruption import DisruptionError, did_you_mean
from robust_gym.leaderboard.agreed import LARGEST
from robust_gym.leaderboard.text import clean
from robust_gym.protocol import committed_hashes
from robust_gym.record import EXTERNAL, RunRecord
from robust_gym.registry import UnknownNameError
from robust_gym.splits import task_protocol
from robust_gym.task import BUDGETS, Task

OF_A_CELL = frozenset({"split", "disruption", "episode_seeds", "returns", "lengths", "costs"}) | RUN_DEPENDENT
"""Fields in which the records of one run may differ."""


@dataclass(frozen=True)
class Run:
    """One policy and everything it did.

    Attributes:
        path: Path of its cell in a folder of results.
        records: Its records.
        policy: The files of the saved policy, where there is one.
    """

    path: PurePosixPath
    records: tuple[RunRecord, ...]
    policy: Files | None = None


def common_protocol(runs: Sequence[Run]) -> str:
    """Return the version of the protocol that all records have.

    Raises:
        ValueError: If there are several, or it is unknown.
    """
    versions = sorted({record.protocol for run in runs for record in run.records})
    if len(versions) > 1:
        raise ValueError(f"the records are of several protocols, {', '.join(versions)}; submit each by itself")
    (version,) = versions
    if version not in committed_hashes():
        known = ", ".join(committed_hashes())
        raise ValueError(
            f"unknown protocol {version!r}; versions are {known}.{did_you_mean(version, committed_hashes())}"
        )
    return version


def problems(run: Run, entry: str | None) -> Iterator[str]:
    """Yield what is wrong with a run, a line for each thing.

    Args:
        run: The run.
        entry: ``module:function`` for runs without a saved policy, if there is one.
    """
    first = run.records[0]
    for record in run.records:
        yield from _changed_within(first, record)
    try:
        task = registry.task(first.task)
    except UnknownNameError as error:
        yield str(error)
        return
    yield from _of_another_protocol(first, task)
    yield from _of_the_task(first, task)
    yield from _of_the_method(run, first)
    for record in run.records:
        yield from _impossible(record, task)
    yield from _policy_problems(run, first, entry)


def built_in(algorithm: str) -> bool:
    """Return whether an algorithm comes with robust-gym."""
    with contextlib.suppress(UnknownNameError):
        return registry.algorithm(algorithm).cls.__module__.startswith("robust_gym.")
    return False


def _changed_within(first: RunRecord, record: RunRecord) -> Iterator[str]:
    for name in type(record).model_fields:
        if name not in OF_A_CELL and getattr(record, name) != getattr(first, name):
            yield f"its records differ in {name}: {clean(record.disruption)!r} is of another run than the first"
    if record.verification is not None:
        yield f"the record of {clean(record.disruption)!r} holds a verdict already, which only robust-gym verify gives"


def _of_another_protocol(first: RunRecord, task: Task) -> Iterator[str]:
    committed = committed_hashes()[first.protocol].get(task.id)
    if committed is None:
        yield f"protocol {first.protocol} has no committed cells of {task.id}"
    elif first.protocol_sha256 != committed:
        yield f"its protocol hash {first.protocol_sha256[:12]}… is not the committed one, {committed[:12]}…"


def _of_the_task(first: RunRecord, task: Task) -> Iterator[str]:
    if first.task_version != task.version:
        yield f"it is about version {_brief(first.task_version)} of {task.id}, which is now at {task.version}"
    if first.family != task.family:
        yield f"{task.id} is of the family {task.family}, not {first.family}"
    named = (first.random_return, first.reference_return)
    known = (task.reference.random, task.reference.reference) if task.reference else (None, None)
    if named not in (known, (None, None)):
        yield f"it names the random and reference returns {named}, which are {known}"


def _of_the_method(run: Run, first: RunRecord) -> Iterator[str]:
    if first.budget in BUDGETS:
        steps = registry.task(first.task).budget(first.budget).steps
        if first.budget_steps != steps:
            yield f"budget {first.budget} grants {steps} steps on {first.task}, not {_brief(first.budget_steps)}"
        if first.steps_used > first.budget_steps:
            yield f"it used {_brief(first.steps_used)} steps of {_brief(first.budget_steps)}"
    elif first.budget != EXTERNAL:
        yield f"unknown budget {first.budget!r}; budgets are {', '.join(BUDGETS)} and {EXTERNAL}"
    if built_in(first.algorithm):
        try:
            train, privileges = trained_how(registry.algorithm(first.algorithm), first.arguments)
        except DisruptionError as error:
            yield f"its train_disruption is none: {error}"
            return
        lacking = set(privileges) - set(first.privileges)
        if lacking:
            yield f"{first.algorithm} has the privilege {sorted(lacking)[0]}, which its records do not name"
        if first.train != train:
            yield f"{first.algorithm} with these arguments is trained {train}, its records say {first.train}"


def _impossible(record: RunRecord, task: Task) -> Iterator[str]:
    where = f"under {clean(record.disruption)!r}"
    if max(map(abs, record.returns)) >= LARGEST:
        yield f"a return {where} is beyond {LARGEST:g}"
    wrong = next((length for length in record.lengths if not 1 <= length <= task.horizon), None)
    if wrong is not None:
        yield f"an episode {where} has {_brief(wrong)} steps; those of {task.id} have 1 to {task.horizon}"
    if task.cost != (record.costs is not None):
        yield f"the record {where} {'lacks the costs' if task.cost else 'has costs'} that {task.id} reports" + (
            "" if task.cost else " none of"
        )


def _policy_problems(run: Run, first: RunRecord, entry: str | None) -> Iterator[str]:
    yield from _lacking(run, first)
    if run.policy is None:
        if built_in(first.algorithm):
            yield (
                f"there is no saved policy of {first.algorithm}, which comes with robust-gym: submit the folder of "
                "results that bench wrote, or give a method of your own another name (eval --name)"
            )
        elif entry is None:
            yield "there is no saved policy; --policy-entry module:function names the code that makes one"
        return
    training = read_training(run.policy)
    for name in type(training).model_fields:
        if name not in ("provenance", "files", "train_seconds") and getattr(training, name) != getattr(first, name):
            yield f"its policy and its records differ in {name}"


def _lacking(run: Run, first: RunRecord) -> Iterator[str]:
    """Yield what the run lacks of its protocol, or has beyond it."""
    cell = Cell(first.algorithm, first.task, first.seed, first.budget, first.protocol)
    episodes = None if first.budget in BUDGETS else len(first.returns)
    try:
        problem = incomplete(cell, run.records, episodes)
        outside = _outside(run)
    except (UnknownNameError, ValueError) as error:
        yield str(error)
        return
    if problem is not None:
        yield problem
    if outside is not None:
        yield outside


def _outside(run: Run) -> str | None:
    protocol = task_protocol(run.records[0].task, run.records[0].protocol)
    for record in run.records:
        if protocol.split_of(record.disruption) != record.split:
            return f"{clean(record.disruption)!r} ({record.split}) is no cell of protocol {protocol.version}"
    return None


def _brief(value: int) -> str:
    return str(value) if abs(value) < 10**18 else "over 10^18"
