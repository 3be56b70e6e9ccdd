"""Small helps with torch, for rooms that do not import it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


@contextlib.contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run torch, where it is loaded, on one thread: fastest for small networks, and the same bits everywhere."""
    torch = sys.modules.get("torch")
    before = 1 if torch is None else torch.get_num_threads()
    if torch is None or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def tensor(array: np.ndarray) -> Tensor:
    """Return numbers as a float32 tensor of the same shape, sharing memory where it can."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(array, np.float32))
