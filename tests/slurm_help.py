"""Programs in place of Slurm's, for the tests of its engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from bench_help import cell

from robust_gym.bench import slurm
from robust_gym.bench.engine import Event, Job, Progressed, Resources
from robust_gym.bench.engines import make_engine
from robust_gym.bench.limits import Limits
from robust_gym.bench.slurm_job import GivenUp, _Mailbox
from robust_gym.bench.slurm_submitted import Submitted

SBATCH = """#!/bin/sh
# As Ctrl-C in a terminal would, while this runs.
kill -INT $$
if [ -e refuse ]; then echo "sbatch: error: Socket timed out on send/recv operation" >&2; exit 1; fi
number=$(($(cat count 2>/dev/null || echo 40) + 1))
echo $number > count
echo PENDING > queue/$number
echo "Submitted batch job $number"
"""

SCANCEL = """#!/bin/sh
for job in "$@"; do echo $job >> cancelled; rm -f queue/$job; done
set -- $(cat /proc/$$/stat)
echo $1 $6 >> sessions
"""

SQUEUE = """#!/bin/sh
if [ -e broken ]; then echo "squeue: unrecognized option '--me'" >&2; exit 1; fi
echo
echo "a line of this site"
for job in queue/*; do [ -e $job ] && echo "$(basename $job) $(cat $job)"; done
set -- $(cat /proc/$$/stat)
echo $1 $6 >> sessions
"""


class FakeSlurm:
    """A queue in a folder. No job of it ever runs: tests write what one would send."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        (folder / "queue").mkdir(parents=True)
        for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL), ("squeue", SQUEUE), ("srun", ""), ("sacct", "")):
            (folder / name).write_text(text.replace("#!/bin/sh", f"#!/bin/sh\ncd {folder}"))
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def refuses(self, refuses: bool = True) -> None:
        self._set("refuse", refuses)

    def breaks(self, broken: bool = True) -> None:
        """Let squeue fail from now on."""
        self._set("broken", broken)

    def _set(self, name: str, there: bool) -> None:
        if there:
            (self._folder / name).touch()
        else:
            (self._folder / name).unlink()

    def says(self, job: str, state: str | None) -> None:
        """Let squeue tell a state of a job, or no longer know it."""
        if state is None:
            (self._folder / "queue" / job).unlink()
        else:
            (self._folder / "queue" / job).write_text(state)

    @property
    def queue(self) -> list[str]:
        return sorted(path.name for path in (self._folder / "queue").iterdir())

    @property
    def cancelled(self) -> list[str]:
        path = self._folder / "cancelled"
        return path.read_text().split() if path.exists() else []

    @property
    def sessions(self) -> list[list[str]]:
        """The process and the session of every call of squeue and scancel."""
        return [line.split() for line in (self._folder / "sessions").read_text().splitlines()]


def make_slurm(tmp_path: Path, jobs: int = 5, **options: Any) -> slurm.SlurmEngine:
    engine = make_engine("slurm", jobs, limits=Limits(seconds=60), options={"folder": tmp_path / "shared", **options})
    assert isinstance(engine, slurm.SlurmEngine)
    return engine


def submitted(engine: slurm.SlurmEngine, seed: int = 0) -> Submitted:
    """Submit a cell, and return what the engine knows of it."""
    engine.submit(Job(cell(seed)))
    return engine._submitted[-1]


def sent(one: Submitted, *events: Event | GivenUp) -> None:
    """Send messages as one start of a job would."""
    mailbox = _Mailbox(one.folder)
    for event in events:
        mailbox.send(event)


def progressed(seed: int = 0) -> Progressed:
    return Progressed(cell(seed), "train", 1, 10, Resources(1.0))
