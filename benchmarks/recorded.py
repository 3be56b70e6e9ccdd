"""Tables of what was measured: printed, kept under ``benchmarks/results/``, and shown in ``docs/speed.md``.

python benchmarks/recorded.py     writes the page's tables again from what is kept
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "speed.md"
LIBRARIES = ("gymnasium", "mujoco", "numpy", "stable-baselines3", "torch")


@dataclass(frozen=True)
class Table:
    """What one command measured.

    Attributes:
        name: Of the file under ``benchmarks/results/``, and of the place in the page.
        command: Repeats the measurement.
        columns: Headings.
        rows: Cells, as they are shown; the first of each names the row.
    """

    name: str
    command: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        lines = [self.columns, *self.rows]
        first, *widths = (max(len(line[place]) for line in lines) for place in range(len(self.columns)))

        def text(line: Sequence[str]) -> str:
            return "  ".join([line[0].ljust(first), *map(str.rjust, line[1:], widths)])

        return "\n".join(map(text, lines))

    def keep(self) -> None:
        """Write the file, with versions and machine, and the page's table."""
        from robust_gym import record

        about = record.provenance()
        data = {
            "command": self.command,
            "date": about.created.date().isoformat(),
            "machine": f"{about.machine.processor}, {about.machine.cores} cores, Python {about.machine.python}",
            "libraries": {name: version for name, version in about.libraries.items() if name in LIBRARIES},
            "columns": self.columns,
            "rows": self.rows,
        }
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{self.name}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def markdown(data: dict[str, Any]) -> str:
    """Return a kept table as Markdown."""
    rule = [":--", *["--:"] * (len(data["columns"]) - 1)]
    lines = [f"| {' | '.join(line)} |" for line in (data["columns"], rule, *data["rows"])]
    versions = ", ".join(f"{name} {version}" for name, version in data["libraries"].items())
    return "\n".join([*lines, "", f"`{data['command']}`, {data['date']}: {data['machine']}; {versions}.", ""])


def between(page: str, name: str, text: str) -> str:
    """Return the page with what stands between a name's markers replaced.

    Raises:
        ValueError: If the page has no such markers.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if begin not in page or end not in page:
        raise ValueError(f"the page has no place for {name!r}: write {begin} and {end} into it")
    before, rest = page.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{text}{end}{after}"


def with_tables(page: str) -> str:
    """Return the page with all kept tables in their places."""
    for file in sorted(RESULTS.glob("*.json")):
        data = json.loads(file.read_text(encoding="utf-8"))
        if "columns" in data:
            page = between(page, file.stem, "\n" + markdown(data) + "\n")
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
