"""What is known of a trained policy, kept beside its weights, and the records made from it."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError
from pydantic_core import to_json

from robust_gym import record, registry
from robust_gym.baselines.base import create
from robust_gym.baselines.checkpoints import Checkpoints, resuming
from robust_gym.bench.arguments import trained_how
from robust_gym.bench.cell import Cell
from robust_gym.bench.files import Files, read_files, write_files
from robust_gym.evaluate import DisruptionResult, Evaluation, evaluate
from robust_gym.record import Name, Provenance, RunRecord

Description = TypeVar("Description", bound=BaseModel)

TRAINING_FILE = "training.json"
"""Lies beside the files of a policy that ``bench`` has trained."""


class Training(BaseModel):
    """How a policy came to be; the fields are those of [RunRecord][robust_gym.record.RunRecord].

    Attributes:
        files: The sha256 of every other file of the policy, so that damage is noticed before it is evaluated.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    algorithm: Name
    arguments: dict[Name, Any] = Field(default_factory=dict)
    task: Name
    task_version: int = Field(ge=0)
    seed: int = Field(ge=0)
    budget: Name
    budget_steps: int = Field(ge=0)
    steps_used: int = Field(ge=0)
    train: str
    privileges: tuple[Name, ...] = ()
    train_seconds: FiniteFloat = Field(ge=0)
    provenance: Provenance
    files: dict[str, str]


@functools.cache
def _provenance() -> Provenance:
    return record.provenance()


def provenance() -> Provenance:
    """Describe this installation and machine; what does not change is found out once per process."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    return _provenance().model_copy(update={"created": now})


def recorded(algorithm: Any) -> dict[str, Any]:
    """Return the arguments that a record holds: all, but for those that older records lack and that are defaults.

    So a run of today ranks together with one that was published before the algorithm had the argument.
    """
    arguments = dataclasses.asdict(algorithm)
    for one in dataclasses.fields(algorithm):
        if one.metadata.get("younger") and arguments[one.name] == one.default:
            del arguments[one.name]
    return arguments


def arguments_of(cell: Cell) -> dict[str, Any]:
    """Return the arguments that records of a cell have now, as JSON would have them."""
    return as_json(recorded(registry.algorithm(cell.algorithm).cls(**dict(cell.overrides))))


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as a reader of the JSON of a record would have them."""
    # Written as pydantic does it there: for an infinite number, or a name of an Enum, json has other words.
    found: dict[str, Any] = json.loads(to_json(dict(values), inf_nan_mode="null", fallback=str))
    return found


def changed_arguments(found: Mapping[str, Any], cell: Cell) -> str | None:
    """Return how the arguments of a training differ from those that its cell has now, or ``None`` when they do not.

    Those that a cell does not name are defaults, and are no part of its path; a new version may have others.

    Args:
        found: The arguments of a record or of a saved policy.
        cell: The cell.
    """
    now = arguments_of(cell)
    for name in sorted({*found, *now}):
        if name not in found or name not in now or found[name] != now[name]:
            then, here = (shortened(one[name]) if name in one else "no argument" for one in (found, now))
            return f"its {name} was {then}, and is now {here}"
    return None


def shortened(value: Any) -> str:
    """Return a value as a line can hold it."""
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def train(
    cell: Cell,
    progress: Callable[[int], None],
    checkpoints: Checkpoints | None = None,
    seconds_before: float = 0.0,
) -> Files:
    """Train the policy of a cell.

    Args:
        cell: What to train.
        progress: Called with the number of environment steps done so far.
        checkpoints: Takes checkpoints, and knows the one to go on from; not used by an algorithm that does not go on.
        seconds_before: How long the training took that left the checkpoint to go on from.

    Returns:
        The files of the saved policy, ``training.json`` among them.
    """
    task = registry.task(cell.task)
    info = registry.algorithm(cell.algorithm)
    algorithm = create(cell.algorithm, dict(cell.overrides))
    arguments = recorded(algorithm)
    budget = task.budget(cell.budget)
    used = 0

    def count(steps: int) -> None:
        nonlocal used
        used = max(used, steps)
        progress(steps)

    start = monotonic()
    policy = algorithm.train(task, budget, cell.seed, count, **resuming(algorithm, checkpoints))
    seconds = seconds_before + monotonic() - start
    with tempfile.TemporaryDirectory() as name:
        policy.save(Path(name))
        files = read_files(Path(name))
    train, privileges = trained_how(info, arguments)
    training = Training(
        algorithm=cell.algorithm,
        arguments=arguments,
        task=task.id,
        task_version=task.version,
        seed=cell.seed,
        budget=budget.name,
        budget_steps=budget.steps,
        steps_used=used,
        train=train,
        privileges=privileges,
        train_seconds=seconds,
        provenance=provenance(),
        files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )
    return {**files, TRAINING_FILE: (training.model_dump_json(indent=2) + "\n").encode()}


