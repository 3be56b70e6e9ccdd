"""What this machine has and how it is set up, as ``robust-gym doctor`` tells it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from robust_gym import record
from robust_gym.bench.child import THREADS
from robust_gym.bench.cores import cgroup, cpu_quota, usable_cores
from robust_gym.bench.files import Lock
from robust_gym.bench.local import default_jobs

State = Literal["ok", "absent", "warning", "broken"]

RENDERERS = {
    "egl": "apt install libegl1 libegl-mesa0 libgl1-mesa-dri libopengl0",
    "osmesa": "apt install libosmesa6",
    "glfw": "it needs a screen, or xvfb-run",
}
"""How MuJoCo can draw, and what each way needs."""

RENDER_SECONDS = 60.0
"""How long one of them may take to draw a picture."""

LEAST_FREE_MIB = 1024
"""Less room for results than this is worth a warning."""

LEAST_MEMORY_MIB = 1024
"""Less memory for each worker than this, likewise."""

_DRAW = """
import mujoco
model = mujoco.MjModel.from_xml_string('<mujoco><worldbody><light pos="0 0 3"/><geom size="1"/></worldbody></mujoco>')
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 32, 32) as renderer:
    renderer.update_scene(data)
    assert renderer.render().any(), "the picture is empty"
print("drawn")
"""


@dataclass(frozen=True)
class Check:
    """What was found out about one thing.

    Attributes:
        topic: What it belongs to.
        name: The thing.
        state: ``ok``; ``absent``, which is no fault; ``warning``; or ``broken``: it is there and does not work.
        detail: In words.
        install: What to type where something is missing; empty where there is no such line.
    """

    topic: str
    name: str
    state: State
    detail: str
    install: str = ""


def machine() -> Iterator[Check]:
    """Tell about the system, its cores and its memory."""
    yield Check("machine", "system", "ok", platform.platform())
    yield Check("machine", "python", "ok", f"{platform.python_version()} ({sys.executable})")
    cores = len(usable_cores())
    total = os.cpu_count() or 1
    usable = f"{cores}" if cores == total else f"{cores} of {total}"
    quota = cpu_quota()
    limited = "" if quota is None or quota >= cores else f", of which this container may use {quota:g} at a time"
    yield Check("machine", "cores", "ok", usable + limited)
    memory = _memory_mib()
    if memory is not None:
        each = memory / default_jobs()
        state: State = "ok" if each >= LEAST_MEMORY_MIB else "warning"
        yield Check("machine", "memory", state, f"{memory:,.0f} MiB, {each:,.0f} MiB for each worker of bench")


def libraries() -> Iterator[Check]:
    """Tell the versions of what records name."""
    for name, version in sorted(record.provenance().libraries.items()):
        yield Check("libraries", name, "ok", version)


def _memory_mib() -> float | None:
    try:
        installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
    limit = cgroup("memory.max").strip()
    return min(installed, int(limit) if limit.isdigit() else installed) / 2**20


def settings(environment: Mapping[str, str]) -> Iterator[Check]:
    """Tell of environment variables that make programs slow, or stop them.

    Args:
        environment: The variables.
    """
    many = [f"{name}={environment[name]}" for name in THREADS if environment.get(name, "1") != "1"]
    if many:
        line = f"{', '.join(many)}: bench sets 1 for its workers; elsewhere several processes will fight for cores"
        yield Check("settings", "threads", "warning", line)
    elif "OMP_NUM_THREADS" not in environment and default_jobs() > 1:  # which the other libraries heed too
        line = "OMP_NUM_THREADS is unset: bench sets 1 for its workers; scripts of your own use all cores, each"
        yield Check("settings", "threads", "warning", line)
    else:
        yield Check("settings", "threads", "ok", "one for each process")
    chosen = environment.get("MUJOCO_GL", "")
    if chosen and chosen.lower() not in (*RENDERERS, "disable", "disabled", "off", "0", "false", "glx"):
        yield Check("settings", "MUJOCO_GL", "warning", f"{chosen!r}; it is one of {', '.join(RENDERERS)} or disable")
    elif chosen and chosen.lower() not in RENDERERS:
        yield Check("settings", "MUJOCO_GL", "ok", f"{chosen}: MuJoCo draws nothing, which is quickest")


def rendering() -> Iterator[Check]:
    """Draw a picture with MuJoCo in every way it knows, each in a process of its own."""
    with ThreadPoolExecutor(len(RENDERERS)) as threads:
        for name, problem in zip(RENDERERS, threads.map(_draw, RENDERERS), strict=True):
            if problem is None:
                yield Check("rendering", name, "ok", f"draws with MUJOCO_GL={name}")
            else:
                yield Check("rendering", name, "absent", problem, RENDERERS[name])


def _draw(name: str) -> str | None:
    """Return why one way to draw does not work, or ``None`` when it does."""
    environment = {**os.environ, "MUJOCO_GL": name}
    try:
        done = subprocess.run(
            [sys.executable, "-c", _DRAW], env=environment, capture_output=True, text=True, timeout=RENDER_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"draws nothing within {RENDER_SECONDS:g} s"
    if "drawn" in done.stdout:
        return None
    errors = [line for line in done.stderr.splitlines() if line and not line.startswith((" ", "Exception ignored"))]
    return errors[-1] if errors else f"its process ended with code {done.returncode}"


def results_folder(out: Path) -> Iterator[Check]:
    """Try whether results can be written, and leave nothing behind.

    Args:
        out: Where they would go; it need not exist.
    """
    try:
        where = next(place for place in (out.absolute(), *out.absolute().parents) if place.exists())
    except OSError as error:
        yield Check("results", str(out), "broken", f"cannot be looked at: {error.strerror or error}")
        return
    new = "" if where == out.absolute() else f", made in {where}"
    if not where.is_dir():
        yield Check("results", str(out), "broken", f"{where} is a file")
        return
    try:
        with tempfile.TemporaryDirectory(prefix=".robust-gym-", dir=where) as folder:
            Path(folder, "file").write_bytes(b"x" * 2**16)
            lock = Lock(Path(folder, "lock"))
            lock.acquire()
            lock.release()
        free = shutil.disk_usage(where).free / 2**20
    except OSError as error:
        yield Check("results", str(out), "broken", f"cannot be written: {error.strerror or error}")
        return
    state: State = "ok" if free >= LEAST_FREE_MIB else "warning"
    yield Check("results", str(out), state, f"can be written and locked{new}; {free:,.0f} MiB are free")
