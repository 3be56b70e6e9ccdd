"""The schema of a result: one record is one policy evaluated under one disruption.

Records travel as JSON lines. They may come from strangers, so every field is typed, bounded and checked,
and nothing in a record is ever executed or trusted as a path.
"""

from __future__ import annotations

import datetime
import gzip
import importlib.metadata
import json
import os
import platform
import subprocess
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
Text = Annotated[str, Field(max_length=2000)]

EXTERNAL = "external"
"""The budget of policies that were not trained for what they are recorded on, as given to ``robust-gym eval``."""

LIBRARIES = (
    "gymnasium",
    "numpy",
    "pettingzoo",
    "torch",
    "mujoco",
    "box2d",
    "mpe2",
    "stable-baselines3",
    "sb3-contrib",
    "minari",
    "sustaingym",
    "gymnasium-robotics",
    "safety-gymnasium",
    "dm-control",
    "shimmy",
    "highway-env",
    "minigrid",
    "jaxmarl",
    "jax",
)
"""Libraries whose versions a record names, where they are installed."""


class RecordError(ValueError):
    """A record that does not follow the schema; the message names the file, the line and the field."""


class Machine(BaseModel):
    """Where a run took place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    platform: Text
    processor: Text
    cores: int = Field(ge=1)
    python: Text


class Provenance(BaseModel):
    """Everything needed to know what produced a record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    robust_gym: Text
    git_commit: Text | None = None
    git_dirty: bool | None = None
    libraries: dict[Name, Text] = Field(default_factory=dict, max_length=50)
    machine: Machine
    created: datetime.datetime


