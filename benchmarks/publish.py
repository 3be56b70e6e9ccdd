"""Copy the records of finished cells into the package, where the published leaderboard is built from.

    python benchmarks/publish.py results
    make leaderboard

A record file keeps its cell's path, so that publishing a cell again replaces it.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

from robust_gym import record

PUBLISHED = Path(__file__).parents[1] / "robust_gym" / "leaderboard" / "published"


def main(results: Path) -> None:
    """Copy every finished cell's records, after checking them."""
    cells = sorted(results.glob("*/*/*/*/seed-*/records.jsonl"))
    for file in cells:
        record.load(file)
        cell = file.parent
        target = PUBLISHED / cell.parent.relative_to(results) / f"{cell.name}.jsonl.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        # Without the time, so that the same records give the same file. They take a tenth of the room.
        target.write_bytes(gzip.compress(file.read_bytes(), mtime=0))
    print(f"{len(cells)} cells published from {results}")


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        main(Path(folder))
