"""Locks: one holder at a time; also where several people share a folder, behind a network, or without any locks."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench_help import cell, fakes, leftovers  # noqa: F401
from cli_help import Capture, fails

from robust_gym.bench.files import STALE_TRIES, Lock, held
from robust_gym.bench.store import Store

pytestmark = pytest.mark.usefixtures("fakes")
BENCH = ("bench", "--plugin", "fakes", "--algo", "fake", "--tasks", "Fake-Walk-v0", "--budget", "smoke", "--seeds", "1")


def _hold(path: str, ready: Any) -> None:
    assert Lock(Path(path)).acquire()
    ready.set()
    multiprocessing.Event().wait()


def test_lock_dies_with_its_process(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(str(tmp_path / "lock"), ready))
    process.start()
    assert ready.wait(30)
    lock = Lock(tmp_path / "lock")
    assert not lock.acquire()
    process.kill()
    process.join()
    assert lock.acquire()
    lock.release()
    assert leftovers(tmp_path) == []
    process.close()


def _contend(path: str, counter: str, rounds: int) -> None:
    for _ in range(rounds):
        lock = Lock(Path(path))
        while not lock.acquire():
            pass
        number = int(Path(counter).read_text())
        Path(counter).write_text(str(number + 1))
        lock.release()


def test_lock_excludes(tmp_path: Path) -> None:
    """Three processes count up together; where two held the lock at once, a step would be lost."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    context = multiprocessing.get_context("spawn")
    arguments = (str(tmp_path / "lock"), str(counter), 100)
    processes = [context.Process(target=_contend, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
        process.close()
    assert counter.read_text() == "300"


@pytest.fixture
def flock_fails(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let ``flock`` fail so many times."""

    def let(number: int, times: int = 10**6, *, before: Callable[[], None] = lambda: None) -> None:
        left = iter(range(times))
        real = fcntl.flock

        def flock(*arguments: Any) -> None:
            if next(left, None) is not None:
                before()
                raise OSError(number, os.strerror(number))
            real(*arguments)

        monkeypatch.setattr(fcntl, "flock", flock)

    return let


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(tmp_path: Path, flock_fails: Callable[..., None], number: int) -> None:
    path = tmp_path / "lock"
    flock_fails(number)
    before = descriptors()
    for ask in (Lock(path).acquire, lambda: held(path)):
        with pytest.raises(OSError, match="this file system has no locks") as caught:
            ask()
        assert (caught.value.filename, caught.value.errno) == (str(path), number)
        assert "mount it with flock, or choose another folder with --out" in str(caught.value)
    assert descriptors() == before


def test_it_ends_a_campaign_with_one_line(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    real = fcntl.flock

    # As on a machine where temporary files lie on a disk of its own.
    def flock(descriptor: Any, operation: int) -> None:
        number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
        if Path(f"/proc/self/fd/{number}").readlink().is_relative_to(out):
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    line = fails(capsys, *BENCH, "--jobs", "1", "--out", str(out))
    lock = out / "v1/smoke/Fake-Walk-v0/fake/seed-0/lock"
    assert line.startswith(f"{lock}: this file system has no locks (Function not implemented); mount it with flock")


def test_another_error_names_the_file(tmp_path: Path, flock_fails: Callable[..., None]) -> None:
    flock_fails(errno.EIO)
    with pytest.raises(OSError, match="Input/output error") as caught:
        Lock(tmp_path / "lock").acquire()
    assert caught.value.filename == str(tmp_path / "lock")


def test_a_stale_handle_is_asked_for_again(tmp_path: Path, flock_fails: Callable[..., None]) -> None:
    """The holder has removed the file on another machine, which shows as ESTALE."""
    path = tmp_path / "lock"
    flock_fails(errno.ESTALE, 3, before=lambda: path.unlink(missing_ok=True))
    before = descriptors()
    lock = Lock(path)
    assert lock.acquire()
    assert descriptors() == before + 1
    assert held(path)
    lock.release()
    path.touch()
    flock_fails(errno.ESTALE, 1)
    assert not held(path)


def test_a_handle_that_stays_stale_is_an_error(tmp_path: Path, flock_fails: Callable[..., None]) -> None:
    flock_fails(errno.ESTALE, STALE_TRIES)
    before = descriptors()
    with pytest.raises(OSError, match="Stale") as caught:
        Lock(tmp_path / "lock").acquire()
    assert caught.value.filename == str(tmp_path / "lock")
    assert descriptors() == before


@pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o664), (0o022, 0o644), (0o077, 0o600)])
def test_who_may_write_in_the_folder_may_lock(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        claim = Store(tmp_path).claim(cell())
    finally:
        os.umask(before)
    assert claim is not None
    assert (tmp_path / cell().path / "lock").stat().st_mode & 0o777 == mode
    claim.release()
