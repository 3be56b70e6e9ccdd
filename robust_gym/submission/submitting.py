"""``robust-gym submit``: results, checked and packed into one file for a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import robust_gym
from robust_gym import record
from robust_gym.bench.files import make_folder, write_atomically
from robust_gym.bench.store import POLICY, RECORDS
from robust_gym.plugins import load_plugins
from robust_gym.submission.archive import listed, pack
from robust_gym.submission.checking import Run, common_protocol, problems
from robust_gym.submission.gathering import gather
from robust_gym.submission.manifest import SubmissionError, cell_of, made_manifest
from robust_gym.terminal import console, error

REFUSED = 2
"""Exit code where something is wrong with the results."""

MOST_PROBLEMS = 20
"""Most problems that are named."""


@dataclass(frozen=True)
class Options:
    """What ``submit`` is asked to do.

    Attributes:
        sources: Folders of results and files of records.
        out: The file to write.
        name: Who submits, or what the method is called.
        contact: How to reach them.
        url: Where the method is described.
        note: Anything else.
        policy_entry: ``module:function`` that makes the policies of the runs without a saved one.
        plugins: Modules that register tasks or algorithms.
    """

    sources: tuple[Path, ...]
    out: Path
    name: str | None = None
    contact: str | None = None
    url: str | None = None
    note: str | None = None
    policy_entry: str | None = None
    plugins: tuple[str, ...] = ()


def submit_command(options: Options) -> int:
    """Check results and pack them.

    Returns:
        The exit code: 0, or ``REFUSED`` after a line about everything that is wrong.

    Raises:
        ValueError: If the sources or the options as a whole make no sense; its subclasses say more.
        OSError: If a file cannot be read or written.
    """
    load_plugins(options.plugins)
    if options.out.suffix.lower() != ".zip":
        raise SubmissionError(f"a submission is a zip file: --out NAME.zip, got {str(options.out)!r}")
    runs, notes = gather(options.sources)
    packed = packed_runs(runs, options)
    if isinstance(packed, list):
        for line in packed[:MOST_PROBLEMS]:
            error(line)
        if len(packed) > MOST_PROBLEMS:
            error(f"… and {len(packed) - MOST_PROBLEMS} more")
        return REFUSED
    make_folder(options.out.absolute().parent)
    write_atomically(options.out, packed)
    out = console()
    for note in notes:
        out.print(note)
    policies = sum(run.policy is not None for run in runs)
    out.print(
        f"{_count(len(runs), 'run')}, {sum(len(run.records) for run in runs)} records, {policies} with a saved policy"
    )
    out.print(f"{options.out}: {len(packed):,} bytes; robust-gym verify {options.out} plays the policies again")
    return 0


def packed_runs(runs: Sequence[Run], options: Options) -> bytes | list[str]:
    """Return a submission's bytes, or a line about everything that is wrong.

    Raises:
        SubmissionError: If what the options say cannot be written down, or the runs are too many.
        ValueError: If the runs are of several protocols, or of an unknown one.
    """
    protocol = common_protocol(runs)
    wrong = [f"{run.path}: {problem}" for run in runs for problem in problems(run, options.policy_entry)]
    for run in runs:
        strange = [name for name in run.policy or {} if cell_of(f"{run.path}/{POLICY}/{name}") is None]
        wrong += [
            f"{run.path}: its policy has a file {name!r}; a submission takes .json and .safetensors files only"
            for name in strange
        ]
    if wrong:
        return wrong
    if options.policy_entry is not None and all(run.policy is not None for run in runs):
        raise SubmissionError("--policy-entry is for runs without a saved policy, and all of these have one")
    files: dict[str, bytes] = {}
    for run in runs:
        files[f"{run.path}/{RECORDS}"] = record.dump(run.records).encode()
        files |= {f"{run.path}/{POLICY}/{name}": content for name, content in (run.policy or {}).items()}
    manifest = made_manifest(
        name=options.name,
        contact=options.contact,
        url=options.url,
        note=options.note,
        robust_gym=robust_gym.__version__,
        protocol=protocol,
        policy_entry=options.policy_entry,
        files=listed(files),
    )
    return pack(manifest, files)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
