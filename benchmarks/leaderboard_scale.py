"""How long the leaderboard takes to build, and how large it becomes: synthetic records, by their number.

    python benchmarks/leaderboard_scale.py [--wide]

Invented algorithms on invented tasks with 33 disruptions and three seeds. Each size is read from its files and built
in a process of its own, whose peak memory is reported. ``--wide`` also builds 50 algorithms on 200 tasks.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from recorded import Table

_TESTS = Path(__file__).parents[1] / "tests"
_CHILD = """
import json, resource, sys, time
from pathlib import Path
from robust_gym.leaderboard import build, load_records
started = time.perf_counter()
records = load_records([Path(sys.argv[1])])
read = time.perf_counter() - started
page = build(records, Path(sys.argv[2]))
took = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
whole = sum(file.stat().st_size for file in page.parent.rglob("*") if file.is_file())
print(json.dumps([len(records), read, took, peak, page.stat().st_size / 1e6, whole / 1e6]))
"""


def write(folder: Path, algorithms: int, tasks: int) -> None:
    """Write the record files of a board."""
    sys.path.insert(0, str(_TESTS))
    from leaderboard_samples import board  # type: ignore[import-not-found]

    names = [f"synthetic-{place}" for place in range(algorithms)]
    for place in range(tasks):
        lines = (entry.model_dump_json() for entry in board(names, [f"Synthetic{place}-v0"]))
        (folder / f"{place}.jsonl").write_text("\n".join(lines) + "\n")


def measure(algorithms: int, tasks: int) -> list[float]:
    """Build a board in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "records").mkdir()
        write(folder / "records", algorithms, tasks)
        command = [sys.executable, "-c", _CHILD, str(folder / "records"), str(folder / "page" / "index.html")]
        found: list[float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return found


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wide", action="store_true", help="50 algorithms on 200 tasks too")
    options = parser.parse_args()
    rows = []
    for algorithms, tasks in [(25, 10), (25, 20), (50, 20), *([(50, 200)] if options.wide else [])]:
        records, read, took, peak, page, whole = measure(algorithms, tasks)
        rows.append(
            (f"{algorithms} x {tasks}", f"{records:,.0f}", f"{read:.1f}", f"{took:.1f}", f"{1e6 * took / records:.0f}",
             f"{peak:,.0f}", f"{page:.2f}", f"{whole:.1f}")
        )  # fmt: skip
    columns = (
        "algorithms x tasks", "records", "read, s", "in all, s", "in all, microseconds a record", "peak, MiB",
        "page, MB", "all files, MB",
    )  # fmt: skip
    print(Table("leaderboard_scale", f"python {' '.join(sys.argv)}", columns, rows))


if __name__ == "__main__":
    main()
