"""Tables of what was measured: printed, kept under ``benchmarks/results/``, and shown in a page of the documentation.

python benchmarks/recorded.py     writes the pages' tables again from what is kept
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "speed.md"
PAGES = (PAGE.name, "results.md")
"""Pages that show tables."""

LIBRARIES = ("envpool", "gymnasium", "mujoco", "numpy", "stable-baselines3", "torch")

Stamp = Mapping[str, Any]
"""When, on what machine and with what libraries something was measured."""


@dataclass(frozen=True)
class Table:
    """What one command measured.

    Attributes:
        name: Of the file under ``benchmarks/results/``, and of the place in the page.
        command: Repeats the measurement.
        columns: Headings.
        rows: Cells, as they are shown; the first of each names the row.
        stamp: Of the measurement, where it is older than the table; that of now otherwise.
        page: The page of the documentation that shows it.
    """

    name: str
    command: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    stamp: Stamp | None = None
    page: str = PAGE.name

    def __str__(self) -> str:
        lines = [self.columns, *self.rows]
        first, *widths = (max(len(line[place]) for line in lines) for place in range(len(self.columns)))

        def text(line: Sequence[str]) -> str:
            return "  ".join([line[0].ljust(first), *map(str.rjust, line[1:], widths)])

        return "\n".join(map(text, lines))

    def keep(self) -> None:
        """Write the file, with versions and machine, and the page's table."""
        stamp = self.stamp or stamp_of_now()
        data = {"command": self.command, **stamp, "page": self.page, "columns": self.columns, "rows": self.rows}
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{self.name}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        show(self.page)


def stamp_of_now() -> dict[str, Any]:
    """Return the stamp of what is measured now."""
    from robust_gym import record

    about = record.provenance()
    versions = {**about.libraries, **_installed("envpool")}
    return {
        "date": about.created.date().isoformat(),
        "machine": f"{about.machine.processor}, {about.machine.cores} cores, Python {about.machine.python}",
        "libraries": {name: version for name, version in versions.items() if name in LIBRARIES},
    }


def _installed(name: str) -> dict[str, str]:
    # Only the package's own dependencies are part of a record's provenance.
    try:
        return {name: importlib.metadata.version(name)}
    except importlib.metadata.PackageNotFoundError:
        return {}


def stamp_of_all(stamps: Sequence[Stamp]) -> dict[str, Any]:
    """Return one stamp for a table whose parts were measured at several times, with everything that they name.

    A part may have such a stamp itself.
    """
    names = dict.fromkeys(name for stamp in stamps for name in stamp["libraries"])
    dates = sorted({date for stamp in stamps for date in stamp["date"].split(" to ")})
    return {
        "date": dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
        "machine": _each([stamp["machine"] for stamp in stamps]),
        "libraries": {
            name: _each([stamp["libraries"][name] for stamp in stamps if name in stamp["libraries"]]) for name in names
        },
    }


def _each(words: Sequence[str]) -> str:
    return " or ".join(dict.fromkeys(part for word in words for part in word.split(" or ")))


def command(parser: argparse.ArgumentParser, options: argparse.Namespace, *positional: str) -> str:
    """Return the command that repeats a measurement: with every option whose value is not its default.

    Args:
        parser: Of the script, which has the name of its file.
        options: What it has read.
        positional: Names of arguments whose values come first, without their names.
    """
    found = ["python", f"benchmarks/{parser.prog}", *(str(getattr(options, name)) for name in positional)]
    for name, value in vars(options).items():
        if name not in ("keep", *positional) and value != parser.get_default(name):
            found += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, list) else [value])]
    return " ".join(found)


def refuse_part(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with an error where some tasks only would replace the kept table of all.

    Raises:
        SystemExit: If so.
    """
    if options.keep and list(options.tasks) != list(parser.get_default("tasks")):
        parser.error("--keep writes the table of all tasks: leave the names of tasks out, or --keep")


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


def show(name: str) -> None:
    """Write a page's tables again."""
    page = PAGE.with_name(name)
    page.write_text(with_tables(page.read_text(encoding="utf-8"), name), encoding="utf-8")


def with_tables(page: str, name: str = PAGE.name) -> str:
    """Return the page of a name with all of its kept tables in their places."""
    for file in sorted(RESULTS.glob("*.json")):
        data = json.loads(file.read_text(encoding="utf-8"))
        if "columns" in data and data.get("page", PAGE.name) == name:
            page = between(page, file.stem, "\n" + markdown(data) + "\n")
    return page


if __name__ == "__main__":
    for page in PAGES:
        show(page)