class Verification(BaseModel):
    """What ``robust-gym verify`` found when it played a submitted policy again.

    Attributes:
        verdict: ``verified``, ``not verified`` or ``could not be verified``.
        reasons: Why it is not ``verified``; empty where it is.
        exact: Whether every episode that was played again had its recorded return, length and cost to the bit.
        cells: Disruptions that were played again.
        episodes: Episodes that were played again, with their recorded seeds.
        fresh: Further episodes under the same disruptions, with seeds that were drawn anew.
        submission_sha256: Hash of the submitted file.
        provenance: Versions and machine of whoever verified it, and when.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    verdict: Literal["verified", "not verified", "could not be verified"]
    reasons: tuple[Text, ...] = Field(default=(), max_length=20)
    exact: bool
    cells: int = Field(ge=0)
    episodes: int = Field(ge=0)
    fresh: int = Field(ge=0)
    submission_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    provenance: Provenance


class RunRecord(BaseModel):
    """One policy (algorithm, task, training seed, budget) evaluated under one disruption.

    Attributes:
        algorithm: Registered name of the algorithm.
        arguments: Its hyper-parameters.
        task: Id of the task.
        task_version: Version of the task.
        family: Family of the task.
        seed: Training seed.
        protocol: Version of the protocol.
        protocol_sha256: Hash of the task's cells.
        split: Split the disruption belongs to.
        disruption: Canonical disruption string.
        episode_seeds: Seeds of the episodes.
        returns: True (undisturbed) return of each episode; of a team, the sum over its agents.
        lengths: Steps of each episode.
        costs: True cost of each episode, summed over its steps and agents; ``None`` where the task has no cost.
        budget: Name of the budget, or ``EXTERNAL``.
        budget_steps: Environment steps the budget grants.
        steps_used: Environment steps really used.
        train: Whether training saw disruptions: ``nominal`` or ``disrupted``.
        privileges: What the method may know beyond the observations: ``parameter-box``,
            ``privileged-dynamics``, ``state-reset``, ``offline-data``, ``model`` (the exact nominal model).
        random_return: Mean ID return of the random policy, from the task's reference run.
        reference_return: Mean ID return of the reference method, from the same.
        train_seconds: Wall time of training.
        evaluate_seconds: Wall time of evaluating the whole cell, all its disruptions.
        provenance: Versions, git state and machine.
        verification: What came of playing the policy again, where somebody else has done so; set by
            ``robust-gym verify`` only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    algorithm: Name
    arguments: dict[Name, JsonValue] = Field(default_factory=dict, max_length=100)
    task: Name
    task_version: int = Field(ge=0)
    family: Name
    seed: int = Field(ge=0, lt=2**63)
    protocol: Name
    protocol_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    split: Name
    disruption: Text
    episode_seeds: tuple[int, ...] = Field(min_length=1, max_length=10_000)
    returns: tuple[FiniteFloat, ...] = Field(min_length=1, max_length=10_000)
    lengths: tuple[int, ...] = Field(min_length=1, max_length=10_000)
    costs: tuple[FiniteFloat, ...] | None = Field(default=None, max_length=10_000)
    budget: Name
    budget_steps: int = Field(ge=0)
    steps_used: int = Field(ge=0)
    train: Literal["nominal", "disrupted"] = "nominal"
    privileges: tuple[Name, ...] = ()
    random_return: FiniteFloat | None = None
    reference_return: FiniteFloat | None = None
    train_seconds: FiniteFloat = Field(ge=0)
    evaluate_seconds: FiniteFloat = Field(ge=0)
    provenance: Provenance
    verification: Verification | None = None

    @field_validator("arguments")
    @classmethod
    def _plain_numbers(cls, arguments: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if len(json.dumps(arguments, allow_nan=False)) > 20_000:
            raise ValueError("arguments must be at most 20,000 characters of JSON")
        return arguments

    @model_validator(mode="after")
    def _same_number_of_episodes(self) -> RunRecord:
        if not len(self.returns) == len(self.lengths) == len(self.episode_seeds):
            raise ValueError("returns, lengths and episode_seeds must have the same number of entries")
        if self.costs is not None and len(self.costs) != len(self.returns):
            raise ValueError("costs and returns must have the same number of entries")
        return self

    @property
    def arguments_json(self) -> str:
        """The hyper-parameters as canonical JSON."""
        return json.dumps(self.arguments, sort_keys=True, default=str)

    @property
    def mean_return(self) -> float:
        """Mean true return over the episodes."""
        return sum(self.returns) / len(self.returns)

    @property
    def score(self) -> float | None:
        """Normalised mean return, (value - random) / (reference - random), unclipped; ``None`` if unmeasured."""
        if self.random_return is None or self.reference_return is None:
            return None
        if self.reference_return == self.random_return:
            return None
        return (self.mean_return - self.random_return) / (self.reference_return - self.random_return)


_ABSENT = ("costs", "verification")
"""Fields that are written only where there is something in them: records without them keep the bytes they had."""


def dump(records: Iterable[RunRecord]) -> str:
    """Write records as JSON lines; costs and a verdict only where there are any."""
    return "".join(
        record.model_dump_json(exclude={name for name in _ABSENT if getattr(record, name) is None}) + "\n"
        for record in records
    )


def parse(text: str, source: str = "<string>") -> Iterator[RunRecord]:
    """Read records from JSON lines.

    Raises:
        RecordError: At the first line that is not a record; the message names file, line and field.
    """
    # Not splitlines(), which also splits at characters that JSON strings may contain, such as U+2028.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield RunRecord.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(map(str, first["loc"])) or "record"
            raise RecordError(f"{source}, line {number}, {field}: {first['msg']}") from None


LARGEST = 4 << 30
"""Bytes that a compressed file may hold: a small one can claim to be endless."""


def load(path: Path) -> list[RunRecord]:
    """Read the records of one file, which may be compressed with gzip where its name ends in ``.gz``.

    Raises:
        RecordError: If the file is not UTF-8, is no whole gzip file or too large a one, or a line is not a record.
    """
    content = _decompressed(path) if path.suffix == ".gz" else path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise RecordError(f"{path} is not a text file") from None
    return list(parse(text, str(path)))


def _decompressed(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            content = file.read(LARGEST + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise RecordError(f"{path} is no whole gzip file") from None
    if len(content) > LARGEST:
        raise RecordError(f"{path} holds more than {LARGEST >> 30} GiB of records")
    return content


def json_schema() -> str:
    """Return the JSON schema of a record."""
    return json.dumps(RunRecord.model_json_schema(), indent=2)


def provenance() -> Provenance:
    """Describe this installation and machine."""
    commit, dirty = _git_state()
    return Provenance(
        robust_gym=_version("robust-gym") or "unknown",
        git_commit=commit,
        git_dirty=dirty,
        libraries={name: version for name in LIBRARIES if (version := _version(name))},
        machine=Machine(
            platform=platform.platform(),
            processor=_processor(),
            cores=os.cpu_count() or 1,
            python=platform.python_version(),
        ),
        created=datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0),
    )


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git_state() -> tuple[str | None, bool | None]:
    """Return commit and whether files differ, if the package runs from its own git checkout."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None, None
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, timeout=10)
        status = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None, None
    if commit.returncode or status.returncode:
        return None, None
    return commit.stdout.strip(), bool(status.stdout.strip())
