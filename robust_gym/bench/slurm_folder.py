"""The folder of a Slurm engine and its jobs, which is removed even if the driver is killed: by the next one.

What lies there is unpickled by the driver and by its jobs, so nobody else may write in it.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from robust_gym.bench.files import Lock, make_folder, sync
from robust_gym.bench.slurm_job import ABANDONED_SECONDS, ALIVE
from robust_gym.bench.slurm_queue import cancel

LOCK = ".lock"
"""Ending of the lock beside a folder, which its driver holds."""

SUBMITIT = "submitit"
"""The folder in which submitit keeps its files, a few for every job."""

SCRIPT = "_submission.sh"
"""What the name of submitit's script of a Slurm job has after the job's id."""

LINKS = ".submission_file_*.sh"
"""Names of submitit's links to those scripts."""


class EngineFolder:
    """A folder of one engine below one that engines share.

    What killed drivers of the same user have left there is removed first, and their jobs are taken back.

    Args:
        above: The folder that engines share; made if need be.

    Raises:
        OSError: If it cannot be written.
    """

    def __init__(self, above: Path) -> None:
        make_folder(above)
        while True:
            self.path = above / f"engine-{uuid.uuid4().hex[:12]}@{_host()}"
            self._lock_path = above / (self.path.name + LOCK)
            self._lock = Lock(self._lock_path)
            # Before there is a folder, which another driver would take for one that was left.
            if self._locked():
                break
        self.path.mkdir(mode=0o700)
        (self.path / ALIVE).touch()
        sync(above)
        sweep(above, (self.path / ALIVE).stat().st_mtime)

    def _locked(self) -> bool:
        """Take the lock, unless another driver's sweep has taken it in between."""
        try:
            return self._lock.acquire()
        except OSError:  # there are no locks: this folder will stay if its driver is killed
            return True

    def touch(self) -> None:
        """Show the jobs that the driver is there."""
        os.utime(self.path / ALIVE)

    def new_cell(self) -> Path:
        """Return the path of a folder for the messages of one cell."""
        return self.path / f"cell-{uuid.uuid4().hex[:12]}"

    def forget(self, handles: Sequence[Any]) -> None:
        """Remove what submitit has kept of jobs that have ended."""
        with contextlib.suppress(OSError):
            for handle in handles:
                of = handle.paths
                for path in (of.submission_file, of.submitted_pickle, of.result_pickle, of.stdout, of.stderr):
                    path.unlink(missing_ok=True)
            for link in (self.path / SUBMITIT).glob(LINKS) if handles else ():
                if not link.exists():
                    link.unlink()

    def remove(self) -> None:
        """Remove the folder and everything in it; jobs that are left then end by themselves."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
        # It is there, though not held, where there are no locks.
        self._lock_path.unlink(missing_ok=True)


def sweep(above: Path, now: float) -> None:
    """Take back the jobs of killed drivers of this user, and remove their folders.

    Args:
        above: The folder that engines share.
        now: The time by the clock of its file system.
    """
    for path in above.glob(f"engine-*@*{LOCK}"):
        with contextlib.suppress(OSError):
            folder = path.with_name(path.name.removesuffix(LOCK))
            if path.stat().st_uid != os.getuid() or not _may_be_left(folder, now):
                continue
            lock = Lock(path)
            if lock.acquire():
                cancel([script.name.removesuffix(SCRIPT) for script in (folder / SUBMITIT).glob(f"[0-9]*{SCRIPT}")])
                shutil.rmtree(folder, ignore_errors=True)
                lock.release()


def _may_be_left(folder: Path, now: float) -> bool:
    """Tell whether a free lock means that a folder's driver is dead.

    Some file systems keep locks to the machine that took them; there, a driver elsewhere has to have been silent for
    so long that its jobs have given up.
    """
    if folder.name.partition("@")[2] == _host():
        return True
    return now - (folder / ALIVE).stat().st_mtime > ABANDONED_SECONDS


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", platform.node())
