"""Campaigns as files: what to run, written down in YAML, and the suites that come with the package.

```yaml
about: What the campaign is for.
algorithms:
  - vdn
  - {name: robust-vdn, arguments: {rho: 0.02}, settings: paper}
tasks: [Robust-Building-v0]
budget: quick
seeds: 5
```

A suite is such a file under ``robust_gym/bench/suites/``.
"""

from __future__ import annotations

import dataclasses
import functools
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from robust_gym.bench.arguments import MAX_DIGITS, MAX_SEEDS
from robust_gym.bench.engines import EngineChoice
from robust_gym.bench.limits import Limits
from robust_gym.bench.plan import Entry, Request
from robust_gym.disruption import did_you_mean
from robust_gym.registry import UnknownNameError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from yaml import SafeLoader

SUFFIXES = (".yaml", ".yml")


class AlgorithmEntry(BaseModel):
    """An algorithm of a campaign.

    Attributes:
        name: Registered name.
        arguments: Values of its arguments that differ from their defaults.
        settings: Name of one of its settings, which ``arguments`` go before.
        tasks: Ids, globs or families, for this algorithm alone; empty for those of the campaign.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    settings: str = ""
    tasks: list[str] = Field(default_factory=list)


class EngineEntry(BaseModel):
    """Who computes the cells.

    Attributes:
        name: ``local``, ``ray`` or ``slurm``.
        jobs: How many cells run at once; by default as many as there is room for.
        address: Where a Ray cluster is.
        options: Other options of the engine.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = "local"
    jobs: int | None = Field(default=None, ge=1)
    address: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class LimitsEntry(BaseModel):
    """What each cell may use; one that uses more counts as failed.

    Attributes:
        seconds: Seconds on the clock.
        memory_mib: Resident memory in MiB.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    memory_mib: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class CampaignFile(BaseModel):
    """What a campaign file says.

    Attributes:
        about: What it is for.
        source: Where it comes from, such as a paper.
        algorithms: Names, or names with arguments.
        tasks: Ids, globs or families; empty for the default suite.
        budget: ``smoke``, ``quick`` or ``standard``.
        seeds: A count, or a list; ``None`` for as many as the budget takes.
        protocol: Version of the evaluation protocol.
        compare: Whether to run the algorithms beside which a named one is meant to be read.
        plugins: Modules that register tasks, algorithms or disruptions.
        engine: Who computes the cells: a name, or a name with options.
        limits: What each cell may use.
        out: Folder of the results.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    about: str = ""
    source: str = ""
    algorithms: list[AlgorithmEntry] = Field(min_length=1)
    tasks: list[str] = Field(default_factory=list)
    budget: str = "quick"
    seeds: int | list[int] | None = None
    protocol: str = "v1"
    compare: bool = False
    plugins: list[str] = Field(default_factory=list)
    engine: EngineEntry = Field(default_factory=EngineEntry)
    limits: LimitsEntry = Field(default_factory=LimitsEntry)
    out: str = "results"

    @field_validator("algorithms", mode="before")
    @classmethod
    def _names_alone(cls, value: Any) -> Any:
        return [{"name": one} if isinstance(one, str) else one for one in value] if isinstance(value, list) else value

    @field_validator("engine", mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("seeds")
    @classmethod
    def _possible(cls, value: int | list[int] | None) -> int | list[int] | None:
        listed = value if isinstance(value, list) else []
        if isinstance(value, int) and not 1 <= value <= MAX_SEEDS:
            raise ValueError(f"a count of seeds is from 1 to {MAX_SEEDS}")
        if isinstance(value, list) and (not listed or min(listed) < 0 or len(set(listed)) < len(listed)):
            raise ValueError("a list of seeds has different numbers of 0 or more")
        if listed and max(listed) >= 10**MAX_DIGITS:
            raise ValueError(f"a seed has at most {MAX_DIGITS} digits")
        return value

    def entries(self) -> list[Entry]:
        """Return the algorithms to run."""
        return [Entry(one.name, one.arguments, one.settings, tuple(one.tasks)) for one in self.algorithms]

    def request(self) -> Request:
        """Return what to run."""
        seeds = range(self.seeds) if isinstance(self.seeds, int) else self.seeds or ()
        return Request(
            algorithms=tuple(self.entries()),
            tasks=tuple(self.tasks),
            budget=self.budget,
            seeds=tuple(seeds),
            protocol=self.protocol,
            compare=self.compare,
            plugins=tuple(self.plugins),
        )


def merged(file: CampaignFile | None, asked: Request) -> Request:
    """Return a campaign file's request with what a command line says besides.

    Args:
        file: The file, if there is one.
        asked: What the command line says; its algorithms choose among the file's, all else goes before it. Where it is
            empty (budget and protocol too), the file holds.

    Raises:
        ValueError: If an algorithm is not among the file's.
    """
    if file is None:
        return dataclasses.replace(asked, budget=asked.budget or "quick", protocol=asked.protocol or "v1")
    base = file.request()
    known = list(dict.fromkeys(entry.algorithm for entry in file.entries()))
    for name in asked.algorithms:
        if name not in known:
            there = f"there are {', '.join(known)}.{did_you_mean(str(name), known)}"
            raise ValueError(f"no algorithm {name!r} in the campaign; {there}")
    chosen = [one for one in file.entries() if not asked.algorithms or one.algorithm in asked.algorithms]
    return Request(
        algorithms=tuple(dataclasses.replace(one, tasks=()) if asked.tasks else one for one in chosen),
        tasks=asked.tasks or base.tasks,
        budget=asked.budget or base.budget,
        seeds=asked.seeds or base.seeds,
        protocol=asked.protocol or base.protocol,
        assignments=asked.assignments,
        settings=asked.settings,
        compare=asked.compare and base.compare,
        plugins=tuple(dict.fromkeys((*asked.plugins, *base.plugins))),
    )


def engine_of(file: CampaignFile | None, asked: EngineChoice) -> EngineChoice:
    """Return a campaign file's engine with what a command line says besides.

    Args:
        file: The file, if there is one.
        asked: What the command line says, which goes before the file; an empty name asks for the file's engine.
    """
    said = file.engine if file is not None else EngineEntry()
    limits = file.limits if file is not None else LimitsEntry()
    same = asked.name in ("", said.name)
    return EngineChoice(
        name=asked.name or said.name,
        jobs=asked.jobs if asked.jobs is not None else said.jobs,
        # What the file says of another engine means nothing to the one that was asked for.
        address=asked.address if asked.address is not None or not same else said.address,
        options={**(said.options if same else {}), **asked.options},
        limits=Limits(
            asked.limits.seconds if asked.limits.seconds is not None else limits.seconds,
            asked.limits.memory_mib if asked.limits.memory_mib is not None else limits.memory_mib,
        ),
    )


def read_campaign(path: Path | Traversable) -> CampaignFile:
    """Read a campaign file.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is no YAML, or says what no campaign file can; the message names the place.
    """
    import yaml

    if not path.is_file():
        raise FileNotFoundError(f"there is no campaign file {path}")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _loader())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply for a campaign file") from None
    except ValueError as error:  # a name that stands twice, or a date that there is not
        raise ValueError(f"{path}, {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold names and values; they are {', '.join(CampaignFile.model_fields)}")
    try:
        return CampaignFile.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{path}, {_problem(error)}") from None


