"""The page about the command line: what every command says about itself."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator

from generate.markdown import fenced, joined
from robust_gym import cli

WIDTH = 88


def pages() -> dict[str, str]:
    """Return the page."""
    with _width(WIDTH):
        first = _help()
        commands = re.findall(r"^ {4}([a-z]+)\b", first, flags=re.MULTILINE)
        sections = [joined(f"## {name}", fenced(_help(name), "text")) for name in commands]
    return {"reference/command-line.md": joined("# Command line", _INTRODUCTION, fenced(first, "text"), *sections)}


_INTRODUCTION = (
    "What `robust-gym --help` and `robust-gym COMMAND --help` print. Errors are one line, with exit code 2; "
    "`--debug` shows the traceback."
)


def _help(*command: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        cli.main([*command, "--help"])
    return printed.getvalue()


@contextlib.contextmanager
def _width(columns: int) -> Iterator[None]:
    """Have argparse wrap lines at a width, whatever the terminal."""
    before = {name: os.environ.get(name) for name in ("COLUMNS", "NO_COLOR")}
    os.environ.update(COLUMNS=str(columns), NO_COLOR="1")
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
