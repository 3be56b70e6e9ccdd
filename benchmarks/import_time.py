"""What importing the package and starting the command line cost, as ratios in one run.

    python benchmarks/import_time.py [--runs 15] [--keep]

Each figure is the CPU time of a whole process, the interpreter's start included; pairs alternate, so that a busy
machine slows both. The package should cost at most 1.5 times ``import gymnasium``.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys

from recorded import Table

# A checkout may be told to keep no bytecode; an installed package has it, and so must what is compared here.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
COMMANDS = {
    "import gymnasium": ["-c", "import gymnasium"],
    "import robust_gym": ["-c", "import robust_gym"],
    "robust-gym --help": ["-m", "robust_gym", "--help"],
}


def cpu_seconds(arguments: list[str]) -> float:
    """Return the CPU time of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def measure(runs: int) -> Table:
    """Time all processes."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs + 1):
        for name, arguments in COMMANDS.items():
            times[name].append(cpu_seconds(arguments))
    kept = {name: many[1:] for name, many in times.items()}  # the first run compiles, and fills the file cache
    rows = []
    for name, many in kept.items():
        ratios = [mine / theirs for mine, theirs in zip(many, kept["import gymnasium"], strict=True)]
        rows.append((f"`{name}`", f"{statistics.median(many):.3f}", f"{statistics.median(ratios):.2f}"))
    columns = ("A process, s CPU", "median", "ratio")
    return Table("import_time", f"python benchmarks/import_time.py --runs {runs}", columns, rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--keep", action="store_true", help="write the table into benchmarks/results and docs/speed.md")
    options = parser.parse_args()
    table = measure(options.runs)
    print(table)
    if options.keep:
        table.keep()
