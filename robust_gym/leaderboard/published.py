"""The records that ship with the package, which the published leaderboard is built from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from robust_gym.leaderboard.loading import load_records
from robust_gym.record import RecordError, RunRecord

FOLDER = Path(__file__).parent / "published"


def records_of(paths: Sequence[Path]) -> list[RunRecord]:
    """Read the records of some files and folders, or without any, those that ship with the package.

    Raises:
        RecordError: If there are none, or a file cannot be read.
    """
    records = load_records(paths or [FOLDER])
    if not records:
        where = ", ".join(map(str, paths)) or "the package"
        raise RecordError(
            f"there are no records (*.jsonl, *.jsonl.gz) in {where}: robust-gym bench --algo NAME makes the first"
        )
    return records
