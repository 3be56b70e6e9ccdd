"""A folder for temporary files, which is removed even if its process is killed: by the next one."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from robust_gym.bench.files import Lock

PREFIX = "robust-gym-"
LOCK = "lock"


class Scratch:
    """A folder of this process below the system's temporary folder.

    What killed processes of the same user have left there is removed first: the lock in it tells.
    """

    def __init__(self) -> None:
        sweep(Path(tempfile.gettempdir()))
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
            self._lock = Lock(self.path / LOCK)
            # Taken by another process's sweep in between, in which case the folder is gone.
            with contextlib.suppress(FileNotFoundError):
                if self._lock.acquire():
                    break

    def remove(self) -> None:
        """Remove the folder and everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()


def sweep(temporary: Path) -> None:
    """Remove the folders that killed processes of this user have left."""
    for folder in temporary.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid() or not (folder / LOCK).exists():
                continue
            lock = Lock(folder / LOCK)
            if lock.acquire():
                shutil.rmtree(folder, ignore_errors=True)
                lock.release()
