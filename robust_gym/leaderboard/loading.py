"""Reading records from files and folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from robust_gym import record
from robust_gym.leaderboard.memory import no_collection
from robust_gym.record import RecordError, RunRecord


def load_records(paths: Iterable[Path]) -> list[RunRecord]:
    """Read the records of some files, and of every ``*.jsonl`` and ``*.jsonl.gz`` file under some directories.

    Under a directory, files that ``bench`` has set aside as damaged (``*.corrupt-*.jsonl``) are left out.

    Args:
        paths: Files and directories; a file that is found twice is read once.

    Returns:
        The records, in the order of the paths, within a directory by file name.

    Raises:
        RecordError: If a path does not exist or cannot be read, or a line is not a record; the message names
            file and line.
    """
    files: dict[Path, Path] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise RecordError(f"{path} does not exist; give record files (*.jsonl), or directories that hold them")
        below = sorted(file for file in path.rglob("*.jsonl*") if _holds_records(file))
        for file in below if path.is_dir() else [path]:
            files.setdefault(file.resolve(), file)
    found: list[RunRecord] = []
    with no_collection():
        for file in files.values():
            found += _load(file)
    return found


def _holds_records(file: Path) -> bool:
    return file.name.endswith((".jsonl", ".jsonl.gz")) and ".corrupt-" not in file.name


def _load(file: Path) -> list[RunRecord]:
    try:
        return record.load(file)
    except OSError as error:
        raise RecordError(f"{file} cannot be read: {error.strerror}") from None