def evaluate_files(files: Files, cell: Cell, progress: Callable[[int, int], None]) -> tuple[RunRecord, ...]:
    """Evaluate a saved policy on the protocol of its cell.

    A policy fresh from training takes the same way through its files, so that the numbers are those of
    what is published.

    Args:
        files: What [train][robust_gym.bench.training.train] returned.
        cell: The cell.
        progress: Called with the episodes done and all of them.
    """
    task = registry.task(cell.task)
    info = registry.algorithm(cell.algorithm)
    with tempfile.TemporaryDirectory() as name:
        write_files(Path(name), files)
        policy = info.cls.load(Path(name), task)
        episodes = task.budget(cell.budget).episodes
        evaluation = evaluate(policy, cell.task, protocol=cell.protocol, episodes=episodes, progress=progress)
    return make_records(read_training(files), evaluation)


def read_training(files: Files) -> Training:
    """Read the description among a policy's files.

    Raises:
        ValueError: If it is missing or damaged.
    """
    return read_description(files, TRAINING_FILE, Training)


def read_description(files: Files, name: str, model: type[Description]) -> Description:
    """Read a file that says what other files are.

    Args:
        files: All of them.
        name: Its name among them.
        model: What it should hold.

    Raises:
        ValueError: If it is missing or damaged.
    """
    if name not in files:
        raise ValueError(f"there is no {name}")
    try:
        return model.model_validate_json(files[name])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "file"
        raise ValueError(f"{name}, {field}: {first['msg']}") from None


def check_files(files: Files, training: Training) -> None:
    """Check that a policy's files are those that were trained.

    Raises:
        ValueError: If one is missing or has changed.
    """
    problem = changed_file(files, training.files)
    if problem is not None:
        raise ValueError(problem)


def changed_file(files: Files, sha256: Mapping[str, str]) -> str | None:
    """Return which of some files is not what it was, or ``None`` when all are.

    Args:
        files: The files.
        sha256: What they had, by name.
    """
    for name, expected in sha256.items():
        if name not in files:
            return f"its file {name} is missing"
        if hashlib.sha256(files[name]).hexdigest() != expected:
            return f"its file {name} has changed since it was trained"
    return None


def check_training(files: Files, cell: Cell) -> None:
    """Check that a policy's files are whole, and are those of a cell.

    Raises:
        ValueError: If they are not; the message says what is wrong.
    """
    training = read_training(files)
    check_files(files, training)
    version = registry.task(cell.task).version
    if training.task_version != version:
        raise ValueError(f"it was trained on version {training.task_version} of the task, which is now at {version}")
    found = (training.algorithm, training.task, training.seed, training.budget)
    if found != (cell.algorithm, cell.task, cell.seed, cell.budget):
        raise ValueError(f"it belongs to another cell: {' '.join(map(str, found))}")
    problem = changed_arguments(training.arguments, cell)
    if problem is not None:
        raise ValueError(problem)


def make_records(training: Training, evaluation: Evaluation) -> tuple[RunRecord, ...]:
    """Make a record of each disruption that a policy was evaluated under.

    Raises:
        ValueError: If a value cannot be recorded, such as a return that is not a number.
    """
    task = registry.task(evaluation.task)
    reference = task.reference
    common = {
        **training.model_dump(exclude={"provenance", "task", "task_version", "files"}),
        "task": task.id,
        "task_version": task.version,
        "family": task.family,
        "protocol": evaluation.protocol,
        "protocol_sha256": evaluation.protocol_sha256,
        "random_return": reference.random if reference else None,
        "reference_return": reference.reference if reference else None,
        "evaluate_seconds": evaluation.seconds,
        "provenance": provenance(),
    }
    return tuple(_record(common, result) for result in evaluation.results)


def _record(common: Mapping[str, Any], result: DisruptionResult) -> RunRecord:
    values = {
        **common,
        "split": result.split,
        "disruption": result.disruption,
        "episode_seeds": result.episode_seeds,
        "returns": result.returns,
        "lengths": result.lengths,
        "costs": result.costs,
    }
    try:
        # Through JSON, so that a record in memory is what a reader of the file will see.
        return RunRecord.model_validate_json(RunRecord.model_validate(values).model_dump_json())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        what = f"the result under {result.disruption!r}"
        raise ValueError(f"{what} cannot be recorded: {field}: {first['msg']}, got {first['input']!r}") from None
