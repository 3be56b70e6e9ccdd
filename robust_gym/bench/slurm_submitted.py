"""A job of the Slurm engine, seen from the driver."""

from __future__ import annotations

import contextlib
import pickle
import shutil
import time
from pathlib import Path
from typing import Any

from robust_gym.bench.child import OUTPUT_CHARACTERS, last_characters
from robust_gym.bench.engine import Checkpointed, Event, Failed, Finished, Job, Phase, Progressed, Resources, Trained
from robust_gym.bench.files import make_folder
from robust_gym.bench.slurm_job import MESSAGE, TRAINED, GivenUp, hand_over


class Submitted:
    """A job that the engine has taken.

    Args:
        job: The job.
        folder: For its messages; made if need be.

    Attributes:
        job: The job without its files, which lie in the folder.
        folder: Where its messages come from.
        handle: What submitit knows of it, once it is in Slurm's queue.
        ended_at: When Slurm was first heard to say that it had ended.
        given_up: How often it has ended because it saw no sign of the driver.
    """

    def __init__(self, job: Job, folder: Path) -> None:
        make_folder(folder)
        self.job = hand_over(job, folder)
        self.folder = folder
        self.handle: Any = None
        self.ended_at: float | None = None
        self.given_up = 0
        self._since = time.monotonic()
        self._last: Progressed | None = None
        # The file with the trained policy stays, for another start of the job.
        self._kept = {path.name for path in folder.glob(f"*{TRAINED}")}
        self._trained = bool(self._kept)
        self._heard = False

    def messages(self) -> list[Event | GivenUp]:
        """Read what has arrived, in the order in which it was sent, up to the end of the cell.

        Two starts of one job may overlap, when Slurm has lost sight of a node: then the first end of the cell counts,
        and the first trained policy.
        """
        found: list[Event | GivenUp] = []
        for path in self._unread():
            event: Event | GivenUp = pickle.loads(path.read_bytes())
            if path.name.endswith(TRAINED):
                self._kept.add(path.name)
            else:
                path.unlink()
            if self._trained and isinstance(event, (Trained, Checkpointed)):
                continue
            self._trained = self._trained or isinstance(event, Trained)
            if isinstance(event, Progressed):
                self._last = event
            found.append(event)
            if isinstance(event, (Finished, Failed)):
                break
        self._heard = self._heard or bool(found)
        return found

    def _unread(self) -> list[Path]:
        """Return the files of new messages; by their names, they are in the order in which they were sent."""
        return [path for path in sorted(self.folder.glob(f"*{MESSAGE}")) if path.name not in self._kept]

    @property
    def begun(self) -> bool:
        """Whether anything was ever heard of it, or can be."""
        return self._heard or bool(self._unread())

    def failed(self, error: str) -> Failed:
        """Return its cell as a failure that the job itself has not told of."""
        used = self._last.resources if self._last else Resources(0.0)
        resources = Resources(time.monotonic() - self._since, used.cpu_seconds, used.peak_memory_mib)
        phase: Phase = self._last.phase if self._last else "start"
        return Failed(self.job.cell, error, "", phase, resources, self._output())

    def _output(self) -> str:
        with contextlib.suppress(OSError):
            return last_characters(self.handle.paths.stderr, OUTPUT_CHARACTERS)
        return ""

    def remove(self) -> None:
        """Remove the folder: nobody listens to the job any more, which it will notice if it runs."""
        shutil.rmtree(self.folder, ignore_errors=True)
