"""Files that are either whole or not there, and locks that die with their process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

Files = Mapping[str, bytes]
"""A folder's files: contents by relative path."""

TEMPORARY = ".tmp"
"""Suffix of what is not finished."""

STALE_TRIES = 100
"""How often a lock file may vanish under a network file system before that counts as an error."""


def read_files(directory: Path) -> dict[str, bytes]:
    """Read all files below a folder."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


def read_regular(path: Path, *, links: bool) -> bytes:
    """Read a file that somebody else may have laid there: no device, and no pipe, which could be read for ever.

    Args:
        path: The file.
        links: Whether it may be a symbolic link, which can point at anything on this machine.

    Raises:
        ValueError: If it is something else than a file; the message has its name, but not its folder.
        OSError: If it cannot be read.
    """
    mode = path.stat(follow_symlinks=links).st_mode
    if stat.S_ISLNK(mode):
        raise ValueError(f"{path.name!r} is a symbolic link, and no file; 'cp -rL' copies what links point at")
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path.name!r} is no regular file")
    # It may have become a link since.
    with open(os.open(path, os.O_RDONLY | (0 if links else os.O_NOFOLLOW)), "rb") as file:  # noqa: PTH123
        return file.read()


def write_files(directory: Path, files: Files) -> None:
    """Write files below a folder, which is made where it does not exist."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that, whenever the machine stops, either all of it is there or nothing of it."""
    temporary = _temporary(path)
    with _given_up(path, temporary):
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync(path.parent)


def write_folder_atomically(path: Path, files: Files) -> None:
    """Write a folder that does not exist yet, likewise."""
    temporary = _temporary(path)
    with _given_up(path, temporary):
        write_files(temporary, files)
        for folder, _, names in os.walk(temporary):
            for name in names:
                sync(Path(folder, name))
            sync(Path(folder))
        temporary.rename(path)
        sync(path.parent)


def _temporary(path: Path) -> Path:
    """Return a name for what is not finished, of its own for each writer: two may write one file at once."""
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}{TEMPORARY}")


@contextlib.contextmanager
def _given_up(path: Path, temporary: Path) -> Iterator[None]:
    """Where writing fails, name the file in the error, and give back the room that half of it takes."""
    try:
        yield
    except OSError as error:
        if error.filename is None:  # a full disk is noticed while bytes are written, where no name is known
            error.filename = str(path)
        with contextlib.suppress(OSError):
            _remove(temporary)
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder and the folders above it, so that they outlast a crash."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir(exist_ok=True)
    except FileExistsError:  # a file is in the way
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None
    sync(path.parent)


def remove_temporaries(directory: Path) -> None:
    """Remove what a killed process has left unfinished directly in a folder."""
    for path in directory.glob(f"*{TEMPORARY}"):
        _remove(path)


def move_aside(path: Path) -> Path:
    """Rename a file or folder that cannot be used, so that nothing is lost; return its new path."""
    stem, dot, suffix = path.name.partition(".")
    number = 1
    while (target := path.with_name(f"{stem}.corrupt-{number}{dot}{suffix}")).exists():
        number += 1
    path.rename(target)
    return target


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Lock:
    """An exclusive lock on a path, given back by the operating system when its process dies.

    The file exists only while the lock is held, or after its holder was killed.

    Args:
        path: The lock file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Try to take the lock, without waiting; return whether it was free.

        Raises:
            OSError: If the file cannot be made, or its file system has no locks.
        """
        stale = 0
        while True:
            # Whoever the umask lets write in the folder may lock it too: two people may share one.
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Its holder may have removed the file between the two calls; a lock on a removed file guards nothing.
                if os.path.samestat(os.fstat(descriptor), os.stat(self._path)):  # noqa: PTH116
                    self._descriptor = descriptor
                    return True
            except BlockingIOError:
                return False
            except FileNotFoundError:
                pass
            except OSError as error:
                stale += 1
                # Over a network, the same removal shows as a stale handle.
                if error.errno != errno.ESTALE or stale == STALE_TRIES:
                    raise _explained(error, self._path) from None
            finally:
                if self._descriptor != descriptor:
                    os.close(descriptor)

    def release(self) -> None:
        """Give the lock back; nothing happens if it is not held."""
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None


def held(path: Path) -> bool:
    """Return whether a process holds the lock on a path, without taking it for longer than that.

    Raises:
        OSError: If the file cannot be read, or its file system has no locks.
    """
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno != errno.ESTALE:  # its holder has just removed it
            raise _explained(error, path) from None
    return False


def _explained(error: OSError, path: Path) -> OSError:
    """Return an error of a lock that says which one, and what to do where there are none."""
    text = error.strerror or str(error)
    if error.errno in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
        text = f"this file system has no locks ({text}); mount it with flock, or choose another folder with --out"
    return OSError(error.errno, text, str(path))
