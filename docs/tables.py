"""The tables of the README, from the registries.

    python docs/tables.py --write README.md     replaces the text between the markers
    python docs/tables.py --check README.md     fails when it is not what it would be

The markers are ``<!-- tasks:begin -->``, ``<!-- tasks:end -->``, ``<!-- disruptions:begin -->`` and
``<!-- disruptions:end -->``.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from generate import disruptions, tasks
from generate.markdown import code, table

EXAMPLES = 4
"""How many tasks of a family are named."""


def task_table() -> str:
    """Return the families with some of their tasks, short of the ``Robust-`` and ``-v0`` of their ids."""
    rows = []
    for family, many in tasks.families().items():
        # Spread over the family, whose neighbours in alphabetical order resemble one another.
        shown = many[:: max(1, -(-len(many) // EXAMPLES))]
        names = ", ".join(re.sub(r"^Robust-(.+)-v0$", r"\1", task.id) for task in shown)
        apis = ", ".join(dict.fromkeys(tasks.API[task.api] for task in many))
        installs = "<br>".join(dict.fromkeys(code(task.install) for task in many))
        more = ", …" if len(shown) < len(many) else ""
        rows.append((tasks.title(family), str(len(many)), names + more, apis, installs))
    total = sum(map(len, tasks.families().values()))
    rows.append(("**All**", f"**{total}**", "", "", '`pip install "robust-gym[all]"`, and what stands after `&&`'))
    return table(("Family", "Tasks", "Among them", "API", "Install"), rows, numbers=("Tasks",))


def disruption_table() -> str:
    """Return the kinds of every channel with their arguments."""
    rows = []
    for channel, many in disruptions.by_channel().items():
        kinds = [code(kind.usage.removeprefix(f"{channel}:")) for kind in many]
        if channel == "dynamics":
            kinds.append("any parameter of the task (`gravity:1.3`, `gravity:0.8..1.3`)")
        rows.append((code(channel), ", ".join(kinds)))
    return table(("Channel", "Kinds"), rows)


TABLES: dict[str, Callable[[], str]] = {"tasks": task_table, "disruptions": disruption_table}


def renewed(document: str) -> str:
    """Return a document with the text between the markers replaced by the tables.

    Raises:
        ValueError: If a pair of markers is not there exactly once.
    """
    for name, make in TABLES.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if document.count(begin) != 1 or document.count(end) != 1 or document.index(begin) > document.index(end):
            raise ValueError(f"the document needs the lines {begin} and {end}, once each and in this order")
        before, rest = document.split(begin)
        _, after = rest.split(end)
        document = f"{before}{begin}\n{make()}{end}{after}"
    return document


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Write or check the tables of a README.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", type=Path, metavar="FILE", help="replace the text between the markers")
    action.add_argument("--check", type=Path, metavar="FILE", help="fail when the tables are out of date")
    arguments = parser.parse_args()
    path: Path = arguments.write or arguments.check
    document = path.read_text(encoding="utf-8")
    try:
        new = renewed(document)
    except ValueError as error:
        sys.exit(f"{path}: {error}")
    if arguments.write:
        path.write_text(new, encoding="utf-8", newline="\n")
    elif new != document:
        sys.exit(f"{path}: the tables are out of date; run: python docs/tables.py --write {path}")


if __name__ == "__main__":
    main()
