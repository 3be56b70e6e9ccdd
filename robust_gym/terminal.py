"""Printing for people: tables and lines that stay whole when they are piped into a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# Wider than any table, so that nothing is cut or wrapped where no terminal asks for it.
_UNLIMITED = 10_000


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints text as it is: no markup, no emoji, and unlimited width when piped."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            """Leave it to the command's exit code; the default is to exit with 1, which says other things here."""
            raise BrokenPipeError

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _UNLIMITED
    return Plain(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", numbers: Iterable[str] = ()
) -> Table:
    """Build a plain table.

    Args:
        columns: Headings.
        rows: Cells, in the order of the headings.
        title: Line above the table.
        numbers: Headings of the columns to align on the right.
    """
    from rich import box
    from rich.table import Table

    right = set(numbers)
    built = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        # Folding keeps every character of an id on a narrow terminal, where the default is to cut it.
        built.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        built.add_row(*row)
    return built


def error(message: object) -> None:
    """Print one line about what went wrong on the standard error stream."""
    print(f"robust-gym: {message}", file=sys.stderr)
