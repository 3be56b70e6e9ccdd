"""The life of a worker process of the local engine."""

from __future__ import annotations

import faulthandler
import io
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection, wait

from robust_gym.bench.worker import run


def worker_main(connection: Connection, log: str, core: int | None, threads: int) -> None:
    """Compute jobs until the driver closes the connection or dies.

    Args:
        connection: Jobs come from it, events go to it.
        log: File for whatever the process prints; it starts anew with every job.
        core: The core to stay on; ``None`` for any.
        threads: How many threads numerical libraries may have.
    """
    # Before anything else: threads that exist already would stay where they are.
    if core is not None:
        os.sched_setaffinity(0, {core})
    ignore_interrupts()
    die_with_parent()
    descriptor = _redirect_output(log)
    faulthandler.enable()
    while True:
        try:
            job = connection.recv()
        except (EOFError, OSError):
            return
        os.ftruncate(descriptor, 0)
        _limit_threads(threads)
        run(job, connection.send)


def ignore_interrupts() -> None:
    """Leave Ctrl-C, which reaches the whole process group, to the driver."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def die_with_parent() -> None:
    """End this process when the driver ends, however it ends."""
    if sys.platform == "linux":
        import ctypes

        # PR_SET_PDEATHSIG is 1. The kernel delivers it even while native code holds the interpreter's lock.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    # For other systems, and for a driver that died before the line above.
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _redirect_output(log: str) -> int:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    # So that a process that is killed has said what it had to say.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    return descriptor


def _limit_threads(threads: int) -> None:
    """As many threads for torch too, wherever something has changed that."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