@functools.cache
def _loader() -> type[SafeLoader]:
    """Return what reads YAML as its safe loader does, but lets no value silently take the place of another."""
    from yaml import MappingNode, SafeLoader, ScalarNode

    class Loader(SafeLoader):
        def compose_mapping_node(self, anchor: Any) -> MappingNode:
            node = super().compose_mapping_node(anchor)
            seen: set[str] = set()
            for key in (key for key, _ in node.value if isinstance(key, ScalarNode) and key.value != "<<"):
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise ValueError(f"line {line}: {key.value!r} stands there a second time; say it once")
                seen.add(key.value)
            return node

    return Loader


def _problem(error: ValidationError) -> str:
    """Return where the first problem is, and what would be accepted."""
    # What is misspelt is missing too: the first is what somebody has typed.
    first = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    *above, name = first["loc"]
    place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        models: dict[str, type[BaseModel]] = {
            "algorithms": AlgorithmEntry,
            "engine": EngineEntry,
            "limits": LimitsEntry,
        }
        known = list(models.get(str(above[0]) if above else "", CampaignFile).model_fields)
        return f"{place}: there is no such name; names are {', '.join(known)}.{did_you_mean(str(name), known)}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message[0].lower()}{message[1:]}, got {first['input']!r}"


def suites() -> dict[str, CampaignFile]:
    """Return the suites that come with the package, by name."""
    folder = resources.files("robust_gym.bench").joinpath("suites")
    files = sorted((one for one in folder.iterdir() if one.name.endswith(SUFFIXES)), key=lambda one: one.name)
    return {one.name.partition(".")[0]: read_campaign(one) for one in files}


def suite(name: str) -> CampaignFile:
    """Return a suite.

    Raises:
        UnknownNameError: If there is no suite of that name.
    """
    known = suites()
    if name not in known:
        raise UnknownNameError(f"unknown suite {name!r}; suites are {', '.join(known)}.{did_you_mean(name, known)}")
    return known[name]
