"""The code on the pages: runs it, and compares or renews the output that the pages show.

    python docs/blocks.py --check docs/quickstart.md    fails where a page shows what does not happen
    python docs/blocks.py --write docs/quickstart.md    puts in what happens

All blocks of a page run in order, in one empty folder beside a link to ``examples/``. A block is one of

- ``python``: run; what is printed is the next ``text`` block. With ``title="NAME.py"`` it is written to a file instead.
- ``text title="Output"``: the output of the block before. If the title goes on, its numbers may differ.
- ``console``: lines after ``$`` are commands (after ``>`` what continues one), with what they print below them. Numbers
  may differ.

Parts of files under ``examples/`` are shown in blocks ``{.python}``, which are not run (nor reformatted by ruff).
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = 'title="Output'
MARK = "\x1e"
# Written while something long is running, so that it is there or not.
PASSING = re.compile(r"^\d+ (?:planned|running) · .*\n", re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.])[-−]?\d[\d,]*(?:\.\d*)?(?:e[-+]?\d+)?")
TOLERANCE = 0.02


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its first line after the backticks, its body, and where the body lies."""

    info: str
    body: str
    start: int
    end: int

    @property
    def file(self) -> str | None:
        """The name of the file it is meant to be."""
        found = re.fullmatch(r'python title="(\w+\.py)"', self.info)
        return found.group(1) if found else None


class PageError(ValueError):
    """A page whose code does not run; the message says which block, and what went wrong."""


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page."""
    found = re.finditer(r"^```(\S.*)\n((?:.*\n)*?)```$", page, flags=re.MULTILINE)
    return [Block(match[1].strip(), match[2], match.start(2), match.end(2)) for match in found]


def outputs(page: str) -> list[tuple[Block, str]]:
    """Run a page; return every block that shows output, with what it should show.

    Raises:
        PageError: If code fails.
    """
    found = blocks(page)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "examples").symlink_to(ROOT / "examples")
        for block in found:
            if block.file:
                (folder / block.file).write_text(block.body)
        printed = _run_python([block for block in found if block.info == "python"], folder)
        shown = []
        for before, block in zip([None, *found], found, strict=False):
            if block.info == "console":
                shown.append((block, _run_console(block, folder)))
            elif OUTPUT in block.info:
                if before not in printed:
                    raise PageError(f"the block {block.info!r} does not follow code that is run")
                shown.append((block, printed.pop(before)))
    silent = [block for block, text in printed.items() if block and text]
    if silent:
        raise PageError(f"nothing shows the output of the block that begins {silent[0].body.splitlines()[0]!r}")
    return shown


def _environment(folder: Path) -> dict[str, str]:
    # Examples are imported by name on the pages; with one thread, small networks are several times faster.
    first = {"PATH": Path(sys.executable).parent, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT / 'examples'}"}
    paths = {name: f"{value}{os.pathsep}{os.environ.get(name, '')}" for name, value in first.items()}
    return {"OMP_NUM_THREADS": "1", **os.environ, **paths}


def _run_python(code: Sequence[Block], folder: Path) -> dict[Block | None, str]:
    if not code:
        return {}
    script = f"print({MARK!r})\n".join(block.body for block in code)
    (folder / "page.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=folder, env=_environment(folder), capture_output=True, text=True
    )
    if done.returncode:
        raise PageError(f"the Python code fails: {done.stderr.strip()[-2000:]}")
    printed = done.stdout.split(f"{MARK}\n")
    return dict(zip(code, printed, strict=True))


def _run_console(block: Block, folder: Path) -> str:
    lines = []
    for shown in re.findall(r"^\$ (?:.*\\\n> )*.*$", block.body, flags=re.MULTILINE):
        done = subprocess.run(
            ["bash", "-c", shown[2:].replace("\\\n> ", "")],
            cwd=folder,
            env=_environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise PageError(f"{shown} exits with {done.returncode}: {done.stdout.strip()[-2000:]}")
        printed = [text.rstrip() for text in PASSING.sub("", done.stdout).splitlines()]
        lines += [shown, *printed]
    return "\n".join(lines) + "\n"


def differs(block: Block, happened: str) -> str | None:
    """Return how a block differs from what happened, or ``None`` where it does not."""
    if block.info == "console":
        # Whichever of several workers is done first, its line comes first.
        same = sorted(map(_masked, block.body.splitlines())) == sorted(map(_masked, happened.splitlines()))
    elif block.info.endswith(f'{OUTPUT}"'):
        same = _masked(block.body) == _masked(happened) and _close(block.body, happened)
    else:
        same = _masked(block.body) == _masked(happened)
    return None if same else f"the page shows\n{block.body}\nbut what happens is\n{happened}"


def _masked(text: str) -> str:
    text = re.sub(r"# workers?", "# workers", NUMBER.sub("#", text))
    return re.sub(r"\s+|─+", " ", text).strip()


def _close(text: str, other: str) -> bool:
    pairs = zip(_numbers(text), _numbers(other), strict=True)
    return all(abs(a - b) <= TOLERANCE * max(1.0, abs(a)) for a, b in pairs)


def _numbers(text: str) -> list[float]:
    return [float(number.replace(",", "").replace("−", "-")) for number in NUMBER.findall(text)]


def renewed(page: str) -> str:
    """Return a page with the output that its code has now."""
    for block, happened in reversed(outputs(page)):
        page = page[: block.start] + happened.rstrip() + "\n" + page[block.end :]
    return page


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Check or renew the output that pages show.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="renew the output")
    action.add_argument("--check", action="store_true", help="fail where it differs")
    parser.add_argument("pages", type=Path, nargs="+", metavar="PAGE")
    arguments = parser.parse_args()
    for path in arguments.pages:
        page = path.read_text(encoding="utf-8")
        try:
            if arguments.write:
                path.write_text(renewed(page), encoding="utf-8", newline="\n")
            else:
                problems = [problem for shown in outputs(page) if (problem := differs(*shown))]
                if problems:
                    sys.exit(f"{path}: {problems[0]}")
        except PageError as error:
            sys.exit(f"{path}: {error}")


if __name__ == "__main__":
    main()
