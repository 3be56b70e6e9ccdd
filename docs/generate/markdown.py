"""Small pieces of Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence


def text(words: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    line = " ".join(html.escape(words, quote=False).split())
    return re.sub(r"([\\`*\[\]|])|(?<!\w)_|_(?!\w)", lambda mark: f"\\{mark.group()}", line)


def prose(words: str) -> str:
    """Return a docstring's Markdown on one line, also inside a table; its ``literals`` become code."""
    parts = re.split(r"``(.+?)``", " ".join(words.split()))
    return "".join(
        code(part) if place % 2 else html.escape(part, quote=False).replace("|", "\\|")
        for place, part in enumerate(parts)
    )


def code(words: str) -> str:
    """Return text as inline code."""
    return f"`{words}`"


def codes(many: Iterable[str], none: str = "none") -> str:
    """Return several pieces of inline code, with commas."""
    return ", ".join(map(code, many)) or none


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()) -> str:
    """Return a table.

    Args:
        columns: Headings; those that are empty stay empty.
        rows: Cells, as Markdown.
        numbers: Headings of the columns to align on the right.
    """
    rule = ["---:" if column in numbers else "---" for column in columns]
    lines = [f"| {' | '.join(line)} |" for line in (columns, rule, *rows)]
    return "\n".join(lines) + "\n"


def folded(summary: str, body: str) -> str:
    """Return a box that opens at a click."""
    indented = "\n".join(f"    {line}" if line else "" for line in body.splitlines())
    return f'??? note "{summary}"\n\n{indented}\n'


def fenced(body: str, language: str = "") -> str:
    """Return a block of code."""
    return f"```{language}\n{body.rstrip()}\n```\n"


def joined(*blocks: str) -> str:
    """Return blocks with an empty line between them; empty ones are left out."""
    return "\n\n".join(block.strip("\n") for block in blocks if block) + "\n"


def number(value: float) -> str:
    """Return a number as short as it can be written."""
    return f"{value:g}"
