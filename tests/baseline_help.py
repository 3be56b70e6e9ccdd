"""What the tests of the baselines share."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def global_state() -> tuple[Any, ...]:
    """Return the state of every global generator, and torch's number of threads."""
    legacy = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().tolist(), legacy[1].tolist(), random.getstate(), torch.get_num_threads()
