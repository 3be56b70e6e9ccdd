"""What is large and lives long."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Keep the collector of reference cycles away while many objects are made that all stay.

    It would look through all of them again and again, which takes more than half of the time in which 100,000
    records are read.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
