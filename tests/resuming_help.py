"""A fake algorithm that goes on from checkpoints."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench_help import fakes  # noqa: F401

from robust_gym.bench.cell import Cell
from robust_gym.plugins import load_plugins

RESUMING = """
import time
from dataclasses import dataclass
import numpy as np
from fakes import Fake, FakePolicy, log
from robust_gym.registry import register_algorithm

@register_algorithm("resuming", about="Goes on.", apis=("gymnasium",), actions=("box",))
@dataclass
class Resuming(Fake):
    "Adds up what it draws, and leaves a checkpoint after every step."

    fails_at: int = -1
    when_due: bool = False

    def train(self, task, budget, seed, progress, checkpoints=None):
        rng, total, begin = np.random.default_rng(seed), 0.0, 0
        last = None if checkpoints is None else checkpoints.last
        if last is not None:
            rng.bit_generator.state, total, begin = last["rng"], float(last["total"]), last["steps"]
        log(f"begin {begin}")
        for step in range(begin, budget.steps):
            time.sleep(self.pause / budget.steps)
            total += rng.uniform()
            progress(step + 1)
            if step + 1 == self.fails_at:
                raise RuntimeError("told to fail")
            if checkpoints is not None and (checkpoints.due() or not self.when_due):
                snapshot = {"rng": rng.bit_generator.state, "total": np.array(total), "steps": step + 1}
                checkpoints.save(step + 1, snapshot)
        return FakePolicy(total, f"{task.id} {seed}")
"""


@pytest.fixture(name="resuming")
def cells_that_resume(fakes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:  # noqa: F811
    """Cells of an algorithm that goes on, and that logs where it begins."""
    (tmp_path / "resuming_plugin.py").write_text(RESUMING)
    monkeypatch.syspath_prepend(str(tmp_path))
    # For processes that are not started by this one.
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("ROBUST_GYM_FAKE_LOG", str(tmp_path / "log"))
    load_plugins(("fakes", "resuming_plugin"))

    def one(seed: int = 0, **overrides: Any) -> Cell:
        plugins = ("fakes", "resuming_plugin")
        return Cell("resuming", "Fake-Walk-v0", seed, "smoke", overrides=tuple(overrides.items()), plugins=plugins)

    yield one
    sys.modules.pop("resuming_plugin", None)


def begun(tmp_path: Path) -> list[int]:
    lines = (tmp_path / "log").read_text().splitlines()
    return [int(line.split()[1]) for line in lines if line.startswith("begin")]
