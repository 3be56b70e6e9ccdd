"""A run of a submission, played again in a process of its own, which can be stopped."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from robust_gym.bench.child import EXIT_SECONDS, how_it_ended, interrupts_held_back
from robust_gym.bench.limits import Limits, kill_family, memory_mib
from robust_gym.bench.process import die_with_parent, ignore_interrupts
from robust_gym.plugins import load_plugins
from robust_gym.submission.checking import Run
from robust_gym.submission.replaying import Check, ended, verify_run
from robust_gym.submission.verdict import RunVerdict, Word

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

LOOK_SECONDS = 0.2
"""How often time and memory are looked at."""


def verify_run_within(
    limits: Limits, plugins: Sequence[str], run: Run, folder: Path, check: Check, seed: Sequence[int]
) -> RunVerdict:
    """Play a run again within limits, and judge it.

    Args:
        limits: What playing it may use, from the start of its process.
        plugins: Modules to load there first.
        run: The run, checked.
        folder: Its cell, as it lies on the disk.
        check: How.
        seed: Chooses cells and fresh seeds.

    Returns:
        What ``verify_run`` says; that the run could not be verified where a limit was reached or the system killed the
        process; and that it is not verified where the process died by itself.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_verify, args=(theirs, tuple(plugins), run, folder, check, tuple(seed)))
    with interrupts_held_back():
        process.start()
    assert process.pid is not None
    theirs.close()
    started = time.monotonic()
    try:
        while not ours.poll(LOOK_SECONDS) and process.is_alive():
            held = 0.0 if limits.memory_mib is None else memory_mib(process.pid)
            broken = limits.exceeded(time.monotonic() - started, held)
            if broken is not None:
                return ended(run, "could not be verified", f"stopped: {broken}")
        # It may have died without a word, while a process that it has started still holds the connection open.
        with contextlib.suppress(EOFError, OSError):
            if ours.poll():
                return RunVerdict.model_validate_json(ours.recv_bytes())
        process.join(EXIT_SECONDS)
        word: Word = "could not be verified" if process.exitcode == -signal.SIGKILL else "not verified"
        return ended(run, word, f"its policy cannot be played: the process {how_it_ended(process.exitcode)}")
    finally:
        if process.is_alive():
            kill_family(process.pid)
        process.join()
        ours.close()


def _verify(
    connection: Connection, plugins: Sequence[str], run: Run, folder: Path, check: Check, seed: Sequence[int]
) -> None:
    """Play a run in this process, and send the verdict as JSON: nothing that comes back is unpickled."""
    ignore_interrupts()
    die_with_parent()
    load_plugins(plugins)
    connection.send_bytes(verify_run(run, folder, check, seed).model_dump_json().encode())
