"""Trying packages and tasks in a process of their own, as a broken one may crash, or hang.

As a program it tries what its arguments name, and writes a line about each as soon as it is known.
"""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from robust_gym import registry
from robust_gym.plugins import load_plugins

PROBE_SECONDS = 120.0
"""How long one package may take to be imported, or one task to be made."""

LOOK_SECONDS = 0.05

GPU = "gpu"
"""What PyTorch sees of a GPU; no problem is an empty line."""


def probe(targets: Sequence[str], plugins: Sequence[str], seconds: float = PROBE_SECONDS) -> dict[str, str | None]:
    """Try things; returns what is wrong with each, ``None`` where it works.

    Args:
        targets: ``module:NAME``, ``task:ID``, or ``gpu``.
        plugins: Modules to import first.
        seconds: How long each may take.
    """
    found: dict[str, str | None] = {}
    while len(found) < len(targets):
        left = [target for target in targets if target not in found]
        said, how = _try(left, plugins, seconds)
        found.update(said)
        # One process does for all, so that what they share is loaded once; it is started again after a crash.
        culprit = next((target for target in left if target not in said), None)
        if culprit is not None:
            found[culprit] = how
    return found


def _try(targets: Sequence[str], plugins: Sequence[str], seconds: float) -> tuple[dict[str, str | None], str]:
    """Return what a process says of things, and how it ended."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "found")
        file.touch()
        command = [sys.executable, "-m", __name__, str(file), json.dumps([targets, plugins])]
        # A package may print whatever it likes.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        size, since, how = 0, time.monotonic(), ""
        while process.poll() is None:
            time.sleep(LOOK_SECONDS)
            if file.stat().st_size != size:
                size, since = file.stat().st_size, time.monotonic()
            elif time.monotonic() - since > seconds:
                process.kill()
                how = f"takes longer than {seconds:g} s"
        code = process.wait()
        said = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("]")]
    if not how:
        how = f"ends the process by {signal.Signals(-code).name}" if code < 0 else f"ends the process with code {code}"
    return dict(said), how


def _attempt(target: str) -> str | None:
    kind, _, name = target.partition(":")
    if kind == GPU:
        return _gpu()
    if kind == "module":
        importlib.import_module(name)
        return None
    from robust_gym.tasks import make

    env = make(name)
    try:
        env.reset(seed=0)
    finally:
        env.close()
    return None


DEVICES = "devices: "
"""Before the names of what there is; whatever else comes of looking for it is a fault."""


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return ""
    devices = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    return DEVICES + ", ".join(f"{one.name}, {one.total_memory / 2**20:,.0f} MiB" for one in devices)


def _problem(target: str) -> str | None:
    try:
        return _attempt(target)
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())


def main(file: Path, arguments: Any) -> None:
    """Try what the arguments name.

    Args:
        file: Gets a line about each.
        arguments: Targets and plug-ins.
    """
    targets, plugins = arguments
    load_plugins(plugins)
    registry.list_tasks()
    with file.open("a") as stream:
        for target in targets:
            print(json.dumps([target, _problem(target)]), file=stream, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
