"""The engines by name."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from robust_gym.bench.engine import Engine
from robust_gym.bench.limits import Limits
from robust_gym.bench.local import LocalEngine, default_jobs
from robust_gym.disruption import did_you_mean
from robust_gym.task import MissingExtraError, missing

ENGINES: Mapping[str, str] = {
    "local": "processes on this machine",
    "ray": "a Ray cluster",
    "slurm": "the queue of a Slurm cluster",
}
"""What there is, with a few words about each."""

PACKAGES = {"ray": "ray", "slurm": "submitit"}
"""The package that an engine needs, which the extra of the engine's name installs."""


@dataclass(frozen=True)
class EngineChoice:
    """Which engine computes a campaign, as a person says it.

    Attributes:
        name: One of ``ENGINES``.
        jobs: How many cells are computed at once, at most.
        address: Where a Ray cluster is.
        options: Other options of the engine, by name.
        limits: What each cell may use.
    """

    name: str = "local"
    jobs: int | None = None
    address: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    def make(self, cells: int, out: Path) -> Engine:
        """Make the engine.

        Args:
            cells: How many there are; more are never computed at once.
            out: Folder of the results. What Slurm's jobs and the driver tell each other lies below it, unless the
                options name another folder.

        Raises:
            ValueError: As for [make_engine][robust_gym.bench.engines.make_engine].
            MissingExtraError: If a package is missing.
            OSError: If a folder cannot be written.
        """
        jobs = default_jobs() if self.jobs is None and self.name == "local" else self.jobs
        options = {"folder": str(out / "slurm"), **self.options} if self.name == "slurm" else self.options
        jobs = None if jobs is None else min(jobs, cells)
        return make_engine(self.name, jobs, limits=self.limits, address=self.address, options=options)


def make_engine(
    name: str,
    jobs: int | None = None,
    *,
    limits: Limits = Limits(),  # noqa: B008
    address: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Engine:
    """Make an engine.

    Args:
        name: One of ``ENGINES``.
        jobs: How many cells are computed at once; ``None`` for one per core on this machine (of those that a
            container may use at a time, where that is limited), and for as many as there
            is room for on a Ray cluster. Slurm needs a number.
        limits: What each cell may use.
        address: Where a Ray cluster is, see [RayEngine][robust_gym.bench.ray.RayEngine].
        options: Other arguments of [RayEngine][robust_gym.bench.ray.RayEngine] or
            [SlurmEngine][robust_gym.bench.slurm.SlurmEngine], by name.

    Raises:
        ValueError: If there is no such engine, if it has no such option, or if it refuses a value.
        MissingExtraError: If a package is missing; the message says how to install it.
    """
    if name not in ENGINES:
        raise ValueError(f"there is no engine {name!r}.{did_you_mean(name, ENGINES)} There are: {', '.join(ENGINES)}")
    if address is not None and name != "ray":
        raise ValueError(f"an address is for the engine ray, and the engine is {name}")
    make, given = _maker(name, jobs, address)
    accepted = [option for option in inspect.signature(make).parameters if option not in (*given, "limits")]
    given_options = dict(options or {})
    for option, value in given_options.items():
        if option not in accepted:
            known = f"It has: {', '.join(accepted)}" if accepted else "It has none"
            raise ValueError(f"the engine {name} has no option {option!r}.{did_you_mean(option, accepted)} {known}")
        kind = typing.get_type_hints(make.__init__)[option]
        if kind == str | None and isinstance(value, int):
            given_options[option] = value = str(value)  # a partition may be named by a number
        try:
            TypeAdapter(kind).validate_python(value, strict=True)
        except ValidationError as error:
            message = error.errors(include_url=False)[0]["msg"]
            raise ValueError(
                f"the option {option} of the engine {name}: {message[0].lower()}{message[1:]}, got {value!r}"
            ) from None
    return make(**given, limits=limits, **given_options)


def _maker(name: str, jobs: int | None, address: str | None) -> tuple[Callable[..., Engine], dict[str, Any]]:
    """Return an engine's class and the arguments that are no options."""
    if name == "local":
        return LocalEngine, {"jobs": default_jobs() if jobs is None else jobs, "cpus": 1}
    line = missing(f"the engine {name}", (PACKAGES[name],), f'pip install "robust-gym[{name}]"')
    if line:
        raise MissingExtraError(line)
    if name == "ray":
        from robust_gym.bench.ray import RayEngine

        return RayEngine, {"jobs": jobs, "address": address}
    from robust_gym.bench.slurm import SlurmEngine

    if jobs is None:
        raise ValueError("the engine slurm needs a number of jobs: how many may be in Slurm's queue at once")
    return SlurmEngine, {"jobs": jobs}
